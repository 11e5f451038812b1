"""The bridge: acknowledged in receive order, and only what Kafka has, whatever Kafka does and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from pipeline.core.errors import SettingsError, Transient
from pipeline.core.health import Progress
from pipeline.core.metrics import StageMetrics
from pipeline.core.model import Outgoing
from pipeline.ingest import bridge as bridge_module
from pipeline.ingest.bridge import Bridge
from pipeline.ingest.mqtt import Inbox
from pipeline.ingest.translate import Message, Origin, Translator

ORIGIN = Origin(bridge="b", region="", network_server="", namespace="", partitions=2)


@dataclass
class Fault:
    """What goes wrong with one post: in the call or in what it returned; how many records were written before."""

    in_call: bool
    written: int
    delay: int


@dataclass
class Kafka:
    """A log, and a plan of what happens to each post: so many turns until the acknowledgement, or a fault."""

    plan: Sequence[int | Fault]
    log: list[int] = field(default_factory=list)
    safe: set[int] = field(default_factory=set)
    posts: int = 0
    sinks: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FakeSink]:
        """A sink of its own for each try, as with a real producer."""
        self.sinks += 1
        sink = FakeSink(self)
        try:
            yield sink
        finally:
            for task in sink.tasks:
                task.cancel()
            await asyncio.gather(*sink.tasks, return_exceptions=True)


class FakeSink:
    """Acknowledges in any order; after its first fault nothing of it arrives any more."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._dead = False
        self.tasks: list[asyncio.Task[None]] = []

    async def post(self, records: Sequence[Outgoing]) -> Awaitable[None]:
        plan = self._kafka.plan
        what = plan[self._kafka.posts] if self._kafka.posts < len(plan) else 0
        self._kafka.posts += 1
        if self._dead:
            raise Transient("the sink is broken")
        if isinstance(what, Fault):
            self._dead = True
            self._kafka.log += numbers_of(records[: what.written])
            if what.in_call:
                raise Transient("the broker is away")
        else:
            # The log's order is that of the posts; only the acknowledgements come in any order.
            self._kafka.log += numbers_of(records)
        task = asyncio.create_task(self._settle(records, what))
        self.tasks.append(task)
        return task

    async def _settle(self, records: Sequence[Outgoing], what: int | Fault) -> None:
        if isinstance(what, Fault):
            await turns(what.delay)
            raise Transient("the broker went away")
        await turns(what)
        self._kafka.safe.update(numbers_of(records))

    async def send(self, records: Sequence[Outgoing]) -> None:
        await (await self.post(records))


class FakeInbox:
    """Delivers messages in parts; ends the run when all, or enough, are acknowledged."""

    def __init__(self, messages: Sequence[Message], parts: Sequence[int], kafka: Kafka, *, enough: int) -> None:
        self._messages = list(messages)
        self._parts: Iterator[int] = iter(parts)
        self._kafka = kafka
        self._enough = enough
        self.connected = True
        self.taken = 0
        self.acknowledged: list[int] = []
        self.stop = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._messages)

    async def take(self, *, most: int, timeout_seconds: float) -> list[Message]:
        del timeout_seconds
        await asyncio.sleep(0)
        count = min(next(self._parts, 3), most)
        taken, self._messages = self._messages[:count], self._messages[count:]
        self.taken += len(taken)
        return taken

    def acknowledge(self, message: Message) -> None:
        assert message.mid in self._kafka.safe
        self.acknowledged.append(message.mid)
        if len(self.acknowledged) == self._enough:
            self.stop.set()


def numbers_of(records: Sequence[Outgoing]) -> list[int]:
    """The messages' numbers, which are their payloads."""
    return [int(record.value or b"") for record in records]


async def turns(count: int) -> None:
    """Let everybody else have so many turns."""
    for _ in range(count):
        await asyncio.sleep(0)


@contextmanager
def no_pauses() -> Iterator[None]:
    """Pauses between tries last one turn."""

    async def turn(stop: asyncio.Event, seconds: float) -> bool:
        assert seconds > 0
        await asyncio.sleep(0)
        return stop.is_set()

    with patch.object(bridge_module, "sleep_unless", turn):
        yield


def message(number: int) -> Message:
    """Every fifth is refused: it goes to the dead letters, and is acknowledged all the same."""
    topic = "foreign" if number % 5 == 4 else f"application/1/device/{number % 3:016x}/event/up"
    return Message(topic, b"%d" % number, 1, number, 1)


def new_bridge(inbox: Any) -> Bridge:
    metrics = StageMetrics(CollectorRegistry(), "bridge")
    return Bridge(cast("Inbox", inbox), Translator(ORIGIN, lambda key, count: key[-1] % count), metrics, Progress())


async def carry(kafka: Kafka, count: int, parts: Sequence[int], enough: int) -> FakeInbox:
    """Run a bridge until enough is acknowledged."""
    inbox = FakeInbox([message(number) for number in range(count)], parts, kafka, enough=enough)
    async with asyncio.timeout(20):
        await new_bridge(inbox).run(kafka.open, inbox.stop)
    return inbox


faults = st.builds(
    Fault,
    in_call=st.booleans(),
    written=st.integers(min_value=0, max_value=3),
    delay=st.integers(min_value=0, max_value=20),
)
plans = st.lists(st.one_of(st.integers(min_value=0, max_value=30), st.integers(0, 3), faults), max_size=30)


@given(
    plan=plans,
    parts=st.lists(st.integers(min_value=0, max_value=4), max_size=30),
    count=st.integers(min_value=1, max_value=60),
    share=st.floats(min_value=0, max_value=1),
)
@settings(max_examples=150, deadline=None)
def test_acknowledgements_keep_the_receive_order_and_speak_of_what_is_safe(
    plan: list[int | Fault], parts: list[int], count: int, share: float
) -> None:
    kafka = Kafka(plan)
    enough = max(1, round(count * share))
    with no_pauses():
        inbox = asyncio.run(carry(kafka, count, parts, enough))
    # `acknowledge` itself holds each against what is safe.
    assert len(inbox.acknowledged) >= enough
    assert inbox.acknowledged == list(range(len(inbox.acknowledged)))
    # Without the repeats of what was posted again, the log has the receive order too.
    first_arrivals = list(dict.fromkeys(kafka.log))
    assert first_arrivals == list(range(len(first_arrivals)))
    assert len(first_arrivals) >= len(inbox.acknowledged)


async def test_kafka_away_ten_times_loses_nothing_and_opens_ten_sinks_more() -> None:
    kafka = Kafka([Fault(in_call=False, written=1, delay=3)] * 10)
    with no_pauses():
        inbox = await carry(kafka, 20, [], 20)
    assert inbox.acknowledged == list(range(20))
    assert 2 < kafka.sinks <= 11


async def test_an_operators_mistake_ends_the_bridge_as_what_it_is() -> None:
    class Refused(FakeInbox):
        async def take(self, *, most: int, timeout_seconds: float) -> list[Message]:
            del most, timeout_seconds
            raise SettingsError("the broker refuses our password")

    kafka = Kafka([])
    inbox = Refused([], [], kafka, enough=1)
    with pytest.raises(SettingsError, match="refuses our password"):
        await new_bridge(inbox).run(kafka.open, inbox.stop)
