"""The bridge's loop: take, post, and acknowledge in receive order what is safe.

Killed anywhere, nothing is lost: a message is acknowledged only when Kafka has it, and what was not acknowledged is
delivered again. It may then be in the raw log twice, which decode finds by the event's identity.

When Kafka is away, taking stops at Receive Maximum while the connection lives on; on any fault of the producer a new
one is opened and everything not known to be safe is posted again, in the order in which it came.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from pipeline.core import clock, ticks, topics
from pipeline.core.errors import SettingsError, Transient
from pipeline.core.health import Progress
from pipeline.core.logs import logger
from pipeline.core.metrics import StageMetrics
from pipeline.core.model import Outgoing
from pipeline.core.retry import backoff, sleep_unless
from pipeline.core.stage import Context, Stage
from pipeline.ingest.mqtt import Inbox, open_inbox
from pipeline.ingest.translate import STAGE, Message, Origin, Translator, tick_topic
from pipeline.kafka.partitioner import partition_of
from pipeline.kafka.ports import Sink
from pipeline.kafka.producer import open_sink
from pipeline.kafka.provision import require_topics

_log = logger(STAGE)
_BATCH: Final = 500
_POSTED_AT_ONCE: Final = 8
_QOS0_WARNING_SECONDS: Final = 3600.0

OpenSink = Callable[[], AbstractAsyncContextManager[Sink]]


@dataclass(slots=True)
class _Parcel:
    """Messages that went out together, and their records."""

    messages: list[Message]
    records: list[Outgoing]
    safe: Awaitable[None] | None = field(default=None)


class Bridge:
    """Carries messages from an inbox to a sink."""

    def __init__(self, inbox: Inbox, translator: Translator, metrics: StageMetrics, progress: Progress) -> None:
        self._inbox = inbox
        self._translator = translator
        self._metrics = metrics
        self._progress = progress
        self._unsafe: deque[_Parcel] = deque()
        self._qos0 = 0
        self._qos0_warned_at = float("-inf")

    async def run(self, open_a_sink: OpenSink, stop: asyncio.Event) -> None:
        """Work until `stop`, through any number of outages; returns when nothing is in flight."""
        pauses = backoff()
        while not stop.is_set():
            try:
                async with open_a_sink() as sink:
                    await self._carry(sink, stop)
                    return
            except Transient as away:
                self._metrics.add_error(away)
                self._progress.waits_for("Kafka")
                _log.warning("kafka away", error=str(away), held=sum(len(p.messages) for p in self._unsafe))
                await sleep_unless(stop, next(pauses))

    async def _carry(self, sink: Sink, stop: asyncio.Event) -> None:
        """Post and acknowledge through one sink until `stop`."""
        room = asyncio.Semaphore(_POSTED_AT_ONCE)
        posted: asyncio.Queue[_Parcel | None] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._acknowledge(posted, room))
                for held in list(self._unsafe):
                    await self._post(sink, held, posted, room)
                while not stop.is_set():
                    if parcel := await self._take():
                        self._unsafe.append(parcel)
                        await self._post(sink, parcel, posted, room)
                posted.put_nowait(None)
        except* (Transient, SettingsError) as faults:
            raise faults.exceptions[0] from faults

    async def _post(
        self, sink: Sink, parcel: _Parcel, posted: asyncio.Queue[_Parcel | None], room: asyncio.Semaphore
    ) -> None:
        await room.acquire()
        parcel.safe = await sink.post(parcel.records)
        posted.put_nowait(parcel)

    async def _take(self) -> _Parcel | None:
        messages = await self._inbox.take(most=_BATCH, timeout_seconds=0.5)
        if not messages:
            if self._inbox.connected and not self._unsafe:
                self._progress.moved()
            elif not self._inbox.connected:
                self._progress.waits_for("the MQTT broker")
            return None
        started = time.perf_counter()
        translate = self._translator.translate
        records: list[Outgoing] = []
        refused: Counter[str] = Counter()
        # A microsecond apart: where the ingest time takes an event's place, no two of a device fall together.
        for now_us, message in enumerate(messages, clock.now_us()):
            translation = translate(message, now_us)
            records += translation.records
            if translation.refused is not None:
                refused[translation.refused] += 1
                _log.warning("message refused", reason=translation.refused, topic=message.topic)
        self._metrics.received.inc(len(messages))
        self._metrics.add_discarded(refused)
        self._metrics.observe_batch(events=len(messages), started=started)
        self._watch_qos(messages)
        return _Parcel(messages, records)

    async def _acknowledge(self, posted: asyncio.Queue[_Parcel | None], room: asyncio.Semaphore) -> None:
        """Acknowledge parcel by parcel, in the order in which the messages came."""
        while (parcel := await posted.get()) is not None:
            if parcel.safe is not None:
                await parcel.safe
            for message in parcel.messages:
                self._inbox.acknowledge(message)
            self._unsafe.popleft()
            self._metrics.add_sent(topics.RAW, len(parcel.records))
            self._progress.moved()
            room.release()

    def _watch_qos(self, messages: list[Message]) -> None:
        self._qos0 += sum(message.qos == 0 for message in messages)
        if self._qos0 and time.monotonic() - self._qos0_warned_at > _QOS0_WARNING_SECONDS:
            self._qos0_warned_at = time.monotonic()
            _log.warning(
                "messages arrive with QoS 0: the broker keeps none of them while this bridge is away; set qos = 1 "
                "under [integration.mqtt] in ChirpStack's configuration",
                count=self._qos0,
            )


async def publish_ticks(inbox: Inbox, bridge: str, interval_seconds: float) -> None:
    """Publish a tick each interval, on the bridge's own connection, so that it queues behind the frames."""
    while True:
        tick = ticks.Tick(bridge, clock.now_us())
        handed_over = inbox.publish(tick_topic(bridge), ticks.write_tick(tick))
        await asyncio.sleep(interval_seconds if handed_over else min(interval_seconds, 0.5))


@asynccontextmanager
async def _ticking(inbox: Inbox, context: Context) -> AsyncIterator[None]:
    if context.settings.bridge.ticks == "stream":
        yield
        return
    bridge = context.settings.bridge
    task = asyncio.create_task(publish_ticks(inbox, bridge.id, bridge.tick_seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def run(context: Context) -> None:
    """Run the bridge until `context.stop`."""
    settings = context.settings
    origin = Origin(
        bridge=settings.bridge.id,
        region=settings.bridge.region,
        network_server=settings.bridge.network_server,
        namespace=settings.namespace,
        partitions=settings.topics.partitions,
    )
    context.progress.waits_for("Kafka")
    await require_topics(settings, [topics.RAW, topics.DEAD_LETTER])
    async with open_inbox(settings) as inbox, _ticking(inbox, context):
        bridge = Bridge(inbox, Translator(origin, partition_of), context.metrics, context.progress)
        await bridge.run(lambda: open_sink(settings), context.stop)


STAGE_BRIDGE: Final = Stage(
    name="bridge", about="Carries ChirpStack's events from MQTT into the raw log.", run=run, order=10
)
