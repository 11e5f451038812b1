"""Store's loop: fetch, make rows, and write them with the ledger in one transaction.

Kafka's group only deals out partitions; where each stands is in the database. On assignment the epoch is raised, the
ledger held against the log, and reading begins where the database says. Killed anywhere, either the whole batch is
there with its offsets, or nothing of it is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import psycopg

from decoders.registry import load
from pipeline.core import ticks, topics
from pipeline.core.deadletter import dead_letter
from pipeline.core.errors import Reason, Reject
from pipeline.core.logs import logger
from pipeline.core.model import Outgoing, Partition, Record
from pipeline.core.stage import Context, Stage
from pipeline.database import ledger
from pipeline.database.connection import connected
from pipeline.database.families import quantities_by_family, table_of
from pipeline.database.wide import check_wide_tables
from pipeline.kafka.consumer import open_source
from pipeline.kafka.ports import Batch, Sink, Source
from pipeline.kafka.producer import open_sink
from pipeline.kafka.provision import require_topics
from pipeline.store.rows import (
    Rows,
    add_dead_letter,
    add_frame,
    add_reading,
    placing,
    raw_offset_of_tick,
    read_frame,
    read_reading,
)
from pipeline.store.write import (
    FIXED,
    create_staging,
    mark_days,
    mark_hours,
    mark_pressures,
    mark_rollups,
    wide_upsert,
    write_rows,
)

CONSUMER: Final = "store"
_log = logger(CONSUMER)


class Worker:
    """Stores the partitions that the group gives it."""

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        families: Mapping[str, Mapping[str, str]],
        context: Context,
    ) -> None:
        self._connection = connection
        self._context = context
        self._namespace = context.settings.namespace
        self._families = {self._namespace + topics.readings(family): family for family in families}
        self._quantities = families
        self._forms = {family: placing(quantities) for family, quantities in families.items()}
        self._upserts = dict(FIXED) | {
            table_of(family): wide_upsert(family, list(quantities)) for family, quantities in families.items()
        }
        self._dead_letters = self._namespace + topics.DEAD_LETTER
        self._positions: dict[Partition, ledger.Position] = {}

    async def prepare(self, source: Source, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Become the owner of partitions, and say where to read on."""
        positions = await ledger.take(self._connection, CONSUMER, partitions)
        await self._connection.commit()
        bounds = await source.bounds(partitions)
        starts: dict[Partition, int] = {}
        for partition, position in positions.items():
            begin, end = bounds[partition]
            last = position.next_offset - 1
            previous = await source.read(partition, last, last + 1) if begin <= last < end else []
            starts[partition] = ledger.start_of(
                CONSUMER,
                partition,
                position,
                beginning=begin,
                end=end,
                previous=previous[0] if previous else None,
            )
        self._positions = positions
        return starts

    async def step(self, source: Source, sink: Sink) -> int:
        """One batch, to its end; returns how many records it had."""
        metrics = self._context.metrics
        batch = await source.fetch(most=self._context.settings.store.batch_records, timeout_seconds=0.5)
        if not batch:
            self._context.progress.moved()
            return 0
        started = time.perf_counter()
        rows = Rows()
        moves: list[ledger.Move] = []
        unusable: list[Outgoing] = []
        discarded: Counter[str] = Counter()
        for partition, records in batch.items():
            moves.append(self._read(rows, partition, records, unusable=unusable, discarded=discarded))
        # The ledger's step is the first statement: a worker that lost a partition learns it before it writes.
        async with self._connection.transaction(), self._connection.cursor() as cursor:
            await ledger.advance(cursor, CONSUMER, moves)
            refusals = await write_rows(self._connection, rows, self._upserts)
            await mark_hours(self._connection, rows)
            await mark_days(self._connection, rows)
            await mark_rollups(self._connection, rows)
            await mark_pressures(self._connection, rows, self._quantities)
            for refusal in refusals:
                detail = f"{refusal.table}: {refusal.detail}"
                _log.warning("row refused", detail=detail, **_place(refusal.origin))
                unusable.append(self._refuse(refusal.origin, Reason.ROW_REFUSED, detail))
                discarded[Reason.ROW_REFUSED] += 1
            # Before the commit: a dead letter may come twice, but none may be missing.
            await sink.send(unusable)
        self._positions.update({move.partition: move.after for move in moves})
        await self._display(source, batch)
        count = sum(map(len, batch.values()))
        metrics.received.inc(count)
        metrics.add_sent("database", len(rows) - len(refusals))
        metrics.add_discarded(discarded)
        metrics.observe_batch(events=count, started=started)
        self._context.progress.moved()
        return count

    def _read(
        self,
        rows: Rows,
        partition: Partition,
        records: Sequence[Record],
        *,
        unusable: list[Outgoing],
        discarded: Counter[str],
    ) -> ledger.Move:
        """Make rows of a partition's records; what is not above the highest raw offset is a repeated block."""
        before = self._positions[partition]
        highest = before.raw_offset
        bridges = before.bridges
        family = self._families.get(partition.topic)
        for record in records:
            if partition.topic == self._dead_letters:
                add_dead_letter(rows, record)
                continue
            if record.key is None and ticks.is_tick(record):
                raw_offset = raw_offset_of_tick(record)
                if raw_offset > highest:
                    bridges = ticks.advance(bridges, ticks.read_tick(record.value))
                    highest = raw_offset
                continue
            try:
                frame = said = None
                if family is None:
                    frame = read_frame(record)
                    raw_offset = frame.raw_offset
                else:
                    said = read_reading(record, self._forms[family])
                    raw_offset = said.reading.raw_offset
            except Reject as reject:
                _log.warning("record unreadable", detail=str(reject), **_place(record))
                unusable.append(self._refuse(record, reject.reason, str(reject)))
                discarded[reject.reason] += 1
                continue
            if raw_offset <= highest:
                discarded["repeated_block"] += 1
                continue
            highest = raw_offset
            if frame is not None:
                add_frame(rows, record, frame)
            elif family is not None and said is not None:
                add_reading(rows, family, record=record, said=said)
        return ledger.Move(partition, before, before.after(records[-1], raw_offset=highest, bridges=bridges))

    def _refuse(self, record: Record, reason: Reason, detail: str) -> Outgoing:
        return dead_letter(record, reason=reason, stage=CONSUMER, detail=detail, namespace=self._namespace)

    async def _display(self, source: Source, batch: Batch) -> None:
        """Commit to Kafka as well, for whoever looks at the group's lag; nothing is read from it."""
        await source.commit({partition: records[-1].offset + 1 for partition, records in batch.items()})


def _place(record: Record) -> dict[str, Any]:
    return {
        "device": record.key.decode(errors="replace") if record.key else None,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
    }


async def run(context: Context) -> None:
    """Store until `context.stop`."""
    settings = context.settings
    decoders = load()
    families = quantities_by_family(decoders.values())
    wanted = [topics.FRAME, topics.DEAD_LETTER, *(topics.readings(family) for family in families)]
    context.progress.waits_for("Kafka and the database")
    await require_topics(settings, wanted)
    async with connected(settings, CONSUMER) as connection:
        await check_wide_tables(connection, decoders.values())
        await create_staging(connection, families)
        worker = Worker(connection, families, context)

        async def prepare(partitions: Collection[Partition]) -> Mapping[Partition, int]:
            context.progress.waits_for("the ledger of its partitions")
            return await worker.prepare(source, partitions)

        async with (
            open_sink(settings) as sink,
            open_source(settings, group=CONSUMER, topics=wanted, prepare=prepare) as source,
        ):
            while not context.stop.is_set():
                if not await worker.step(source, sink):
                    for partition, lag in (await source.lag()).items():
                        context.metrics.set_lag(partition.topic, partition.number, lag)


STAGE_STORE: Final = Stage(name=CONSUMER, about="Writes frames and readings as rows.", run=run, order=30)
