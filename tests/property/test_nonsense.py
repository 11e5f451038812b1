"""Whatever arrives: no crash, and each message is counted exactly once, under a verdict or a reason.

The number of messages is NONSENSE_MESSAGES. Real events are mutated in their bytes, in their JSON's values and in
their topics; between them come bytes that were never an event.
"""

from __future__ import annotations

import base64
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest

from decoders.registry import load
from pipeline.core import topics
from pipeline.core.deadletter import original_headers, read_verdict
from pipeline.core.errors import Reason
from pipeline.core.model import Outgoing, StoredRecord
from pipeline.decode.batch import _VERDICT_NAMES, BatchDecoder, Outcome
from pipeline.decode.binding import Bindings
from pipeline.ingest.translate import Message, Origin, Translator
from pipeline.kafka.partitioner import partition_of
from tests.unit.pipeline.material import captured, new_state

MESSAGES: Final = int(os.environ.get("NONSENSE_MESSAGES", "100000"))
BATCH: Final = 1000
NOW_US: Final = 1_795_400_000_000_000
WORDS: Final = ("up", "join", "ack", "txack", "log", "status", "location", "integration", "gone", "UP", "")
VALUES: Final[tuple[Any, ...]] = (
    *(0, -1, 2**31, 2**32, 2**63, 2**64, 1e308, -0.0, True, None, "", "x", "\x00", "\ud800", "é" * 300, [], {}, [1]),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00", "1969-12-31T23:59:59Z"),
    *("AA==", "A", "////", {"decoder": "nas_ul20xx"}, {"decoder": "none"}, {"lora": {"spreadingFactor": 1e9}}),
)
TOPICS: Final = (
    "",
    "/",
    "application/1/device/00/event/up",
    "application/1/device/0011223344556677/event/up\n",
    "$SYS",
)

ORIGIN: Final = Origin(bridge="b", region="", network_server="", namespace="", partitions=4)


def mutated_bytes(rng: random.Random, payload: bytes) -> bytes:
    """Some bytes changed, cut, doubled or put in."""
    changed = bytearray(payload)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(4):
            case 0 if at < len(changed):
                changed[at] = rng.randrange(256)
            case 1:
                del changed[at:]
            case 2:
                changed[at:at] = rng.randbytes(rng.randint(1, 3))
            case _:
                changed[at:at] = changed[at : at + 8]
    return bytes(changed)


def mutated_json(rng: random.Random, payload: bytes) -> bytes:
    """One value of the JSON, however deep, replaced by another or taken away."""
    event = orjson.loads(payload)
    place, name = event, rng.choice(list(event))
    while isinstance(place[name], dict) and place[name] and rng.random() < 0.6:
        place, name = place[name], rng.choice(list(place[name]))
    if rng.random() < 0.2:
        del place[name]
    else:
        place[name] = rng.choice(VALUES)
    return json.dumps(event).encode()


def another_frame(rng: random.Random, payload: bytes) -> bytes:
    """A new event of the same device whose payload, port and counter are made up."""
    event = orjson.loads(payload)
    event["deduplicationId"] = str(rng.random())
    event["data"] = base64.b64encode(rng.randbytes(rng.choice((0, 1, 1, 2, 4, 9, 11, 15)))).decode()
    event["fPort"] = rng.choice((0, 1, 1, 2, 3, 4, 6, 24, 25, 50, 60, 85, 99))
    event["fCnt"] = rng.randrange(5)
    return orjson.dumps(event)


def messages(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """MQTT topics and payloads without end."""
    real = captured()
    while True:
        topic, payload = rng.choice(real)
        kind = rng.random()
        if kind < 0.25:
            yield topic, mutated_bytes(rng, payload)
        elif kind < 0.45 and payload[:1] == b"{":
            yield topic, another_frame(rng, payload)
        elif kind < 0.7:
            yield topic, mutated_json(rng, payload) if payload[:1] == b"{" else mutated_bytes(rng, payload)
        elif kind < 0.8:
            yield topic.rpartition("/")[0] + "/" + rng.choice(WORDS), payload
        elif kind < 0.85:
            yield rng.choice(TOPICS), payload
        elif kind < 0.9:
            yield "silkstream/b/tick", rng.choice((b"", b"{}", mutated_bytes(rng, TICK), mutated_bytes(rng, TICK)))
        elif kind < 0.95:
            yield topic, rng.randbytes(rng.randint(0, 60))
        else:
            yield topic, payload


TICK: Final = b'{"bridge": "b", "as_of": "2026-01-01T00:00:00+00:00"}'


def check_dead_letters(outcome: Outcome, origins: dict[int, StoredRecord]) -> Counter[str]:
    """Each dead letter restores the record that it came from; returns their reasons."""
    reasons: Counter[str] = Counter()
    for out in outcome.records:
        if out.topic != topics.DEAD_LETTER:
            continue
        letter = StoredRecord(out.topic, out.partition, 0, out.timestamp, out.key, out.value, out.headers)
        verdict = read_verdict(letter)
        assert verdict.offset is not None
        origin = origins[verdict.offset]
        restored = (verdict.topic, verdict.partition, letter.key, letter.value, original_headers(letter))
        assert restored == (topics.RAW, origin.partition, origin.key, origin.value, list(origin.headers))
        reasons[verdict.reason] += 1
    return reasons


@pytest.mark.timeout(300)
def test_nonsense_crashes_nothing_and_is_counted_exactly_once() -> None:
    rng = random.Random(20260601)
    translator = Translator(ORIGIN, partition_of)
    decoders = load()
    decoder = BatchDecoder(decoders, Bindings(decoders, {}))
    states = [new_state() for _ in range(ORIGIN.partitions)]
    ends = [0] * ORIGIN.partitions
    pending: list[list[StoredRecord]] = [[] for _ in states]
    source = messages(rng)
    counted: Counter[str] = Counter()

    def decode(number: int) -> None:
        batch, pending[number] = pending[number], []
        outcome = decoder.decode(states[number], batch)
        assert outcome.verdicts.total() == len(batch)
        reasons = check_dead_letters(outcome, {record.offset: record for record in batch})
        known = {*_VERDICT_NAMES.values(), "tick"}
        assert reasons == Counter({name: n for name, n in outcome.verdicts.items() if name not in known})
        counted.update(outcome.verdicts)

    def append(out: Outgoing) -> None:
        number = out.partition
        pending[number].append(
            StoredRecord(out.topic, number, ends[number], out.timestamp, out.key, out.value, out.headers)
        )
        ends[number] += 1
        if len(pending[number]) == BATCH:
            decode(number)

    ticks = 0
    for number in range(MESSAGES):
        topic, payload = next(source)
        translation = translator.translate(Message(topic, payload, 1, 1, 1), NOW_US + number * 50_000)
        if translation.refused is None:
            assert {record.topic for record in translation.records} == {topics.RAW}
            ticks += len(translation.records) > 1
            for record in translation.records:
                append(record)
        else:
            (letter,) = translation.records
            assert (letter.topic, letter.value) == (topics.DEAD_LETTER, payload)
            counted[translation.refused] += 1
    for number in range(ORIGIN.partitions):
        decode(number)

    assert set(counted) <= {*_VERDICT_NAMES.values(), "tick", *Reason}
    assert counted.pop("tick", 0) == ticks * ORIGIN.partitions
    assert counted.total() + ticks == MESSAGES
    # Nonsense that is all refused by the first check would prove nothing of the others.
    assert len(counted) > 13
