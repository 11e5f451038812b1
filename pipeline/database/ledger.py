"""How far a consumer is, kept in the transaction of its results.

Kafka's committed offsets are for display only. A partition is *taken* by raising its epoch; every batch then moves it
from where it stood, as the owner of that epoch, in the first statement of its transaction. A worker that lost the
partition and does not know it yet (a zombie) finds no row to move and is fenced out, with all it wanted to write.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha1
from typing import Any, Final, NamedTuple, cast

import psycopg
from psycopg.types.json import Jsonb

from pipeline.core import ticks
from pipeline.core.clock import from_us
from pipeline.core.errors import Fenced, LedgerMismatch
from pipeline.core.model import Partition, Record
from pipeline.database.queries import load_queries

_QUERIES = load_queries("pipeline.database")

NOT_BEGUN: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where one partition stands for one consumer."""

    epoch: int
    next_offset: int
    """`NOT_BEGUN`, or the next record to process."""
    last_hash: bytes | None = None
    raw_offset: int = -1
    """Highest raw offset seen; records that are not above it are a repeated block."""
    bridges: Mapping[str, int]
    """What each bridge vouches for, in microseconds since 1970."""

    @property
    def as_of_us(self) -> int | None:
        """Up to when the partition is complete."""
        return ticks.as_of(self.bridges)

    def after(self, last: Record, *, raw_offset: int, bridges: Mapping[str, int]) -> Position:
        """The position behind the record `last`."""
        return replace(
            self,
            next_offset=last.offset + 1,
            last_hash=record_hash(last),
            raw_offset=max(raw_offset, self.raw_offset),
            bridges=bridges,
        )


class Move(NamedTuple):
    """One partition's step in a batch."""

    partition: Partition
    before: Position
    after: Position


def record_hash(record: Record) -> bytes:
    """A short hash by which a record is known again: 8 bytes."""
    digest = sha1(b"%d\n%d\n" % (record.offset, record.timestamp), usedforsecurity=False)
    digest.update(record.key or b"")
    digest.update(b"\n")
    digest.update(record.value or b"")
    return digest.digest()[:8]


async def take(
    connection: psycopg.AsyncConnection[Any], consumer: str, partitions: Collection[Partition]
) -> dict[Partition, Position]:
    """Become the owner of partitions; commits.

    Returns:
        Where each stands; one that nobody has begun has `next_offset = NOT_BEGUN`.
    """
    ordered = sorted(partitions)
    async with connection.transaction():
        cursor = await connection.execute(
            _QUERIES["take_partitions"],
            {
                "consumer": consumer,
                "topics": [p.topic for p in ordered],
                "partitions": [p.number for p in ordered],
            },
        )
        rows = await cursor.fetchall()
    return {
        Partition(topic, number): Position(
            epoch=epoch,
            next_offset=next_offset,
            last_hash=None if last_hash is None else bytes(last_hash),
            raw_offset=raw_offset,
            bridges=cast("dict[str, int]", bridges),
        )
        for topic, number, epoch, next_offset, last_hash, raw_offset, bridges in rows
    }


async def advance(cursor: psycopg.AsyncCursor[Any], consumer: str, moves: Sequence[Move]) -> None:
    """Move partitions; must be the first statement of the batch's transaction.

    Raises:
        Fenced: at least one of them is another worker's by now. The transaction must not be committed.
    """
    ordered = sorted(moves, key=lambda move: move.partition)
    await cursor.execute(
        _QUERIES["advance_partitions"],
        {
            "consumer": consumer,
            "topics": [m.partition.topic for m in ordered],
            "partitions": [m.partition.number for m in ordered],
            "epochs": [m.before.epoch for m in ordered],
            "expected": [m.before.next_offset for m in ordered],
            "next_offsets": [m.after.next_offset for m in ordered],
            "hashes": [m.after.last_hash for m in ordered],
            "raw_offsets": [m.after.raw_offset for m in ordered],
            "bridges": [Jsonb(dict(m.after.bridges)) for m in ordered],
            "as_of": [None if m.after.as_of_us is None else from_us(m.after.as_of_us) for m in ordered],
        },
    )
    if cursor.rowcount != len(ordered):
        raise Fenced(f"{consumer}: {len(ordered) - cursor.rowcount} of {len(ordered)} partitions were taken over")


def start_of(
    consumer: str, partition: Partition, position: Position, *, beginning: int, end: int, previous: Record | None
) -> int:
    """Where to read on, after holding the ledger against the log.

    Args:
        consumer: for the message.
        partition: whose log it is.
        position: what the ledger says.
        beginning: the log's first offset.
        end: the log's next offset.
        previous: the record at `next_offset - 1`, where the log still has it.

    Raises:
        LedgerMismatch: the topic was created anew, the database is ahead of the log, or retention has overtaken us.
    """
    remedy = f"the remedy: silkstream ledger reset --consumer {consumer} --topic {partition.topic} --to beginning"
    where = f"{consumer}: {partition.topic}[{partition.number}]"
    if position.next_offset == NOT_BEGUN:
        return beginning
    if position.next_offset > end:
        raise LedgerMismatch(
            f"{where}: the ledger is at offset {position.next_offset}, the log ends at {end}: "
            f"the topic was created anew or the log was lost; {remedy}"
        )
    if position.next_offset < beginning:
        raise LedgerMismatch(
            f"{where}: the ledger is at offset {position.next_offset}, the log begins at {beginning}: "
            f"retention took {beginning - position.next_offset} records before they were processed; {remedy}"
        )
    if previous is not None and record_hash(previous) != position.last_hash:
        raise LedgerMismatch(
            f"{where}: the record at offset {previous.offset} is not the one that was processed: "
            f"the topic was created anew; {remedy}"
        )
    return position.next_offset


async def show(connection: psycopg.AsyncConnection[Any]) -> list[tuple[Any, ...]]:
    """Rows (consumer, topic, partition, epoch, next offset, raw offset, as of, updated at)."""
    cursor = await connection.execute(_QUERIES["show_ledger"])
    return list(await cursor.fetchall())


async def reset(connection: psycopg.AsyncConnection[Any], consumer: str, topic: str | None) -> int:
    """Let a consumer begin again at the beginning of its log; every later event leaps over published sequences.

    Returns:
        How many partitions were reset.
    """
    async with connection.transaction():
        cursor = await connection.execute(_QUERIES["reset_ledger"], {"consumer": consumer, "topic": topic})
        count = cursor.rowcount
        await connection.execute(_QUERIES["raise_sequences"])
    return count
