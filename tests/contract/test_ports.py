"""What a log must do, whichever it is: one suite for the ports, on memory and on the real Kafka.

The memory double is what the server-free tests stand on, so it is proved here and not trusted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import pytest

from pipeline.core.model import Outgoing, Partition, Record
from pipeline.core.topics import DAY_MS, Topic
from pipeline.kafka.consumer import open_log, open_source
from pipeline.kafka.memory import MemoryBroker, MemoryLog, MemorySink, open_memory_source
from pipeline.kafka.ports import Log, Prepare, Sink, Source
from pipeline.kafka.producer import open_sink
from pipeline.kafka.provision import delete_topics, provision
from tests.integration.servers import eventually, fresh_settings

TOPIC = "contract.v1"
PARTITIONS = 4
NOW_MS = 1_795_313_345_000


def record(number: int, *, partition: int = 0, key: bytes | None = b"device", value: bytes | None = None) -> Outgoing:
    """The `number`-th record of a test."""
    return Outgoing(
        topic=TOPIC,
        partition=partition,
        timestamp=NOW_MS + number,
        key=key,
        value=b"%d" % number if value is None else value,
        headers=[("number", b"%d" % number)],
    )


def values(records: Sequence[Record]) -> list[int]:
    """The numbers of records."""
    return [int(each.value or b"-1") for each in records]


class Installation(ABC):
    """A log to be proved."""

    def named(self, outgoing: Outgoing) -> Outgoing:
        """The record as this log names its topic."""
        return outgoing

    def partition(self, number: int) -> Partition:
        """A partition of the topic."""
        return Partition(TOPIC, number)

    @abstractmethod
    def sink(self) -> AbstractAsyncContextManager[Sink]: ...

    @abstractmethod
    def log(self) -> AbstractAsyncContextManager[Log]: ...

    @abstractmethod
    def source(self, prepare: Prepare | None = None) -> AbstractAsyncContextManager[Source]: ...


class InMemory(Installation):
    """The double."""

    def __init__(self) -> None:
        self._broker = MemoryBroker()
        self._broker.create(TOPIC, PARTITIONS)

    @asynccontextmanager
    async def sink(self) -> AsyncIterator[Sink]:
        yield MemorySink(self._broker)

    @asynccontextmanager
    async def log(self) -> AsyncIterator[Log]:
        yield MemoryLog(self._broker)

    def source(self, prepare: Prepare | None = None) -> AbstractAsyncContextManager[Source]:
        return open_memory_source(self._broker, group="contract", topics=[TOPIC], prepare=prepare)


class OnKafka(Installation):
    """The real one, in a namespace of the test's own."""

    def __init__(self) -> None:
        self.settings = fresh_settings()
        self.topic = Topic(self.settings.namespace + TOPIC, "", "", PARTITIONS, DAY_MS * 36500, "")

    def named(self, outgoing: Outgoing) -> Outgoing:
        return outgoing._replace(topic=self.topic.name)

    def partition(self, number: int) -> Partition:
        return Partition(self.topic.name, number)

    def sink(self) -> AbstractAsyncContextManager[Sink]:
        return open_sink(self.settings)

    def log(self) -> AbstractAsyncContextManager[Log]:
        return open_log(self.settings)

    def source(self, prepare: Prepare | None = None) -> AbstractAsyncContextManager[Source]:
        return open_source(self.settings, group="contract", topics=[TOPIC], prepare=prepare)


async def send(installation: Installation, records: Sequence[Outgoing]) -> None:
    async with installation.sink() as sink:
        await sink.send([installation.named(each) for each in records])


async def take(source: Source, count: int, *, commit: bool = True) -> dict[Partition, list[Record]]:
    """Fetch until `count` records have come; commit each batch where asked to."""
    taken: dict[Partition, list[Record]] = {}

    async def enough() -> bool:
        batch = await source.fetch(most=100, timeout_seconds=0.2)
        for partition, records in batch.items():
            taken.setdefault(partition, []).extend(records)
        if commit and batch:
            await source.commit({partition: records[-1].offset + 1 for partition, records in batch.items()})
        return sum(map(len, taken.values())) >= count

    await eventually(enough, f"{count} records")
    return taken


class PortsContract:
    """The suite."""

    async def test_a_record_arrives_as_it_was_sent(self, installation: Installation) -> None:
        outgoing = [record(1), record(2, key=None, value=b""), record(3, value=b"\x00\xff")]
        await send(installation, outgoing)
        async with installation.source() as source:
            (arrived,) = (await take(source, 3)).values()

        assert [(r.key, r.value, r.timestamp, list(r.headers)) for r in arrived] == [
            (o.key, o.value, o.timestamp, list(o.headers)) for o in outgoing
        ]
        assert [r.offset for r in arrived] == [0, 1, 2]

    async def test_each_partition_keeps_the_order_in_which_records_were_posted(
        self, installation: Installation
    ) -> None:
        async with installation.sink() as sink:
            pending = [
                await sink.post(
                    [installation.named(record(n, partition=n % PARTITIONS)) for n in range(first, first + 50)]
                )
                for first in range(0, 500, 50)
            ]
            for safe in pending:
                await safe
        async with installation.source() as source:
            taken = await take(source, 500)

        assert {p: values(records) for p, records in taken.items()} == {
            installation.partition(p): list(range(p, 500, PARTITIONS)) for p in range(PARTITIONS)
        }

    async def test_what_was_not_committed_comes_again(self, installation: Installation) -> None:
        await send(installation, [record(n) for n in range(10)])
        async with installation.source() as source:
            await take(source, 10, commit=False)
        async with installation.source() as source:
            again = await take(source, 10)

        assert values(again[installation.partition(0)]) == list(range(10))

    async def test_what_was_committed_does_not_come_again(self, installation: Installation) -> None:
        await send(installation, [record(n) for n in range(10)])
        async with installation.source() as source:
            await take(source, 10, commit=False)
            await source.commit({installation.partition(0): 7})
        async with installation.source() as source:
            again = await take(source, 3)
            committed = await source.committed([installation.partition(0), installation.partition(1)])

        assert values(again[installation.partition(0)]) == [7, 8, 9]
        assert committed == {installation.partition(0): 10, installation.partition(1): None}

    async def test_reading_begins_where_prepare_says(self, installation: Installation) -> None:
        await send(installation, [record(n) for n in range(10)])
        prepared: list[Partition] = []

        async def prepare(partitions: Collection[Partition]) -> Mapping[Partition, int]:
            prepared.extend(partitions)
            return {partition: 6 for partition in partitions if partition.number == 0}

        async with installation.source(prepare) as source:
            taken = await take(source, 4)

        assert values(taken[installation.partition(0)]) == [6, 7, 8, 9]
        assert sorted(prepared) == [installation.partition(n) for n in range(PARTITIONS)]

    async def test_two_members_share_and_one_that_leaves_hands_over(self, installation: Installation) -> None:
        async with AsyncExitStack() as first_stack:
            first = await first_stack.enter_async_context(installation.source())
            async with installation.source() as second:

                async def shared() -> bool:
                    for member in (first, second):
                        await member.fetch(most=1, timeout_seconds=0.1)
                    one, other = set(first.assignment), set(second.assignment)
                    return bool(one) and bool(other) and not one & other and len(one | other) == PARTITIONS

                await eventually(shared, "each member has partitions of its own")
                await send(installation, [record(n, partition=n % PARTITIONS) for n in range(40)])
                seen: dict[Partition, list[Record]] = {}

                async def all_seen() -> bool:
                    for member in (first, second):
                        batch = await member.fetch(most=100, timeout_seconds=0.1)
                        for partition, records in batch.items():
                            seen.setdefault(partition, []).extend(records)
                        if batch:
                            await member.commit({p: records[-1].offset + 1 for p, records in batch.items()})
                    return sum(map(len, seen.values())) >= 40

                await eventually(all_seen, "both together see everything")

                assert sorted(n for records in seen.values() for n in values(records)) == list(range(40))

            await send(installation, [record(n, partition=n % PARTITIONS) for n in range(40, 80)])
            rest = await take(first, 40)

            assert sorted(n for records in rest.values() for n in values(records)) == list(range(40, 80))

    async def test_a_log_tells_its_bounds_and_reads_any_stretch(self, installation: Installation) -> None:
        await send(installation, [record(n) for n in range(10)])
        partition, other = installation.partition(0), installation.partition(1)
        async with installation.log() as log:
            bounds = await log.bounds([partition, other])
            middle = await log.read(partition, 3, 6)
            beyond = await log.read(partition, 8, 99)
            nothing = await log.read(other, 0, 5)

        assert bounds[partition] == (0, 10)
        assert bounds[other] == (0, 0)
        assert (values(middle), values(beyond), list(nothing)) == ([3, 4, 5], [8, 9], [])

    async def test_a_log_finds_the_first_record_that_is_not_older(self, installation: Installation) -> None:
        await send(installation, [record(n) for n in (10, 20, 30)])
        partition = installation.partition(0)
        async with installation.log() as log:
            found = [await log.offset_at(partition, NOW_MS + n) for n in (0, 10, 11, 30, 31)]

        assert found == [0, 0, 1, 2, None]

    async def test_lag_is_what_is_left(self, installation: Installation) -> None:
        await send(installation, [record(n) for n in range(10)])
        async with installation.source() as source:
            await take(source, 10)
            before = await source.lag()
            await send(installation, [record(n, partition=1) for n in range(4)])
            after = await source.lag()

        assert sum(before.values()) == 0
        assert after[installation.partition(1)] == 4


class TestMemory(PortsContract):
    """The double keeps the contract."""

    @pytest.fixture
    def installation(self) -> Installation:
        return InMemory()


@pytest.mark.integration
class TestKafka(PortsContract):
    """Kafka keeps the contract."""

    @pytest.fixture
    async def installation(self) -> AsyncIterator[Installation]:
        on_kafka = OnKafka()
        await provision(on_kafka.settings, [on_kafka.topic])
        yield on_kafka
        await delete_topics(on_kafka.settings, [on_kafka.topic.name])
