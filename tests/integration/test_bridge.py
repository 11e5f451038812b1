"""The bridge between the real Mosquitto and the real Kafka: nothing is acknowledged before it is safe."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager

import pytest
import structlog

from pipeline.core import clock, ticks
from pipeline.core.deadletter import read_verdict
from pipeline.core.errors import EXIT_SETTINGS, Reason, SettingsError
from pipeline.core.model import Outgoing, Record, header
from pipeline.core.settings import Settings
from pipeline.core.topics import DEAD_LETTER, RAW, RAW_VALUE_BYTES
from pipeline.ingest import mqtt
from pipeline.ingest.bridge import STAGE_BRIDGE, Bridge
from pipeline.ingest.mqtt import Inbox, open_inbox
from pipeline.ingest.translate import Message, Origin, Translator
from pipeline.kafka.partitioner import partition_of
from tests.integration.servers import (
    Proxy,
    application,
    changed,
    context_of,
    count_of,
    event_topic,
    eventually,
    forget_session,
    log_of,
    publish,
    running,
    spawned,
)

pytestmark = pytest.mark.integration

DEVICES = [f"{number:016x}" for number in range(7)]


class WithholdingSink:
    """Takes everything, and says that it is safe when the test says so."""

    def __init__(self) -> None:
        self.posts: list[tuple[Sequence[Outgoing], asyncio.Future[None]]] = []

    async def post(self, records: Sequence[Outgoing]) -> Awaitable[None]:
        safe: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.posts.append((records, safe))
        return safe

    async def send(self, records: Sequence[Outgoing]) -> None:
        await (await self.post(records))

    def values(self) -> list[bytes]:
        return [record.value or b"" for records, _ in self.posts for record in records]


@asynccontextmanager
async def carrying(settings: Settings, sink: WithholdingSink) -> AsyncIterator[Inbox]:
    """A bridge from the real broker to the withholding sink; at the end it goes without a word, as if killed."""
    origin = Origin(settings.bridge.id, "eu868", "ns", settings.namespace, settings.topics.partitions)
    context = context_of(settings, "bridge")

    @asynccontextmanager
    async def open_a_sink() -> AsyncIterator[WithholdingSink]:
        yield sink

    async with open_inbox(settings) as inbox:
        bridge = Bridge(inbox, Translator(origin, partition_of), context.metrics, context.progress)
        task = asyncio.create_task(bridge.run(open_a_sink, context.stop))
        await eventually(lambda: _is(inbox.connected), "the session is there")
        yield inbox
        task.cancel()
        await asyncio.wait({task})


async def _is(value: object) -> bool:
    return bool(value)


async def delivered(settings: Settings) -> list[bytes]:
    """The events that the broker still has for the bridge, up to one published now; nothing is acknowledged."""
    end = b"the end"
    found: list[bytes] = []
    async with open_inbox(settings) as inbox:
        await eventually(lambda: _is(inbox.connected), "the session is there")
        await publish(settings, [(event_topic(settings, DEVICES[0]), end)])

        async def ended() -> bool:
            messages = await inbox.take(most=100, timeout_seconds=1)
            found.extend(message.payload for message in messages if message.topic.startswith("application/"))
            return end in found

        await eventually(ended, "everything up to the end is delivered")
    return found[: found.index(end)]


async def subscribed(settings: Settings) -> None:
    """Let the broker begin the bridge's session."""
    async with open_inbox(settings) as inbox:
        # Published behind the subscription, and back.
        await eventually(lambda: _is(inbox._claimed), "the subscription is made")


async def _publish_one_by_one(settings: Settings, sink: WithholdingSink, payloads: list[bytes]) -> None:
    """Publish so that each message is a parcel of its own."""
    for payload in payloads:
        await publish(settings, [(event_topic(settings, DEVICES[0]), payload)])
        await eventually(lambda: _is(sink.values()[-1:] == [payload]), "the sink has it")  # noqa: B023  # awaited here


async def test_nothing_is_acknowledged_before_the_log_has_it(namespace: Settings) -> None:
    sink = WithholdingSink()
    payloads = [b"%d" % number for number in range(4)]

    async with carrying(namespace, sink):
        await _publish_one_by_one(namespace, sink, payloads)

    assert await delivered(namespace) == payloads
    await forget_session(namespace)


async def test_what_is_safe_early_waits_for_what_came_before_it(namespace: Settings) -> None:
    sink = WithholdingSink()
    payloads = [b"%d" % number for number in range(4)]

    async with carrying(namespace, sink) as inbox:
        await _publish_one_by_one(namespace, sink, payloads)
        acknowledged = _spied(inbox)
        for _, safe in (sink.posts[3], sink.posts[1], sink.posts[0]):
            safe.set_result(None)
        await eventually(lambda: _is(len(acknowledged) == 2), "two are acknowledged")

    assert acknowledged == payloads[:2]
    assert await delivered(namespace) == payloads[2:]
    await forget_session(namespace)


def _spied(inbox: Inbox) -> list[bytes]:
    """Payloads in the order in which their acknowledgements go out from here on."""
    order: list[bytes] = []
    acknowledge = inbox.acknowledge

    def spy(message: Message) -> None:
        order.append(message.payload)
        acknowledge(message)

    inbox.acknowledge = spy  # type: ignore[method-assign]  # a spy on one instance
    return order


async def test_receive_maximum_bounds_what_is_in_our_hands(namespace: Settings) -> None:
    small = changed(namespace, mqtt={"receive_maximum": 5})
    sink = WithholdingSink()
    payloads = [b"%d" % number for number in range(12)]

    async with carrying(small, sink) as inbox:
        await publish(small, [(event_topic(small, DEVICES[0]), payload) for payload in payloads])
        await eventually(lambda: _is(len(sink.values()) == 5), "five are handed over")
        assert inbox.waiting == 0

    assert sink.values() == payloads[:5]
    assert await delivered(namespace) == payloads
    await forget_session(namespace)


async def test_a_broker_that_disregards_receive_maximum_is_read_no_further_than_we_hold(
    namespace: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "READ_AHEAD", 20)
    await subscribed(namespace)
    payloads = [b"%d" % number for number in range(500)]
    await publish(namespace, [(event_topic(namespace, DEVICES[0]), payload) for payload in payloads])
    most = 0
    taken: list[bytes] = []

    async with open_inbox(changed(namespace, mqtt={"receive_maximum": 7})) as inbox:
        while len(taken) < len(payloads):
            messages = await inbox.take(most=3, timeout_seconds=5)
            for message in messages:
                inbox.acknowledge(message)
            taken += [message.payload for message in messages]
            most = max(most, inbox.waiting)

    assert taken == payloads
    assert 7 < most <= 20


async def test_what_waits_is_dropped_where_a_new_connection_brings_it_again(namespace: Settings) -> None:
    payloads = [b"%d" % number for number in range(5)]
    async with (
        Proxy(namespace.mqtt.host, namespace.mqtt.port).serving() as proxy,
        open_inbox(changed(namespace, mqtt={"port": proxy.port})) as inbox,
    ):
        await eventually(lambda: _is(inbox.connected), "the session is there")
        await publish(namespace, [(event_topic(namespace, DEVICES[0]), payload) for payload in payloads])
        await eventually(lambda: _is(inbox.waiting == len(payloads)), "all wait")
        proxy.cut()
        await eventually(lambda: _is(not inbox.connected), "the connection is lost")
        proxy.open = True
        await eventually(lambda: _is(inbox.connected), "the connection is back")
        again = await _take(inbox, len(payloads))

    assert [message.payload for message in again] == payloads
    assert {message.connection for message in again} == {inbox.connection}
    await forget_session(namespace)


async def test_a_lost_session_discards_the_acknowledgements_that_were_pending(namespace: Settings) -> None:
    async with Proxy(namespace.mqtt.host, namespace.mqtt.port).serving() as proxy:
        through = changed(namespace, mqtt={"port": proxy.port})
        async with open_inbox(through) as inbox:
            await eventually(lambda: _is(inbox.connected), "the session is there")
            await publish(namespace, [(event_topic(namespace, DEVICES[0]), b"before")])
            (old,) = await _take(inbox, 1)
            proxy.cut()
            await eventually(lambda: _is(not inbox.connected), "the connection is lost")
            await forget_session(namespace)
            proxy.open = True
            await eventually(lambda: _is(inbox.connected), "there is a new session")
            await publish(namespace, [(event_topic(namespace, DEVICES[0]), b"after")])
            (new,) = await _take(inbox, 1)
            assert (new.payload, new.mid) == (b"after", old.mid)

            inbox.acknowledge(old)

            assert (inbox.sessions_lost, inbox.acknowledged_late) == (1, 1)

    # The acknowledgement of the old message would have been taken for the new one's.
    assert await delivered(namespace) == [b"after"]
    await forget_session(namespace)


async def _take(inbox: Inbox, count: int) -> list[Message]:
    found: list[Message] = []

    async def enough() -> bool:
        found.extend(await inbox.take(most=count, timeout_seconds=0.5))
        return len(found) >= count

    await eventually(enough, f"{count} messages")
    return found


async def test_messages_of_quality_0_are_carried_and_the_setting_to_change_is_named(settings: Settings) -> None:
    with structlog.testing.capture_logs() as lines:
        async with running(STAGE_BRIDGE, settings) as bridge:
            await _ticking(settings)
            await publish(settings, [(event_topic(settings, DEVICES[0]), b"%d" % n) for n in range(3)], qos=0)
            events = await _events(settings, 3)

    assert [event.value for event in events] == [b"0", b"1", b"2"]
    assert {header(event, "qos") for event in events} == {b"0"}
    warned = [line for line in lines if "QoS 0" in line["event"]]
    assert len(warned) == 1
    assert "qos = 1" in warned[0]["event"]
    assert bridge.discarded() == {}


async def _raw(settings: Settings) -> list[Record]:
    return await log_of(settings, RAW)


async def _events(settings: Settings, count: int) -> list[Record]:
    """The raw events as soon as there are so many."""

    async def enough() -> list[Record]:
        if await count_of(settings, RAW) < count:
            return []
        events = [record for record in await _raw(settings) if record.key is not None]
        return events if len({event.value for event in events}) >= count else []

    return await eventually(enough, f"{count} different events in the raw log")


async def _ticking(settings: Settings) -> None:
    """Wait until the bridge's own tick has come back: its session is there."""

    async def any_tick() -> bool:
        return any(ticks.is_tick(record) for record in await _raw(settings))

    await eventually(any_tick, "a tick in the raw log")


async def test_what_cannot_be_carried_becomes_a_dead_letter_and_holds_nothing_up(settings: Settings) -> None:
    wide = changed(settings, bridge={"filters": (f"application/{application(settings)}/#",)})
    huge = b"\x0a" + bytes(RAW_VALUE_BYTES)
    good = event_topic(settings, DEVICES[0])
    messages = [
        (good, b""),
        (good, huge),
        (f"application/{application(settings)}/device/{DEVICES[0]}/command/down", b"{}"),
        (good, b"good"),
    ]

    async with running(STAGE_BRIDGE, wide) as bridge:
        await _ticking(settings)
        await publish(settings, messages)
        (event,) = await _events(settings, 1)

    assert event.value == b"good"
    letters = sorted(await log_of(settings, DEAD_LETTER), key=lambda letter: read_verdict(letter).reason)
    assert [read_verdict(letter).reason for letter in letters] == [
        Reason.EVENT_EMPTY,
        Reason.EVENT_TOO_LARGE,
        Reason.TOPIC_FOREIGN,
    ]
    assert letters[1].value == huge[:65536]
    assert header(letters[1], "dead-length") == b"%d" % len(huge)
    assert bridge.discarded() == {Reason.EVENT_EMPTY: 1, Reason.EVENT_TOO_LARGE: 1, Reason.TOPIC_FOREIGN: 1}
    assert await delivered(settings) == []


async def test_a_killed_bridge_loses_nothing(settings: Settings) -> None:
    await subscribed(settings)
    payloads = [b"%d" % number for number in range(4000)]
    messages = [(event_topic(settings, DEVICES[n % len(DEVICES)]), payload) for n, payload in enumerate(payloads)]
    publishing = asyncio.create_task(publish(settings, messages))

    for progress in (300, 1500):
        async with spawned("bridge", settings) as bridge:
            await _events(settings, progress)
            bridge.send_signal(signal.SIGKILL)
    await publishing
    async with spawned("bridge", settings):
        events = await _events(settings, len(payloads))

    for device in DEVICES:
        own = [event for event in events if event.key == device.encode()]
        assert list(dict.fromkeys(event.value for event in own)) == payloads[DEVICES.index(device) :: len(DEVICES)]


async def test_a_tick_is_in_every_partition_behind_the_frames_that_it_vouches_for(settings: Settings) -> None:
    await subscribed(settings)
    count = 2000
    await publish(settings, [(event_topic(settings, DEVICES[n % len(DEVICES)]), b"%d" % n) for n in range(count)])
    published_us = clock.now_us()

    async with running(STAGE_BRIDGE, settings):
        await _events(settings, count)
        raw = await eventually(lambda: _vouched(settings, published_us), "a tick in every partition")

    for number in range(settings.topics.partitions):
        own = [record for record in raw if record.partition == number]
        first = next(index for index, record in enumerate(own) if ticks.is_tick(record))
        assert ticks.read_tick(own[first].value).bridge == settings.bridge.id
        assert all(ticks.is_tick(record) for record in own[first:])
        assert own[first - 1].key is not None


async def _vouched(settings: Settings, since_us: int) -> list[Record]:
    raw = await _raw(settings)
    vouched = {
        record.partition
        for record in raw
        if ticks.is_tick(record) and ticks.read_tick(record.value).as_of_us > since_us
    }
    return raw if len(vouched) == settings.topics.partitions else []


async def test_two_bridges_share_a_city_by_disjoint_filters(settings: Settings) -> None:
    word = application(settings)
    other = changed(
        settings, bridge={"id": f"{word}-other", "filters": (f"application/{word}-other/device/+/event/+",)}
    )
    theirs = [(f"application/{word}-other/device/{DEVICES[0]}/event/up", b"theirs %d" % n) for n in range(20)]
    ours = [(event_topic(settings, DEVICES[0]), b"ours %d" % n) for n in range(20)]

    async with running(STAGE_BRIDGE, settings), running(STAGE_BRIDGE, other):
        await eventually(lambda: _ticks_of(settings, 2), "both tick")
        await publish(settings, [message for pair in zip(ours, theirs, strict=True) for message in pair])
        events = await _events(settings, 40)

    by_bridge = {
        name.decode(): [event.value for event in events if header(event, "bridge") == name]
        for name in (settings.bridge.id.encode(), other.bridge.id.encode())
    }
    assert by_bridge == {settings.bridge.id: [v for _, v in ours], other.bridge.id: [v for _, v in theirs]}
    await forget_session(other)


async def _ticks_of(settings: Settings, bridges: int) -> bool:
    return len({ticks.read_tick(r.value).bridge for r in await _raw(settings) if ticks.is_tick(r)}) == bridges


async def test_a_bridge_whose_client_id_is_taken_over_ends_with_the_setting_to_change(settings: Settings) -> None:
    async with spawned("bridge", settings, errors=PIPE) as bridge:
        await _ticking(settings)
        async with open_inbox(settings):
            _, said = await asyncio.wait_for(bridge.communicate(), 30)

    assert bridge.returncode == EXIT_SETTINGS
    assert b"setting bridge.id: another client is connected" in said
    assert b"Traceback" not in said


async def test_a_shared_subscription_is_refused(namespace: Settings) -> None:
    shared = changed(namespace, bridge={"filters": ("$share/bridges/application/+/device/+/event/+",)})

    with pytest.raises(SettingsError, match="disjoint filters"):
        async with open_inbox(shared):
            pass
