"""What the stages are fed with: a simulated city, written to files once for all runs.

Times are simulated and end an hour ago, so that no record is ahead of a clock; the ingest time of a raw record is
the simulated time of its publishing, so that the search for duplicates has the work that it has in life.

    python -m tests.benchmark.inputs json 60000 FILE
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from pipeline.core.model import Outgoing
from pipeline.ingest.translate import Message, Origin, Translator
from pipeline.kafka.partitioner import partition_of
from pipeline.simulator import CityPlan, events

SEED: Final = "benchmark"
PARTITIONS: Final = 6


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


def read_messages(file: Path) -> list[Published]:
    """What `messages` wrote."""
    return msgspec.msgpack.decode(file.read_bytes(), type=list[Published])


def main(arguments: Sequence[str]) -> None:
    """Write one file."""
    encoding, count, file = arguments
    found = messages(plan(encoding), int(count))  # type: ignore[arg-type]  # the plan refuses any other word
    Path(file).write_bytes(msgspec.msgpack.encode(found))


if __name__ == "__main__":
    main(sys.argv[1:])
