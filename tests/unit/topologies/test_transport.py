"""What the transport leans on in Faust, so that a new version which changes it fails here and not in a city."""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from typing import Any

import faust
import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from pipeline.core.model import Partition
from pipeline.core.settings import Kafka, Settings
from topologies.runtime.app import new_app
from topologies.runtime.transport import FETCH_WAIT_MS, Fetched, LedgerConsumer, LedgerTransport


class Ledger:
    """Positions that begin at seven."""

    def __init__(self) -> None:
        self.taken: list[tuple[set[Partition], int]] = []
        self.released = 0

    async def take(self, partitions: Collection[Partition], turn: int) -> Mapping[Partition, int]:
        self.taken.append((set(partitions), turn))
        return dict.fromkeys(partitions, 7)

    async def release(self) -> None:
        self.released += 1


async def ignore(fetched: Fetched) -> None:
    del fetched


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
async def app(ledger: Ledger) -> AsyncIterator[Any]:
    made = new_app(
        Settings(namespace="n.", kafka=Kafka(bootstrap="h1:1, h2:2", member="m1")),
        name="topology-test",
        topic="n.readings.test.v1",
        positions=ledger,
        handle=ignore,
    )
    yield made
    # Faust opens the loops of its threads when it makes them, and closes them when they end.
    for thread in (made.consumer._thread, made.consumer._thread.method_queue):
        loop = getattr(thread, "thread_loop", None)
        if loop is not None:
            loop.close()


def kafka_record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord("t", 3, offset, offset * 1000, 0, b"key", b"value%d" % offset, None, 3, 6, ())


async def test_the_version_is_the_one_that_this_was_read_for() -> None:
    assert importlib.metadata.version("faust-streaming") == "0.15.3"


async def test_a_partition_at_its_end_keeps_the_others_of_its_broker_waiting_for_a_moment_only(app: Any) -> None:
    aiokafka_consumer = app.consumer._thread._create_worker_consumer(app.consumer.transport)

    assert aiokafka_consumer._fetch_max_wait_ms == FETCH_WAIT_MS
    # What it is made with is handed to the fetcher when it starts.
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in inspect.getsource(type(aiokafka_consumer).start)
    await aiokafka_consumer.stop()


async def test_a_fetch_of_a_partition_becomes_one_message_with_all_its_records(app: Any, monkeypatch: Any) -> None:
    consumer = app.consumer
    records = [kafka_record(offset) for offset in (5, 6, 7)]
    tp = TopicPartition("t", 3)

    async def fetched(*_args: Any) -> Any:
        return {tp: records, TopicPartition("t", 4): []}

    monkeypatch.setattr(ThreadDelegateConsumer, "_getmany", fetched)
    consumer._turn = 2
    (found,) = (await consumer._getmany({TP("t", 3)}, 1.0)).items()
    message = consumer._to_message(found[0], found[1][0])

    assert found[0] == tp
    assert len(found[1]) == 1
    assert (message.offset, message.partition, message.tp) == (7, 3, tp)
    assert message.value == Fetched(Partition("t", 3), records, 2)
    assert message.key is None


async def test_the_message_reaches_the_agent_as_it_is(app: Any) -> None:
    (agent,) = app.agents.values()
    consumer = app.consumer
    whole = Fetched(Partition("t", 3), [kafka_record(1)], 1)
    message = consumer._to_message(TP("t", 3), replace(kafka_record(1), key=None, value=whole))

    event = await agent.channel.decode(message, propagate=True)

    assert event.value is whole
    assert event.key is None
    assert agent.name.endswith("topology-test")
    assert agent.channel.acks is False


async def test_what_was_fetched_across_a_rebalance_is_dropped_without_a_seek(app: Any, monkeypatch: Any) -> None:
    consumer = app.consumer

    async def fetched(*_args: Any) -> Any:
        consumer.flow_active = False
        return {TopicPartition("t", 3): [kafka_record(1)]}

    monkeypatch.setattr(ThreadDelegateConsumer, "_getmany", fetched)
    assert await consumer._getmany({TP("t", 3)}, 1.0) is None
    assert "if records is None or self.should_stop" in inspect.getsource(Consumer.getmany)


async def test_positions_come_from_the_ledger_once_for_each_generation(
    app: Any, ledger: Ledger, monkeypatch: Any
) -> None:
    consumer = app.consumer
    sought: list[dict[Any, int]] = []

    async def committed() -> dict[Any, int]:
        return {}

    async def seek_wait(partitions: dict[Any, int]) -> None:
        sought.append(partitions)

    monkeypatch.setattr(consumer, "seek_to_committed", committed)
    monkeypatch.setattr(consumer, "seek_wait", seek_wait)
    monkeypatch.setattr(consumer, "assignment", lambda: {TP("t", 0), TP("t", 1)})
    app.consumer_generation_id = 1
    await asyncio.gather(consumer.perform_seek(), consumer.perform_seek())
    app.consumer_generation_id = 2
    await consumer.perform_seek()

    assert ledger.taken == [({Partition("t", 0), Partition("t", 1)}, turn) for turn in (1, 2)]
    assert sought == [{TP("t", 0): 7, TP("t", 1): 7}] * 2


async def test_faust_seeks_after_every_assignment_and_before_it_lets_records_flow() -> None:
    source = inspect.getsource(Recovery._resume_streams)

    assert source.index("consumer.perform_seek()") < source.index("consumer.resume_flow()")
    assert "self._resume_streams" in inspect.getsource(Recovery._restart_recovery.fun)


async def test_a_revoked_partition_is_released_before_the_group_goes_on(
    app: Any, ledger: Ledger, monkeypatch: Any
) -> None:
    consumer = app.consumer
    order: list[str] = []

    async def revoked(_self: Any, _partitions: Any) -> None:
        order.append(f"faust, released {ledger.released} times")

    monkeypatch.setattr(driver.Consumer, "on_partitions_revoked", revoked)
    await consumer.on_partitions_revoked({TP("t", 0)})

    assert order == ["faust, released 0 times"]
    assert ledger.released == 1
    listener = inspect.getsource(driver.ConsumerRebalanceListener.on_partitions_revoked)
    assert "return thread.on_partitions_revoked" in listener


async def test_the_app_leaves_out_what_faust_could_do_wrong(app: Any) -> None:

    assert isinstance(app.transport, LedgerTransport)
    assert isinstance(app.consumer, LedgerConsumer)
    assert app.conf.id == "n.topology-test"
    assert [str(url) for url in app.conf.broker] == ["aiokafka://h1:1", "aiokafka://h2:2"]
    assert app.conf.consumer_group_instance_id == "n.topology-test-m1"
    assert app.conf.web_enabled is False
    assert app.conf.topic_allow_declare is False
    assert app.conf.topic_disable_leader is True
    assert app.conf.stream_wait_empty is False
    assert app.conf.table_standby_replicas == 0
    assert app.conf.stream_buffer_maxsize == 4
    services = [type(service).__name__ for service in app.boot_strategy.server()]
    assert "Producer" not in services
    assert "Web" not in services
    assert faust.App._create_directories is not type(app)._create_directories


async def test_a_consumer_that_is_stopped_without_a_broker_ends_its_thread_quietly(app: Any, monkeypatch: Any) -> None:
    thread = app.consumer._thread
    stopped: list[str] = []

    async def stop(_self: Any) -> None:
        stopped.append("aiokafka")
        raise asyncio.CancelledError

    assert isinstance(thread, driver.AIOKafkaConsumerThread)
    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_thread_stop", stop)
    await thread.on_thread_stop()

    assert stopped == ["aiokafka"]
