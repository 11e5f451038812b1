"""What becomes of one MQTT message."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.core import topics
from pipeline.core.errors import Reason
from pipeline.core.model import Outgoing
from pipeline.core.ticks import Tick, read_tick, write_tick
from pipeline.ingest.translate import CLOCK_TOLERANCE_US, Message, Origin, Translation, Translator

NOW_US = 1_780_000_000_123_456
ORIGIN = Origin(bridge="b1", region="eu868", network_server="ns", namespace="test.", partitions=3)
TOPIC = "application/7/device/00AABBCCDDEEFF11/event/up"


def translated(topic: str, payload: bytes, qos: int = 1) -> Translation:
    translator = Translator(ORIGIN, lambda key, count: (key[-1] + 1) % count)
    return translator.translate(Message(topic, payload, qos, 5, 1), NOW_US)


def headers_of(record: Outgoing) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers}


@pytest.mark.parametrize(("payload", "encoding"), [(b'{"a": 1}', "json"), (b"\x0a\x02xy", "protobuf")])
def test_an_event_goes_into_the_raw_log_untouched_with_where_it_came_from(payload: bytes, encoding: str) -> None:
    (record,) = translated(TOPIC, payload, qos=0).records
    assert record[:5] == ("test.lorawan.raw.v1", (ord("1") + 1) % 3, NOW_US // 1000, b"00aabbccddeeff11", payload)
    assert headers_of(record) == {
        "event": "up",
        "encoding": encoding,
        "mqtt_topic": TOPIC,
        "region": "eu868",
        "network_server": "ns",
        "bridge": "b1",
        "ingested_at": str(NOW_US),
        "qos": "0",
    }


@pytest.mark.parametrize(
    "topic",
    [
        "application/7/device/00aabbccddeeff1/event/up",
        "application/7/device/00aabbccddeeff11/command/down",
        "application/7/device/00aabbccddeeff11/event/up/more",
        "application/7/device/00aabbccddeeff11/event/up\n",
        "application//device/00aabbccddeeff11/event/up",
        "eu868/gateway/0011223344556677/event/up",
        "silkstream/another/tick",
    ],
)
def test_a_foreign_topic_is_a_dead_letter_with_its_bytes(topic: str) -> None:
    (letter,), refused = translated(topic, b"{}")
    assert refused is Reason.TOPIC_FOREIGN
    assert (letter.topic, letter.partition, letter.key, letter.value) == ("test." + topics.DEAD_LETTER, 0, None, b"{}")
    assert headers_of(letter)["mqtt_topic"] == topic
    assert headers_of(letter)["dead-reason"] == "topic_foreign"


def test_an_empty_message_is_a_dead_letter_of_its_device() -> None:
    (letter,), refused = translated(TOPIC, b"")
    assert refused is Reason.EVENT_EMPTY
    assert (letter.key, letter.value) == (b"00aabbccddeeff11", b"")
    # A replay puts it where it would have come from.
    assert headers_of(letter)["dead-topic"] == topics.RAW
    assert headers_of(letter)["event"] == "up"


def test_the_largest_event_is_taken() -> None:
    payload = b"{" * topics.RAW_VALUE_BYTES
    (record,), refused = translated(TOPIC, payload)
    assert refused is None
    assert record.value == payload


def test_what_is_larger_is_kept_as_its_beginning_its_length_and_its_hash() -> None:
    payload = bytes(range(256)) * 4000
    (letter,), refused = translated(TOPIC, payload)
    assert refused is Reason.EVENT_TOO_LARGE
    assert letter.value == payload[: topics.DEAD_LETTER_EXCERPT_BYTES]
    headers = headers_of(letter)
    assert headers["dead-length"] == "1024000"
    assert headers["dead-sha256"] == hashlib.sha256(payload).hexdigest()
    assert headers["dead-detail"] == "1024000 bytes, the raw topic takes 900000"


def test_our_own_tick_goes_into_every_partition_without_a_key() -> None:
    tick = Tick("b1", NOW_US - 5)
    records, refused = translated("silkstream/b1/tick", write_tick(tick))
    assert refused is None
    assert [(r.topic, r.partition, r.key) for r in records] == [("test.lorawan.raw.v1", n, None) for n in range(3)]
    assert {headers_of(r)["event"] for r in records} == {"tick"}
    assert {read_tick(r.value) for r in records} == {tick}


@pytest.mark.parametrize(
    "payload",
    [b"", b"soon", write_tick(Tick("b1", NOW_US + CLOCK_TOLERANCE_US + 1))],
    ids=["empty", "nonsense", "from the future"],
)
def test_a_tick_that_cannot_be_believed_is_a_dead_letter(payload: bytes) -> None:
    (letter,), refused = translated("silkstream/b1/tick", payload)
    assert refused is Reason.EVENT_UNREADABLE
    assert letter.value == payload


def test_a_tick_a_little_ahead_of_our_clock_is_believed() -> None:
    assert translated("silkstream/b1/tick", write_tick(Tick("b1", NOW_US + CLOCK_TOLERANCE_US))).refused is None
