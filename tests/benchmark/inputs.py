"""What the stages are fed with: a simulated city, written to files once for all runs.

Times are simulated and end an hour ago, so that no record is ahead of a clock; the ingest time of a raw record is
the simulated time of its publishing, so that the search for duplicates has the work that it has in life.

    python -m tests.benchmark.inputs messages json 60000 FILE
    python -m tests.benchmark.inputs readings 120000 FILE
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from decoders.api import Uplink
from decoders.registry import fields_of, load, vocabulary
from pipeline.core.identity import derived_id
from pipeline.core.model import Outgoing
from pipeline.ingest.translate import Message, Origin, Translator
from pipeline.kafka.partitioner import partition_of
from pipeline.simulator import CityPlan, Device, Family, devices, events
from pipeline.simulator.containers import frames
from schemas.silkstream.v1.reading_pb2 import Reading

SEED: Final = "benchmark"
PARTITIONS: Final = 6
CONTAINERS: Final = 600


class Published(NamedTuple):
    """A message as ChirpStack would publish it."""

    at_us: int
    topic: str
    payload: bytes
    event_id: str


def plan(encoding: Literal["json", "protobuf", "both"] = "json", *, hours: float = 30, **changes: Any) -> CityPlan:
    """The default city up to an hour ago."""
    duration = timedelta(hours=hours)
    start = datetime.now(UTC) - timedelta(hours=1) - duration
    return CityPlan(seed=SEED, start=start, duration=duration, encoding=encoding, **changes)


def messages(city: CityPlan, count: int) -> list[Published]:
    """The first messages of a city; what was lost in the air and ticks left out."""
    spoken = (each for each in events(city) if each.topic and each.dev_eui)
    return [Published(e.at_us, e.topic, e.payload, e.event_key) for e in islice(spoken, count)]


def raw_records(published: Sequence[Published], *, namespace: str = "") -> Iterator[Outgoing]:
    """The messages as the bridge puts them into the raw log."""
    translator = Translator(Origin("benchmark", "eu868", "chirpstack", namespace, PARTITIONS), partition_of)
    for at_us, topic, payload, _ in published:
        yield from translator.translate(Message(topic, payload, 1, 0, 0), at_us).records


def container_plan() -> CityPlan:
    """Many containers that speak often."""
    return plan(hours=30, containers=CONTAINERS, container_interval_seconds=300)


def container_readings(city: CityPlan, count: int) -> list[tuple[str, int, bytes]]:
    """Readings of containers: device, ingest time in microseconds, `silkstream.v1.Reading`; in the order of time."""
    decoder = load()["milesight_em310_udl"]
    known = vocabulary([decoder])
    found: list[tuple[int, Device, Uplink]] = []
    each_device = [d for d in devices(city) if d.family is Family.CONTAINER]
    share = -(-count // len(each_device))
    for device in each_device:
        own = islice(frames(city, device), share)
        found += [(frame.at_us, device, Uplink(frame.f_port, frame.payload)) for frame in own]
    found.sort(key=lambda each: each[0])
    readings = []
    for number, (at_us, device, uplink) in enumerate(found[:count]):
        reading = Reading(
            event_id=derived_id("benchmark", str(number)),
            dev_eui=device.dev_eui,
            observed_at_us=at_us,
            ingested_at_us=at_us,
            decoder=decoder.name,
            decoder_version=decoder.version,
            f_cnt=number,
            f_port=uplink.f_port,
        )
        for sample in decoder.decode(uplink):
            written = reading.samples.add(observed_at_us=at_us, channel=sample.channel)
            for name in fields_of(type(sample)):
                if (value := getattr(sample, name)) is not None:
                    written.quantities.add(name=name, **{known[name].value_type: value})
        readings.append((device.dev_eui, at_us, reading))
    # In each partition the raw offsets go up, as decode writes them.
    counts = [0] * PARTITIONS
    for dev_eui, _, reading in readings:
        partition = partition_of(dev_eui.encode(), PARTITIONS)
        reading.raw_offset = counts[partition]
        counts[partition] += 1
    return [(dev_eui, at_us, reading.SerializeToString()) for dev_eui, at_us, reading in readings]


def reading_records(readings: Sequence[tuple[str, int, bytes]], topic: str) -> Iterator[Outgoing]:
    """The readings as decode puts them on their topic."""
    for dev_eui, at_us, value in readings:
        key = dev_eui.encode()
        yield Outgoing(topic, partition_of(key, PARTITIONS), at_us // 1000, key, value)


def read_messages(file: Path) -> list[Published]:
    """What `messages` wrote."""
    return msgspec.msgpack.decode(file.read_bytes(), type=list[Published])


def read_readings(file: Path) -> list[tuple[str, int, bytes]]:
    """What `readings` wrote."""
    return msgspec.msgpack.decode(file.read_bytes(), type=list[tuple[str, int, bytes]])


def main(arguments: Sequence[str]) -> None:
    """Write one file."""
    what, *options, count, file = arguments
    found: list[Any]
    if what == "messages":
        (encoding,) = options
        found = messages(plan(encoding), int(count))  # type: ignore[arg-type]  # the plan refuses any other word
    else:
        found = container_readings(container_plan(), int(count))
    Path(file).write_bytes(msgspec.msgpack.encode(found))


if __name__ == "__main__":
    main(sys.argv[1:])
