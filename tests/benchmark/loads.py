"""What each topology is measured with: devices of its family that speak often, and what they make decode write."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from decoders.registry import load as load_decoders
from pipeline.core import topics
from pipeline.core.identity import derived_id
from pipeline.core.model import Outgoing, StoredRecord
from pipeline.decode.batch import BatchDecoder, State
from pipeline.decode.binding import Bindings
from pipeline.decode.duplicates import History
from pipeline.kafka.partitioner import partition_of
from pipeline.simulator import CityPlan
from schemas.silkstream.v1.frame_pb2 import Frame
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.benchmark.inputs import PARTITIONS, Published, plan, raw_records

_DEVICES: Final = 600
_OFTEN: Final = 300.0
_HORIZON_MS: Final = 900_000
_HOURS: Final = 30.0


class Load(NamedTuple):
    """What a topology consumes, and a city that makes it."""

    topic: str
    city: Mapping[str, Any]
    """Fields of the plan; what is not named has no devices."""


def _of(family: str, **city: Any) -> Load:
    return Load(topics.readings(family), MappingProxyType(city))


LOADS: Final[Mapping[str, Load]] = {
    "container": _of("container", containers=_DEVICES, container_interval_seconds=_OFTEN),
    "fleet": Load(topics.FRAME, MappingProxyType({"containers": _DEVICES, "container_interval_seconds": _OFTEN})),
    "groundwater": _of("groundwater", wells=_DEVICES, well_interval_seconds=_OFTEN),
    "lighting": _of("lighting", luminaires=_DEVICES, luminaire_interval_seconds=_OFTEN),
    "parking": _of("parking", bays_koenigstrasse=_DEVICES, heartbeat_interval_seconds=_OFTEN),
    # A meter sends a day of hourly volumes with each frame.
    "water": _of("water", water_meters=_DEVICES, water_interval_seconds=_OFTEN),
}
"""By the topology's name."""
_NOBODY: Final = dict.fromkeys(
    ("bays_koenigstrasse", "bays_koelner_strasse", "disabled_bays", "wells", "containers", "luminaires"), 0
)


def city_of(topology: str) -> CityPlan:
    """The city of a topology's load, on a perfect network."""
    return plan(hours=_HOURS, **{**_NOBODY, **LOADS[topology].city}).flawless()


def consumed(published: Sequence[Published], topic: str) -> list[Outgoing]:
    """What decode writes onto a topic, in its order in each partition."""
    decoders = load_decoders()
    decoder = BatchDecoder(decoders, Bindings(decoders, {}))
    split: list[list[StoredRecord]] = [[] for _ in range(PARTITIONS)]
    for raw_topic, number, timestamp, key, value, headers in raw_records(published):
        mine = split[number]
        mine.append(StoredRecord(raw_topic, number, len(mine), timestamp, key, value, headers))
    found = []
    for records in split:
        made = decoder.decode(State(History(_HORIZON_MS)), records).records
        found += [record for record in made if record.topic == topic]
    return found


def spread(records: Sequence[Outgoing], topic: str, devices: int) -> Iterator[Outgoing]:
    """One record for each of so many devices: the records' own, under other devices' names.

    Args:
        records: of a topic, by as many devices as there are.
        topic: says of which message they are.
        devices: how many.
    """
    message: type[Frame | Reading] = Frame if topic == topics.FRAME else Reading
    counts = [0] * PARTITIONS
    for number in range(devices):
        record = records[number % len(records)]
        content = message.FromString(record.value or b"")
        content.dev_eui = name_of(number)
        content.event_id = derived_id("benchmark", str(number))
        key = content.dev_eui.encode()
        partition = partition_of(key, PARTITIONS)
        content.raw_offset = counts[partition]
        counts[partition] += 1
        yield Outgoing(topic, partition, record.timestamp, key, content.SerializeToString())


def spread_sites(sites: str, devices: int) -> str:
    """A site for each of so many devices: a sites file's lines over and over."""
    given = list(csv.DictReader(io.StringIO(sites)))
    text = io.StringIO()
    lines = csv.DictWriter(text, given[0])
    lines.writeheader()
    for number in range(devices):
        lines.writerow({**given[number % len(given)], "site": f"site-{number}", "dev_eui": name_of(number)})
    return text.getvalue()


def name_of(number: int) -> str:
    """The DevEUI of one of many devices."""
    return f"be{number:014x}"
