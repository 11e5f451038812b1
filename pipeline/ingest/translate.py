"""What becomes of one MQTT message: a raw record, a tick in every partition, or a dead letter. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from pipeline.core import ticks, topics
from pipeline.core.deadletter import PREFIX
from pipeline.core.errors import Reason
from pipeline.core.model import Outgoing
from pipeline.event.read import encoding_of, read_topic

STAGE: Final = "bridge"
CLOCK_TOLERANCE_US: Final = 300_000_000
"""How far ahead of our clock a tick may be; one further ahead would call every device silent."""


PartitionOf = Callable[[bytes, int], int]
"""Which partition a key belongs to among so many."""


class Message(NamedTuple):
    """A PUBLISH as it arrived."""

    topic: str
    payload: bytes
    qos: int
    mid: int
    connection: int
    """Which connection delivered it: an acknowledgement is worth something on that one alone."""


class Origin(NamedTuple):
    """What the bridge writes into each record about itself."""

    bridge: str
    region: str
    network_server: str
    namespace: str
    partitions: int


class Translation(NamedTuple):
    """The records of one message, and the reason where it was refused."""

    records: Sequence[Outgoing]
    refused: Reason | None = None


class _Place(NamedTuple):
    """What only depends on the MQTT topic and the bridge."""

    key: bytes
    partition: int
    headers: tuple[tuple[str, bytes], ...]


class Translator:
    """Turns messages into records; keeps what it knows of each MQTT topic."""

    def __init__(self, origin: Origin, partition_of: PartitionOf) -> None:
        self._origin = origin
        self._partition_of = partition_of
        self._tick_topic = tick_topic(origin.bridge)
        self._raw = origin.namespace + topics.RAW
        self._place = lru_cache(maxsize=100_000)(self._find_place)

    def translate(self, message: Message, now_us: int) -> Translation:
        """The records that a message becomes.

        Args:
            message: as it arrived.
            now_us: when, in microseconds since 1970: the ingest time and Kafka's timestamp.
        """
        if message.topic == self._tick_topic:
            return self._tick(message, now_us)
        place = self._place(message.topic)
        if place is None:
            return self._refuse(message, now_us, Reason.TOPIC_FOREIGN, f"not an event topic: {message.topic!r}")
        payload = message.payload
        if not payload:
            return self._refuse(message, now_us, Reason.EVENT_EMPTY, "the message has no payload")
        if len(payload) > topics.RAW_VALUE_BYTES:
            detail = f"{len(payload)} bytes, the raw topic takes {topics.RAW_VALUE_BYTES}"
            return self._refuse(message, now_us, Reason.EVENT_TOO_LARGE, detail)
        headers = (
            place.headers[0],
            ("ingested_at", b"%d" % now_us),
            *place.headers[1:],
            ("encoding", encoding_of(payload).encode()),
            ("qos", b"%d" % message.qos),
        )
        record = Outgoing(self._raw, place.partition, now_us // 1000, place.key, payload, headers)
        return Translation((record,))

    def _find_place(self, topic: str) -> _Place | None:
        found = read_topic(topic)
        if found is None:
            return None
        key = found.dev_eui.encode()
        headers = (
            (ticks.EVENT_HEADER, found.event.encode()),
            ("mqtt_topic", topic.encode()),
            ("region", self._origin.region.encode()),
            ("network_server", self._origin.network_server.encode()),
            ("bridge", self._origin.bridge.encode()),
        )
        return _Place(key, self._partition_of(key, self._origin.partitions), headers)

    def _tick(self, message: Message, now_us: int) -> Translation:
        try:
            tick = ticks.read_tick(message.payload)
        except ValueError as wrong:
            return self._refuse(message, now_us, Reason.EVENT_UNREADABLE, str(wrong))
        if tick.as_of_us > now_us + CLOCK_TOLERANCE_US:
            return self._refuse(message, now_us, Reason.EVENT_UNREADABLE, "a tick ahead of the bridge's clock")
        return Translation(tick_records(tick, self._raw, partitions=self._origin.partitions, now_us=now_us))

    def _refuse(self, message: Message, now_us: int, reason: Reason, detail: str) -> Translation:
        """A dead letter: what was too large is kept as its beginning, its length and its hash."""
        place = self._place(message.topic)
        payload = message.payload
        added = {"reason": reason.value, "stage": STAGE, "detail": detail, "topic": topics.RAW}
        if len(payload) > topics.DEAD_LETTER_EXCERPT_BYTES:
            added["length"] = str(len(payload))
            added["sha256"] = hashlib.sha256(payload).hexdigest()
            payload = payload[: topics.DEAD_LETTER_EXCERPT_BYTES]
        kept = place.headers if place else (("mqtt_topic", message.topic.encode()),)
        headers = (
            *kept,
            ("encoding", encoding_of(payload).encode()),
            ("ingested_at", b"%d" % now_us),
            ("qos", b"%d" % message.qos),
            *((PREFIX + name, value.encode()) for name, value in added.items()),
        )
        record = Outgoing(
            topic=self._origin.namespace + topics.DEAD_LETTER,
            partition=place.partition if place else 0,
            timestamp=now_us // 1000,
            key=place.key if place else None,
            value=payload,
            headers=headers,
        )
        return Translation((record,), reason)


def tick_topic(bridge: str) -> str:
    """The MQTT topic of a bridge's ticks."""
    return f"silkstream/{bridge}/tick"


def tick_records(tick: ticks.Tick, raw_topic: str, *, partitions: int, now_us: int) -> Sequence[Outgoing]:
    """The tick as a record of every raw partition; it has no key."""
    value = ticks.write_tick(tick)
    headers = ((ticks.EVENT_HEADER, ticks.TICK), ("ingested_at", b"%d" % now_us))
    return [Outgoing(raw_topic, number, now_us // 1000, None, value, headers) for number in range(partitions)]
