"""Reads the logs of a namespace whole, and recomputes from the raw one what the others should hold.

The recomputation is the pure decode in one pass over each partition, without batches, processes or failures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Final

import orjson

from decoders.registry import load as load_decoders
from pipeline.core import identity, ticks, topics
from pipeline.core.deadletter import read_verdict
from pipeline.core.model import Outgoing, Partition, Record
from pipeline.core.samples import Forms, samples_of
from pipeline.core.settings import Settings
from pipeline.decode.batch import STAGE as DECODE
from pipeline.decode.batch import BatchDecoder, State
from pipeline.decode.binding import Bindings
from pipeline.decode.duplicates import History
from pipeline.kafka.consumer import KafkaLog
from pipeline.store.rows import raw_offset_of_tick
from schemas.silkstream.v1 import frame_pb2
from schemas.silkstream.v1.reading_view_pb2 import ReadingView
from tests.chaos.settle import families, partitions_of

CHUNK: Final = 5000
FORMS: Final = Forms(lambda form: form)
VERDICTS: Final = {number: name.removeprefix("VERDICT_").lower() for name, number in frame_pb2.Verdict.items()}
Digest = bytes
Place = tuple[str, int]
"""A topic with its namespace, and a partition's number."""


@dataclass(slots=True)
class Recomputed:
    """What the raw log says, and what follows from it."""

    records: int = 0
    ticks: int = 0
    repeats: int = 0
    """Raw records whose event was there before: repetitions of ChirpStack's, the broker's or the bridge's."""
    order: dict[str, list[str]] = field(default_factory=dict)
    """Each device's event ids in the order of the raw log, repeats left out."""
    outputs: dict[Place, list[Digest]] = field(default_factory=dict)
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Events by verdict and reason; repeats are none."""
    samples: dict[str, set[tuple[str, int, int]]] = field(default_factory=dict)
    """The keys of the rows of each family: device, microseconds, channel."""


@dataclass(slots=True)
class Found:
    """What is on the topics behind decode."""

    outputs: dict[Place, list[Digest]] = field(default_factory=dict)
    """Repeated blocks left out."""
    repeats: Counter[str] = field(default_factory=Counter)
    """Records of repeated blocks, by topic."""
    order: dict[str, list[str]] = field(default_factory=dict)
    """Each device's event ids as on the frame topic, repeats left out by event id alone."""
    dead: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Dead letters by stage and reason; repeats are none."""


@dataclass(slots=True)
class Told:
    """What is on the outgoing topics."""

    events: Counter[str] = field(default_factory=Counter)
    """By topic; repeats are none."""
    repeats: int = 0
    problems: list[str] = field(default_factory=list)


async def records_of(log: KafkaLog, partition: Partition) -> AsyncIterator[Record]:
    """Every record of a partition."""
    bounds = (await log.bounds([partition]))[partition]
    for start in range(bounds.beginning, bounds.end, CHUNK):
        for record in await log.read(partition, start, min(start + CHUNK, bounds.end)):
            yield record


def digest(record: Record | Outgoing) -> Digest:
    """What a record says, without its place."""
    parts = (record.key, record.value, [(name, value.hex()) for name, value in record.headers], record.timestamp)
    return sha1(repr(parts).encode(), usedforsecurity=False).digest()[:10]


async def recompute(settings: Settings, log: KafkaLog) -> Recomputed:
    """Decode the raw log in one pass."""
    decoders = load_decoders()
    decoder = BatchDecoder(decoders, Bindings(decoders, settings.decode.bindings), namespace=settings.namespace)
    readings = {settings.namespace + topics.readings(family): family for family in families()}
    made = Recomputed(samples={family: set() for family in families()})
    for partition in partitions_of(settings, topics.RAW):
        state = State(History(settings.decode.duplicate_horizon_seconds * 1000))
        seen: set[bytes] = set()
        async for record in records_of(log, partition):
            made.records += 1
            made.ticks += ticks.is_tick(record)
            for output in decoder.decode(state, [record]).records:
                made.outputs.setdefault((output.topic, output.partition), []).append(digest(output))
                if output.topic == settings.namespace + topics.FRAME and output.key is not None:
                    _count(made, frame_pb2.Frame.FromString(output.value or b""), seen)
                elif output.topic in readings:
                    _keys(made.samples[readings[output.topic]], output)
    return made


def _count(made: Recomputed, frame: frame_pb2.Frame, seen: set[bytes]) -> None:
    if frame.event_id in seen:
        made.repeats += 1
        return
    seen.add(frame.event_id)
    made.order.setdefault(frame.dev_eui, []).append(identity.text(frame.event_id))
    made.verdicts[VERDICTS[frame.verdict], frame.reason] += 1


def _keys(samples: set[tuple[str, int, int]], output: Outgoing) -> None:
    if output.key is not None:
        reading = ReadingView.FromString(output.value or b"")
        samples.update((reading.dev_eui, at_us, channel) for at_us, channel, *_ in samples_of(reading, FORMS))


async def find(settings: Settings, log: KafkaLog) -> Found:
    """Read the topics behind decode as any consumer may: what is not above the highest raw offset is repeated."""
    found = Found()
    readings = [topics.readings(family) for family in families()]
    for topic in (topics.FRAME, *readings):
        for partition in partitions_of(settings, topic):
            highest = -1
            seen: set[bytes] = set()
            async for record in records_of(log, partition):
                if topic == topics.FRAME and record.key is not None:
                    _follow(found, frame_pb2.Frame.FromString(record.value or b""), seen)
                raw_offset = _raw_offset(topic, record)
                if raw_offset <= highest:
                    found.repeats[topic] += 1
                    continue
                highest = raw_offset
                found.outputs.setdefault((partition.topic, partition.number), []).append(digest(record))
    for partition in partitions_of(settings, topics.DEAD_LETTER):
        await _dead_letters(found, log, partition)
    return found


def _follow(found: Found, frame: frame_pb2.Frame, seen: set[bytes]) -> None:
    if frame.event_id not in seen:
        seen.add(frame.event_id)
        found.order.setdefault(frame.dev_eui, []).append(identity.text(frame.event_id))


def _raw_offset(topic: str, record: Record) -> int:
    if record.key is None:
        return raw_offset_of_tick(record)
    message = frame_pb2.Frame if topic == topics.FRAME else ReadingView
    return message.FromString(record.value or b"").raw_offset


async def _dead_letters(found: Found, log: KafkaLog, partition: Partition) -> None:
    seen: set[bytes] = set()
    async for record in records_of(log, partition):
        verdict = read_verdict(record)
        if verdict.id in seen:
            found.repeats[topics.DEAD_LETTER] += 1
            continue
        seen.add(verdict.id)
        found.dead[verdict.stage, verdict.reason] += 1
        if verdict.stage == DECODE:
            found.outputs.setdefault((partition.topic, partition.number), []).append(digest(record))


async def listen(settings: Settings, log: KafkaLog) -> Told:
    """Read the outgoing topics as a subscriber does, and say where one would be misled."""
    told = Told()
    for family in families():
        for topic in (topics.alerts(family), topics.city(family)):
            opened: Counter[str] = Counter()
            for partition in partitions_of(settings, topic):
                seen: dict[str, bytes] = {}
                last: dict[str, int] = {}
                async for record in records_of(log, partition):
                    _hear(told, record, topic=topic, seen=seen, last=last, opened=opened)
            told.problems += [
                f"{topic}: alert {alert} was opened {times} times" for alert, times in opened.items() if times > 1
            ]
    return told


def _hear(
    told: Told,
    record: Record,
    *,
    topic: str,
    seen: dict[str, bytes],
    last: dict[str, int],
    opened: Counter[str],
) -> None:
    value = record.value or b""
    event: Mapping[str, object] = orjson.loads(value)
    name, subject = str(event["id"]), str(event["subject"])
    if name in seen:
        told.repeats += 1
        if seen[name] != value:
            told.problems.append(f"{topic}: two different events have the id {name}")
        return
    seen[name] = value
    told.events[topic] += 1
    if record.key != subject.encode():
        told.problems.append(f"{topic}: the key is {record.key!r}, the subject {subject}")
    sequence = int(str(event["sequence"]))
    if sequence != last.get(subject, 0) + 1:
        told.problems.append(f"{topic}: {subject} goes from sequence {last.get(subject, 0)} to {sequence}")
    last[subject] = sequence
    data = event["data"]
    if str(event["type"]).endswith(".opened.v1") and isinstance(data, dict):
        opened[str(data["alert"])] += 1
