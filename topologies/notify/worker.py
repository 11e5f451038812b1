"""The notifier's stage: what the alert topics say becomes rows of what is to be told, and those are told.

Two halves, with a table between them, as the outbox is between the topologies and Kafka. The first half moves the
ledger and writes the rows in one transaction, so that each change is taken in once; the second tells what is untold.
Nobody outside can be told exactly once: a process that is killed behind the answer and before the note of it tells
again. It does so under the same key.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import aiohttp
import psycopg

from decoders.registry import load
from pipeline.core import clock, topics
from pipeline.core.channels import Notify
from pipeline.core.clock import HOUR_US
from pipeline.core.deadletter import dead_letter
from pipeline.core.errors import Reason, Reject, SettingsError
from pipeline.core.logs import logger
from pipeline.core.model import Outgoing, Partition, Record
from pipeline.core.settings import Settings
from pipeline.core.stage import Context, Stage
from pipeline.database import ledger
from pipeline.database.connection import Connection, connected, is_about_the_row
from pipeline.kafka.consumer import open_source
from pipeline.kafka.ports import Log, Sink, Source
from pipeline.kafka.producer import open_sink
from pipeline.kafka.provision import require_topics
from topologies.notify import rows
from topologies.notify.changes import Change, Decided, decide, read_change
from topologies.notify.deliver import QUERIES, deliver, keep_house, outcomes_on
from topologies.notify.send import senders_of
from topologies.runtime.turn import wait_for_turn

NAME: Final = "notify"
_log = logger(NAME)


class Worker:
    """Takes in what the alert topics say."""

    def __init__(self, connection: Connection, context: Context) -> None:
        self._connection = connection
        self._context = context
        self._positions: dict[Partition, ledger.Position] = {}

    async def prepare(self, log: Log, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Become the owner of partitions, and say where to read on.

        The first notifier ever begins with what comes now: the topics hold three months of alerts. A topic that comes
        later, with a new family, is read from its beginning.
        """
        bounds = await log.bounds(partitions)
        async with self._connection.transaction(), self._connection.cursor() as cursor:
            await cursor.execute(QUERIES["has_begun"], {"consumer": NAME})
            row = await cursor.fetchone()
            positions = await ledger.take(self._connection, NAME, partitions)
            if row is None or not row[0]:
                moves = [await _to_the_end(log, p, positions[p], bounds[p].end) for p in sorted(positions)]
                await ledger.advance(cursor, NAME, moves)
                positions = {move.partition: move.after for move in moves}
        starts = {}
        for partition, position in sorted(positions.items()):
            begin, end = bounds[partition]
            last = position.next_offset - 1
            previous = await log.read(partition, last, last + 1) if begin <= last < end else []
            starts[partition] = ledger.start_of(
                NAME, partition, position, beginning=begin, end=end, previous=previous[0] if previous else None
            )
        self._positions = positions
        return starts

    async def step(self, source: Source, sink: Sink) -> int:
        """One batch, to its end; returns how many records it had."""
        batch = await source.fetch(most=self._context.settings.notify.batch_records, timeout_seconds=0.5)
        for partition, records in sorted(batch.items()):
            await self._take_in(partition, records, sink)
        if batch:
            # For whoever looks at the group's lag; nothing is read from it.
            await source.commit({partition: records[-1].offset + 1 for partition, records in batch.items()})
        self._context.progress.moved()
        return sum(map(len, batch.values()))

    async def _take_in(self, partition: Partition, records: Sequence[Record], sink: Sink) -> None:
        try:
            await self._commit(partition, records, sink)
        except psycopg.Error as fault:
            if not is_about_the_row(fault):
                raise
            if len(records) > 1:
                # Some row is refused: one by one it is found. There are few, people have to read them.
                for record in records:
                    await self._take_in(partition, [record], sink)
            else:
                await self._commit(partition, records, sink, refused=Reject(Reason.ROW_REFUSED, str(fault)))

    async def _commit(
        self, partition: Partition, records: Sequence[Record], sink: Sink, *, refused: Reject | None = None
    ) -> None:
        started = time.perf_counter()
        notify = self._context.settings.notify
        changes: list[Change] = []
        refusals: list[tuple[Record, Reject]] = []
        for record in records:
            try:
                if refused is not None:
                    raise refused
                changes.append(read_change(record))
            except Reject as reject:
                refusals.append((record, reject))
        oldest_ms = (clock.now_us() - round(notify.give_up_hours * HOUR_US)) // 1000
        before = self._positions[partition]
        after = before.after(records[-1], raw_offset=-1, bridges={})
        async with self._connection.transaction(), self._connection.cursor() as cursor:
            await ledger.advance(cursor, NAME, [ledger.Move(partition, before, after)])
            heard = await rows.read_heard(cursor, changes)
            decided = decide(changes, notify.channels, heard, oldest_ms=oldest_ms)
            await rows.store(cursor, decided)
            # Before the commit: a dead letter may come twice, but none may be missing.
            await sink.send([self._dead_letter(record, reject) for record, reject in refusals])
        self._positions[partition] = after
        self._observe(decided, refusals, started=started)

    def _dead_letter(self, record: Record, reject: Reject) -> Outgoing:
        namespace = self._context.settings.namespace
        return dead_letter(record, reason=reject.reason, stage=NAME, detail=str(reject), namespace=namespace)

    def _observe(self, decided: Decided, refusals: Sequence[tuple[Record, Reject]], *, started: float) -> None:
        metrics = self._context.metrics
        discarded = decided.discarded + Counter(reject.reason.value for _, reject in refusals)
        for record, reject in refusals:
            _log.warning(
                "dead letter",
                reason=reject.reason.value,
                detail=str(reject),
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
            )
        count = decided.told_of + discarded.total()
        metrics.received.inc(count)
        metrics.add_sent("notification", decided.told_of)
        metrics.add_discarded(discarded)
        metrics.observe_batch(events=count, started=started)


async def _to_the_end(log: Log, partition: Partition, position: ledger.Position, end: int) -> ledger.Move:
    last = await log.read(partition, end - 1, end)
    if last:
        after = position.after(last[-1], raw_offset=-1, bridges={})
    else:
        # Empty, or retention took all of it.
        after = ledger.Position(epoch=position.epoch, next_offset=end, bridges={})
    return ledger.Move(partition, position, after)


def is_configured(settings: Settings) -> bool:
    """Whether there is a channel, and this is no replay: a replay tells nobody."""
    return bool(settings.notify.channels) and not settings.replay


def check_families(notify: Notify, families: Sequence[str]) -> None:
    """Refuse a filter that lets nothing pass because of a slip.

    Raises:
        SettingsError: names it.
    """
    for name, channel in notify.channels.items():
        if unknown := sorted(set(channel.families) - set(families)):
            raise SettingsError(
                f"setting notify, families of {name}: no decoder is of that family, expected some of "
                f"{', '.join(families)}; given: {unknown[0]!r}"
            )


async def run(context: Context) -> None:
    """Tell people until `context.stop`.

    Raises:
        Transient: Kafka or the database is away.
        SettingsError: no channel is configured, a filter names no family, or a secret cannot be read.
    """
    settings = context.settings
    if settings.replay:
        raise SettingsError("setting replay: a replay tells nobody; this stage has nothing to do in it")
    if not is_configured(settings):
        raise SettingsError(
            "setting notify: no channel is configured; expected [notify.webhooks.NAME] or [notify.mails.NAME]"
        )
    families = sorted({topics.FLEET, *(decoder.family for decoder in load().values())})
    check_families(settings.notify, families)
    wanted = topics.alert_topics(families)
    context.progress.waits_for("Kafka and the database")
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        senders = senders_of(settings.notify, http)
        await require_topics(settings, wanted)
        # The lock goes with this session, which is asked every few seconds: who lost it ends.
        turn = await _connection(stack, settings, f"{NAME}-turn")
        if not await wait_for_turn(turn, QUERIES["lock_notify"], context):
            return
        outcomes = outcomes_on(context.registry, NAME)
        tellers = [
            deliver(sender, await _connection(stack, settings, f"{NAME}-{sender.name}"), context, outcomes)
            for sender in senders
        ]
        worker = Worker(await _connection(stack, settings, NAME), context)
        await _together(_take_in(context, worker, wanted), keep_house(turn, context, outcomes), *tellers)


async def _connection(stack: AsyncExitStack, settings: Settings, application: str) -> Connection:
    connection = await stack.enter_async_context(connected(settings, application))
    await connection.set_autocommit(True)
    return connection


async def _take_in(context: Context, worker: Worker, wanted: Sequence[str]) -> None:
    async def prepare(partitions: Collection[Partition]) -> Mapping[Partition, int]:
        context.progress.waits_for("the ledger of its partitions")
        return await worker.prepare(source, partitions)

    settings = context.settings
    async with (
        open_sink(settings) as sink,
        open_source(settings, group=NAME, topics=wanted, prepare=prepare) as source,
    ):
        while not context.stop.is_set():
            if not await worker.step(source, sink):
                for partition, lag in (await source.lag()).items():
                    context.metrics.set_lag(partition.topic, partition.number, lag)


async def _together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all to their end; the first fault ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from faults


STAGE: Final = Stage(
    name=NAME,
    about="Tells people of alerts, by webhook and e-mail.",
    run=run,
    order=70,
    configured=is_configured,
)
