"""The Kafka source: one member of a group, with positions of our own choosing.

A rebalance waits until the batch in hand is finished (`_idle`), and a partition that was given to us is first
prepared: its state is rebuilt and its position set, before any of its records is handed out.

aiokafka's consumer can fall silent after broker trouble without saying so. `fetch` therefore compares positions with
the end of the log when nothing comes, and raises `Transient` where records wait for half a minute: the stage then
opens a new consumer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError

from pipeline.core.errors import Fenced, Transient
from pipeline.core.model import Partition, Record
from pipeline.core.settings import Settings
from pipeline.kafka.closing import end
from pipeline.kafka.ports import Batch, Bounds, Prepare

_SILENCE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 5.0
_WAIT_MS: Final = 100
_READER_WAIT_MS: Final = 5
"""A reader reads what is there: a fetch of its that waits for more only delays the next question."""


def _tp(partition: Partition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.number)


def _partition(tp: TopicPartition) -> Partition:
    return Partition(tp.topic, tp.partition)


class KafkaLog:
    """Reads a log beside any group."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._reader = consumer

    async def bounds(self, partitions: Collection[Partition]) -> Mapping[Partition, Bounds]:
        """See the port."""
        tps = [_tp(p) for p in partitions]
        try:
            beginnings = await self._reader.beginning_offsets(tps)
            ends = await self._reader.end_offsets(tps)
        except (KafkaError, OSError) as away:
            raise Transient(f"kafka: {away!r}") from away
        return {_partition(tp): Bounds(beginnings[tp], ends[tp]) for tp in tps}

    async def read(self, partition: Partition, start: int, end: int) -> Sequence[Record]:
        """See the port."""
        tp = _tp(partition)
        found: list[Record] = []
        bounds = (await self.bounds([partition]))[partition]
        start, end = max(start, bounds.beginning), min(end, bounds.end)
        if start >= end:
            return found
        try:
            self._reader.assign([tp])
            self._reader.seek(tp, start)
            while (position := await self._reader.position(tp)) < end:
                fetched = await self._reader.getmany(tp, timeout_ms=1000, max_records=10_000)
                found += [record for record in fetched.get(tp, ()) if record.offset < end]
                if not fetched and position == await self._reader.position(tp):
                    # Nothing came in a second: still alive? Raises where it is not.
                    await self.bounds([partition])
            # A broker answers a connection's requests one by one: whoever asks next would wait for the next fetch.
            self._reader.pause(tp)
        except (KafkaError, OSError) as away:
            raise Transient(f"kafka: {away!r}") from away
        return found

    async def offset_at(self, partition: Partition, timestamp: int) -> int | None:
        """See the port."""
        tp = _tp(partition)
        try:
            found = (await self._reader.offsets_for_times({tp: max(timestamp, 0)}))[tp]
        except (KafkaError, OSError) as away:
            raise Transient(f"kafka: {away!r}") from away
        return None if found is None else int(found.offset)


class KafkaSource(KafkaLog):
    """A group's member; see the port."""

    def __init__(self, consumer: AIOKafkaConsumer, reader: AIOKafkaConsumer, prepare: Prepare | None) -> None:
        super().__init__(reader)
        self._consumer = consumer
        self._prepare = prepare
        self._unprepared: set[Partition] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._heard_at = time.monotonic()
        self._looked_at = time.monotonic()
        self.rebalances = 0

    @property
    def assignment(self) -> Collection[Partition]:
        """See the port."""
        return [_partition(tp) for tp in self._consumer.assignment()]

    async def fetch(self, *, most: int, timeout_seconds: float) -> Batch:
        """See the port."""
        self._idle.set()
        try:
            if self._unprepared:
                await self._prepare_partitions()
            fetched = await self._consumer.getmany(timeout_ms=int(timeout_seconds * 1000), max_records=most)
        except (KafkaError, OSError) as away:
            raise Transient(f"kafka: {away!r}") from away
        # From here to the next fetch the caller works on the batch; a rebalance waits for it. What was fetched
        # across a rebalance is dropped: preparing sets the position, so it comes again.
        batch: dict[Partition, Sequence[Record]] = {
            partition: records
            for tp, records in fetched.items()
            if records and (partition := _partition(tp)) not in self._unprepared
        }
        if batch:
            self._idle.clear()
            self._heard_at = time.monotonic()
        else:
            await self._look_for_silence()
        return batch

    async def _prepare_partitions(self) -> None:
        """Rebuild and seek until no rebalance came in between."""
        while self._unprepared:
            now = set(self._unprepared)
            starts = dict(await self._prepare(now)) if self._prepare else {}
            # Each is sought, also where it is to go on from what was committed: what was fetched of it across the
            # rebalance was dropped.
            unnamed = [partition for partition in now if partition not in starts]
            if unnamed:
                committed, bounds = await self.committed(unnamed), await self.bounds(unnamed)
                for partition in unnamed:
                    done = committed[partition]
                    starts[partition] = bounds[partition].beginning if done is None else done
            if now != self._unprepared:
                continue
            for partition in sorted(now):
                # It may have been taken away again a moment ago.
                with suppress(IllegalStateError):
                    self._consumer.seek(_tp(partition), starts[partition])
            self._unprepared -= now

    async def _look_for_silence(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        if not any((await self.lag()).values()):
            self._heard_at = now
        elif now - self._heard_at > _SILENCE_SECONDS:
            raise Transient("kafka: records wait and the consumer has fallen silent")

    async def lag(self) -> Mapping[Partition, int]:
        """See the port."""
        mine = [tp for tp in self._consumer.assignment() if _partition(tp) not in self._unprepared]
        try:
            # A consumer without a position yet would wait for one for ever where Kafka is away.
            async with asyncio.timeout(20):
                ends = await self._consumer.end_offsets(mine) if mine else {}
                return {_partition(tp): max(end - await self._consumer.position(tp), 0) for tp, end in ends.items()}
        except IllegalStateError:
            return {}
        except (KafkaError, OSError) as away:
            raise Transient(f"kafka: {away!r}") from away

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See the port."""
        try:
            await self._consumer.commit({_tp(p): offset for p, offset in offsets.items()})
        except IllegalStateError as lost:
            raise Fenced(f"kafka: {lost}") from lost
        except (KafkaError, OSError) as away:
            raise Transient(f"kafka: {away!r}") from away

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, int | None]:
        """See the port."""
        try:
            return {p: await self._consumer.committed(_tp(p)) for p in partitions}
        except (KafkaError, OSError) as away:
            raise Transient(f"kafka: {away!r}") from away

    def revoked(self) -> asyncio.Event:
        """The event that a rebalance waits for."""
        return self._idle

    def assigned(self, tps: Collection[TopicPartition]) -> None:
        """Note what was given to us."""
        self.rebalances += 1
        self._unprepared = {_partition(tp) for tp in tps}
        self._heard_at = time.monotonic()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    def __init__(self, source: KafkaSource, patience_seconds: float) -> None:
        self._source = source
        self._patience_seconds = patience_seconds

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Let the batch in hand be finished and committed, so that nobody does it twice."""
        if revoked:
            try:
                await asyncio.wait_for(self._source.revoked().wait(), self._patience_seconds)
            except TimeoutError:
                # The batch hangs on somebody who is away. Whoever gets the partition does it again.
                return

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Have them prepared before the next records are handed out."""
        self._source.assigned(assigned)


def _client(settings: Settings, *, wait_ms: int, **more: Any) -> AIOKafkaConsumer:
    """A consumer whose fetches wait so long where there is nothing to fetch."""
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=wait_ms,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        **more,
    )


@asynccontextmanager
async def open_log(settings: Settings) -> AsyncIterator[KafkaLog]:
    """A reader beside any group, for the time of a block."""
    reader = _client(settings, wait_ms=_READER_WAIT_MS)
    async with _started(reader):
        yield KafkaLog(reader)


@asynccontextmanager
async def open_source(
    settings: Settings, *, group: str, topics: Sequence[str], prepare: Prepare | None = None
) -> AsyncIterator[KafkaSource]:
    """A member of the group `group` that reads `topics`, for the time of a block.

    Raises:
        Transient: Kafka is away.
    """
    session_ms = int(settings.kafka.session_seconds * 1000)
    consumer = _client(
        settings,
        wait_ms=_WAIT_MS,
        group_id=settings.namespace + group,
        group_instance_id=f"{settings.namespace}{group}-{settings.kafka.member}" if settings.kafka.member else None,
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=max(session_ms // 3, 300),
        rebalance_timeout_ms=max(session_ms, 30_000),
        # Without co-partitioned topics on one worker, ticks of one partition would arrive at two.
        partition_assignment_strategy=(RangePartitionAssignor,),
    )
    reader = _client(settings, wait_ms=_READER_WAIT_MS)
    source = KafkaSource(consumer, reader, prepare)
    consumer.subscribe([settings.namespace + t for t in topics], listener=_Listener(source, patience_seconds=20))
    async with _started(reader), _started(consumer):
        yield source


@asynccontextmanager
async def _started(consumer: AIOKafkaConsumer) -> AsyncIterator[None]:
    try:
        await consumer.start()
    except (KafkaError, OSError) as away:
        await end(consumer.stop())
        raise Transient(f"kafka: {away!r}") from away
    try:
        yield
    finally:
        await end(consumer.stop())
