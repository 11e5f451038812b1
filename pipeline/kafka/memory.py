"""The ports in memory: for tests that need no server, proved by the same suite as Kafka's.

One `MemoryBroker` holds the logs and the groups; several sources of one group share its partitions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from pipeline.core.errors import Fenced
from pipeline.core.model import Outgoing, Partition, Record, StoredRecord
from pipeline.core.retry import sleep_unless
from pipeline.kafka.ports import Batch, Bounds, Prepare


class MemoryBroker:
    """Logs by partition, and what each group has committed."""

    def __init__(self) -> None:
        self.logs: dict[Partition, list[StoredRecord]] = {}
        self.committed: dict[tuple[str, Partition], int] = {}
        self.members: dict[str, list[MemorySource]] = {}
        self.arrived = asyncio.Event()

    def create(self, topic: str, partitions: int) -> None:
        """Create a topic."""
        for number in range(partitions):
            self.logs.setdefault(Partition(topic, number), [])

    def append(self, record: Outgoing) -> StoredRecord:
        """Append to the end of its partition."""
        log = self.logs[Partition(record.topic, record.partition)]
        stored = StoredRecord(
            topic=record.topic,
            partition=record.partition,
            offset=len(log),
            timestamp=record.timestamp,
            key=record.key,
            value=record.value,
            headers=tuple(record.headers),
        )
        log.append(stored)
        self.arrived.set()
        return stored

    def rebalance(self, group: str) -> None:
        """Deal the partitions to the group's members anew."""
        members = self.members.get(group, [])
        wanted = sorted(p for p in self.logs if any(p.topic in m.topics for m in members))
        for index, member in enumerate(members):
            member.assign([p for n, p in enumerate(wanted) if n % len(members) == index])


class MemoryLog:
    """Reads a log beside any group."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def bounds(self, partitions: Collection[Partition]) -> Mapping[Partition, Bounds]:
        """See the port."""
        return {p: Bounds(0, len(self._broker.logs[p])) for p in partitions}

    async def read(self, partition: Partition, start: int, end: int) -> Sequence[Record]:
        """See the port."""
        return self._broker.logs[partition][max(start, 0) : end]

    async def offset_at(self, partition: Partition, timestamp: int) -> int | None:
        """See the port."""
        return next((r.offset for r in self._broker.logs[partition] if r.timestamp >= timestamp), None)


class MemorySource(MemoryLog):
    """A group's member; see the port."""

    def __init__(self, broker: MemoryBroker, group: str, topics: Sequence[str], prepare: Prepare | None) -> None:
        super().__init__(broker)
        self.topics = frozenset(topics)
        self._group = group
        self._prepare = prepare
        self._positions: dict[Partition, int] = {}
        self._unprepared: set[Partition] = set()

    def assign(self, partitions: Collection[Partition]) -> None:
        """Take what the group gives us."""
        self._positions = {p: self._broker.committed.get((self._group, p), 0) for p in partitions}
        self._unprepared = set(partitions)

    @property
    def assignment(self) -> Collection[Partition]:
        """See the port."""
        return list(self._positions)

    async def fetch(self, *, most: int, timeout_seconds: float) -> Batch:
        """See the port."""
        if self._unprepared:
            now, self._unprepared = self._unprepared, set()
            if self._prepare:
                self._positions.update(await self._prepare(now))
        if not (batch := self._next(most)):
            self._broker.arrived.clear()
            if not await sleep_unless(self._broker.arrived, timeout_seconds):
                return {}
            batch = self._next(most)
        return batch

    def _next(self, most: int) -> Batch:
        batch: dict[Partition, Sequence[Record]] = {}
        for partition, position in self._positions.items():
            if most > 0 and (records := self._broker.logs[partition][position : position + most]):
                batch[partition] = records
                self._positions[partition] = records[-1].offset + 1
                most -= len(records)
        return batch

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See the port."""
        for partition, offset in offsets.items():
            if partition not in self._positions:
                raise Fenced(f"{partition} is no longer ours")
            self._broker.committed[self._group, partition] = offset

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, int | None]:
        """See the port."""
        return {p: self._broker.committed.get((self._group, p)) for p in partitions}

    async def lag(self) -> Mapping[Partition, int]:
        """See the port."""
        return {p: len(self._broker.logs[p]) - at for p, at in self._positions.items()}


class MemorySink:
    """A sink; see the port."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def post(self, records: Sequence[Outgoing]) -> Awaitable[None]:
        """See the port."""
        for record in records:
            self._broker.append(record)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def send(self, records: Sequence[Outgoing]) -> None:
        """See the port."""
        await (await self.post(records))


@asynccontextmanager
async def open_memory_source(
    broker: MemoryBroker, *, group: str, topics: Sequence[str], prepare: Prepare | None = None
) -> AsyncIterator[MemorySource]:
    """A member of a group, for the time of a block."""
    source = MemorySource(broker, group, topics, prepare)
    broker.members.setdefault(group, []).append(source)
    broker.rebalance(group)
    try:
        yield source
    finally:
        broker.members[group].remove(source)
        broker.rebalance(group)
