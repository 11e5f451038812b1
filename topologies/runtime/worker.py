"""The loop of a topology: a batch of one partition becomes one transaction.

The ledger's row is moved first, so that whoever lost the partition writes nothing. New state enters the cache only
behind the commit. After a fault nothing is repaired in place: the fault is handed to the stage, which closes
everything and opens it anew, from the ledger.

Two lanes, each with its own connection, work on different partitions, so that one computes while the database works
for the other.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic

import psycopg
from psycopg.errors import UniqueViolation

from pipeline.core import clock
from pipeline.core.clock import HOUR_US
from pipeline.core.deadletter import dead_letter
from pipeline.core.errors import Reason, Transient
from pipeline.core.logs import logger
from pipeline.core.model import Outgoing, Partition, Record
from pipeline.core.stage import Context
from pipeline.database import ledger
from pipeline.database.connection import Connection, connected, is_about_the_row, is_about_the_server
from pipeline.database.ledger import Move, Position
from pipeline.kafka.ports import Log, Sink
from topologies.runtime.batch import fold_batch
from topologies.runtime.cache import Cache
from topologies.runtime.fold import Folded, Folder
from topologies.runtime.intake import Intake, Refusal, take_in
from topologies.runtime.model import F, I, S, Topology
from topologies.runtime.places import build_places
from topologies.runtime.tables import Tables, load_places
from topologies.runtime.transport import Fetched

_PATIENCE_SECONDS: Final = 20.0
_AHEAD: Final = 6
"""Batches that wait for a lane: fetches of one partition come in a row, and without room for them one lane idles."""


@dataclass(slots=True)
class Owned(Generic[F, S]):
    """A partition that is ours."""

    partition: Partition
    position: Position
    expected: int
    """The next offset."""
    cache: Cache[F, S]


class Lane:
    """A connection that works on one batch at a time."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.queue: asyncio.Queue[Fetched] = asyncio.Queue(maxsize=_AHEAD)
        self.busy = asyncio.Lock()


class Worker(Generic[I, F, S]):
    """Works on the partitions that the group gives it."""

    def __init__(
        self,
        topology: Topology[I, F, S],
        context: Context,
        *,
        log: Log,
        sink: Sink,
        connections: Sequence[Connection],
    ) -> None:
        self._topology = topology
        self._context = context
        self._settings = context.settings
        self._log = log
        self._sink = sink
        self._tables = Tables(topology, context.settings)
        self._lanes = [Lane(connection) for connection in connections]
        self._owned: dict[Partition, Owned[F, S]] = {}
        self._places = build_places((), ())
        self._turn = 0
        self.fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Ends with the exception that the stage has to end with."""
        self.worked_at = time.monotonic()

    @property
    def _folder(self) -> Folder[I, F, S]:
        topology = self._topology
        return Folder(
            topology.logic,
            self._places,
            topology.late_hours * HOUR_US,
            topology.maintenance,
            topology.surroundings,
        )

    async def run(self) -> None:
        """Work the lanes until cancelled."""
        for lane in self._lanes:
            await self._tables.prepare(lane.connection)
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._work(lane))

    # ── what the transport asks for ──────────────────────────────────────────────────────────────────────────────

    async def take(self, partitions: Collection[Partition], turn: int) -> Mapping[Partition, int]:
        """Become the owner of partitions; a fault ends the stage, not Faust."""
        try:
            await self.release()
            starts = await self._take(partitions)
        except Exception as fault:  # Faust would log it, restart itself and go on
            self._fail(fault)
            # The stage closes the app now, which cancels this.
            await asyncio.Event().wait()
            raise
        self._turn = turn
        self.worked_at = time.monotonic()
        return starts

    async def _take(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        stage = self._topology.stage
        # A connection of its own: taking may be cancelled by the next rebalance.
        async with connected(self._settings, f"{stage}-take") as connection, connection.cursor() as cursor:
            positions = await ledger.take(connection, stage, partitions)
            starts = await self._check(positions)
            self._places = await load_places(cursor)
            caches = await self._tables.load_caches(cursor, {p.number for p in partitions}, self._folder)
        self._owned = {
            partition: Owned(partition, positions[partition], start, caches[partition.number])
            for partition, start in starts.items()
        }
        return starts

    async def _check(self, positions: Mapping[Partition, Position]) -> dict[Partition, int]:
        """Hold the ledger against the log."""
        bounds = await self._log.bounds(positions)
        starts = {}
        for partition, position in sorted(positions.items()):
            previous = None
            following = position.next_offset
            if bounds[partition].beginning < following <= bounds[partition].end:
                found = await self._log.read(partition, following - 1, following)
                previous = found[0] if found else None
            starts[partition] = ledger.start_of(
                self._topology.stage,
                partition,
                position,
                beginning=bounds[partition].beginning,
                end=bounds[partition].end,
                previous=previous,
            )
        return starts

    async def release(self) -> None:
        """Finish the batches in hand; from here to the next `take` nothing is ours."""
        self._owned = {}
        self._turn = -1
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                for lane in self._lanes:
                    async with lane.busy:
                        pass
        except TimeoutError:
            # It hangs on somebody who is away. Whoever gets the partition does the batch again.
            return

    async def handle(self, fetched: Fetched) -> None:
        """Hand a fetch to its lane."""
        if self.fault.done() or fetched.turn != self._turn:
            return
        await self._lanes[fetched.partition.number % len(self._lanes)].queue.put(fetched)

    def owned(self) -> Mapping[Partition, int]:
        """Our partitions and their next offsets."""
        return {partition: owned.expected for partition, owned in self._owned.items()}

    # ── the batch ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _work(self, lane: Lane) -> None:
        while True:
            fetched = await lane.queue.get()
            async with lane.busy:
                owned = self._owned.get(fetched.partition)
                if self.fault.done() or owned is None or fetched.turn != self._turn:
                    continue
                try:
                    await self._process(lane, owned, _expected(owned, fetched.records))
                except asyncio.CancelledError:
                    raise
                except Exception as fault:  # noqa: BLE001  # the stage decides what becomes of it
                    self._fail(fault)

    def _fail(self, fault: Exception) -> None:
        if isinstance(fault, psycopg.Error) and is_about_the_server(fault):
            fault = Transient(f"database: {' '.join(str(fault).split())}")
        if not self.fault.done():
            self.fault.set_exception(fault)

    async def _process(
        self, lane: Lane, owned: Owned[F, S], records: Sequence[Record], *, replacing: bool = False
    ) -> None:
        try:
            await self._commit(lane, owned, records, replacing=replacing)
        except (psycopg.Error, struct.error) as fault:
            if isinstance(fault, psycopg.Error) and not is_about_the_row(fault):
                raise
            await self._reload(lane, owned)
            if isinstance(fault, UniqueViolation) and not replacing:
                # A fact was there of which the rows of now know nothing: somebody has deleted one of those.
                await self._process(lane, owned, records, replacing=True)
            elif len(records) == 1:
                refused = Refusal(records[0], Reason.ROW_REFUSED, str(fault))
                await self._commit(lane, owned, records, refused=refused)
            else:
                # Some row is refused: halve the batch until it is found.
                middle = len(records) // 2
                await self._process(lane, owned, records[:middle], replacing=replacing)
                await self._process(lane, owned, records[middle:], replacing=replacing)

    async def _reload(self, lane: Lane, owned: Owned[F, S]) -> None:
        async with lane.connection.cursor() as cursor:
            number = owned.partition.number
            owned.cache = (await self._tables.load_caches(cursor, [number], self._folder))[number]

    async def _commit(
        self,
        lane: Lane,
        owned: Owned[F, S],
        records: Sequence[Record],
        *,
        refused: Refusal | None = None,
        replacing: bool = False,
    ) -> None:
        started = time.perf_counter()
        position, topology = owned.position, self._topology
        intake = take_in(
            topology.logic, records, message=topology.message, raw_offset=position.raw_offset, bridges=position.bridges
        )
        if refused is not None:
            intake.given.clear()
            intake.refusals = [refused]
        after = position.after(records[-1], raw_offset=intake.raw_offset, bridges=intake.bridges)
        async with lane.connection.transaction(), lane.connection.cursor() as cursor:
            await ledger.advance(cursor, topology.stage, [Move(owned.partition, position, after)])
            store = self._tables.bound_to(cursor, owned.partition.number, replacing=replacing)
            if intake.ticked and await store.requests():
                self._places = await load_places(cursor)
            folded = await fold_batch(
                self._folder, store, owned.cache, intake, rules=topology.rules, as_of_us=after.as_of_us
            )
            await self._sink.send([self._dead_letter(each) for each in (*intake.refusals, *folded.refusals)])
        owned.position = after
        owned.expected = after.next_offset
        owned.cache.devices.update(folded.known)
        for device, deadline_us in folded.deadlines.items():
            owned.cache.schedule(device, deadline_us)
        self._observe(records, intake, folded, started=started)

    def _dead_letter(self, refusal: Refusal) -> Outgoing:
        return dead_letter(
            refusal.record,
            reason=refusal.reason,
            stage=self._topology.stage,
            detail=refusal.detail,
            namespace=self._settings.namespace,
        )

    def _observe(self, records: Sequence[Record], intake: Intake[I], folded: Folded[F, S], *, started: float) -> None:
        metrics = self._context.metrics
        refusals = [*intake.refusals, *folded.refusals]
        discarded = intake.discarded + folded.discarded
        for refusal in refusals:
            discarded[refusal.reason.value] += 1
            logger(self._topology.stage).warning(
                "dead letter",
                reason=refusal.reason.value,
                detail=refusal.detail,
                device=(refusal.record.key or b"").decode(errors="replace"),
                topic=refusal.record.topic,
                partition=refusal.record.partition,
                offset=refusal.record.offset,
            )
        metrics.received.inc(len(records))
        metrics.add_sent("tick", intake.ticked)
        metrics.add_sent("facts", len(records) - intake.ticked - discarded.total())
        metrics.add_discarded(discarded)
        metrics.observe_batch(events=len(records), started=started)
        if intake.newest_us:
            metrics.latency.observe(max(clock.now_us() - intake.newest_us, 0) / 1_000_000)
        as_of = [each for owned in self._owned.values() if (each := owned.position.as_of_us) is not None]
        if as_of:
            metrics.as_of.set(min(as_of) / 1_000_000)
        self.worked_at = time.monotonic()
        self._context.progress.moved()


def _expected(owned: Owned[Any, Any], records: Sequence[Record]) -> Sequence[Record]:
    """The records from the expected offset on.

    Raises:
        Transient: they do not go on there. Opened again, the ledger is held against the log.
    """
    first, last = records[0].offset, records[-1].offset
    expected = owned.expected
    if first > expected or last < expected or last - first + 1 != len(records):
        raise Transient(f"{owned.partition}: records {first} to {last} came where {expected} was expected")
    return records[expected - first :] if first < expected else records
