"""Every situation in a topology's cases.jsonl comes out as its line says, in any batches.

A line: `about`, `sites` by name (attributes, group, class, device, from, until), `city` (what a city file would say),
`log` (frames with their flags and with series of what was logged before; ticks, cuts between batches, and what becomes
known of the surroundings), and what is expected: `now` and `facts` by device, `alerts`, `told`, `marks`, `discarded`.
Times are hours and minutes from a common zero. Of facts and rows only what is named is compared. `batches`: "as given"
where what is told depends on them; otherwise the line is also run record by record and as one batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from pipeline.city.model import City
from pipeline.city.read import city_of, installed_parameters
from pipeline.core.clock import from_us
from pipeline.core.model import DevEui, Record
from schemas.silkstream.v1.frame_pb2 import Frame
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.readings import view
from tests.unit.topologies.material import (
    BASE_US,
    MINUTE_US,
    at,
    eui,
    frame,
    places,
    reading,
    record,
    tick,
    with_series,
)
from topologies.container import topology as container
from topologies.fleet import topology as fleet
from topologies.groundwater import topology as groundwater
from topologies.lighting import topology as lighting
from topologies.parking import topology as parking
from topologies.runtime.alert_events import event_data
from topologies.runtime.batch import Request
from topologies.runtime.memory import MemoryWorker
from topologies.runtime.model import Mark, Topology
from topologies.runtime.places import Places
from topologies.water import topology as water

ROOT = Path(__file__).resolve().parents[3] / "topologies"
OF_CITY: dict[str, Callable[[City], Topology[Any, Any, Any]]] = {
    "container": container.of_city,
    "fleet": fleet.of_city,
    "groundwater": groundwater.of_city,
    "lighting": lighting.of_city,
    "parking": parking.of_city,
    "water": water.of_city,
}
TOPOLOGIES = {name: of_city(City()) for name, of_city in OF_CITY.items()}
PARAMETERS = installed_parameters()
CASES: list[tuple[str, dict[str, Any]]] = [
    (name, json.loads(line)) for name in TOPOLOGIES for line in (ROOT / name / "cases.jsonl").read_text().splitlines()
]
WITH_HISTORY = [(name, case) for name, case in CASES if any("series" in entry for entry in case["log"])]
IN_ANY_BATCHES = [(name, case) for name, case in CASES if "batches" not in case]
_NOT_MEASURED = {"device", "at", "event", "flags", "series"}
_FEWEST = 15
_OF_EVERY_FACT = {"container_route"}
"""Marks that every fact leaves: cases do not name them."""


def sentence(case: tuple[str, Mapping[str, Any]]) -> str:
    """A test's name."""
    return f"{case[0]}: {case[1]['about']}"


def minutes(text: str) -> float:
    """Minutes of a time like "7:30" or "31:00"."""
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


def where(sites: Mapping[str, Any]) -> Places:
    """The places of a case."""
    assignments: list[tuple[str, float, str | None]] = []
    described = []
    for name, site in sites.items():
        described.append((name, minutes(site.get("from", "0:00")), site.get("group", ""), site.get("attributes", {})))
        assignments.append((eui(site["device"]), minutes(site.get("from", "0:00")), name))
        if "until" in site:
            assignments.append((eui(site["device"]), minutes(site["until"]), None))
    return places(assignments, described, {name: site.get("class", "") for name, site in sites.items()})


def topology_of(name: str, case: Mapping[str, Any]) -> Topology[Any, Any, Any]:
    """The topology of a case: with the rules of its city, if it has one."""
    if "city" not in case:
        return TOPOLOGIES[name]
    content = {
        key: [{name: _read(name, value) for name, value in each.items()} for each in given]
        for key, given in case["city"].items()
    }
    return OF_CITY[name](city_of({"version": 1, **content}, PARAMETERS))


def _read(name: str, value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return [{inner: _read(inner, content) for inner, content in each.items()} for each in value]
    return from_us(at(minutes(value))) if name in {"valid_from", "from", "until"} else value


def logged(series: Mapping[str, Any]) -> list[tuple[float, dict[str, Any]]]:
    """What a device logged: of each quantity a value `every` so many minutes, `from` a time on."""
    begin, every = minutes(series.get("from", "0:00")), series.get("every", 60)
    values = {name: each for name, each in series.items() if name not in {"from", "every"}}
    return [
        (begin + every * index, dict(zip(values, taken, strict=True)))
        for index, taken in enumerate(zip(*values.values(), strict=True))
    ]


class News(NamedTuple):
    """Something becomes known of what surrounds devices, and they are computed anew."""

    query: str
    row: tuple[Any, ...]
    requests: tuple[Request, ...]


def _news(entry: Mapping[str, Any]) -> News:
    name, minute, value = entry["row"]
    requests = tuple(
        Request(number, DevEui(eui(device)), at(minutes(entry["since"])))
        for number, device in enumerate(entry["devices"])
    )
    return News(entry["query"], (name, from_us(at(minutes(minute))), value), requests)


def batches(log: Iterable[Mapping[str, Any]]) -> list[list[Record | News]]:
    """The batches of a case."""
    found: list[list[Record | News]] = [[]]
    offset = 0
    for entry in log:
        if "cut" in entry:
            found.append([])
            continue
        if "query" in entry:
            found[-1].append(_news(entry))
            continue
        if "tick" in entry:
            found[-1].append(tick(minutes(entry["tick"]), offset, raw_offset=offset, bridge=entry.get("bridge", "b")))
        else:
            found[-1].append(record((_frame if "kind" in entry else _reading)(entry, offset), offset))
        offset += 1
    return found


def _reading(entry: Mapping[str, Any], offset: int) -> Reading:
    values = {key: value for key, value in entry.items() if key not in _NOT_MEASURED}
    return reading(
        eui(entry["device"]),
        minutes(entry["at"]),
        values,
        raw_offset=offset,
        event=_event(entry.get("event")),
        flags=entry.get("flags", ()),
        earlier=logged(entry.get("series", {})),
    )


def _frame(entry: Mapping[str, Any], offset: int) -> Frame:
    """A frame, which an entry with its `kind` of event is."""
    values = {key: value for key, value in entry.items() if key not in {"device", "at", "kind", "event", "copy_of"}}
    if "battery_ratio" in values:
        values["battery_ratio"] = float(values["battery_ratio"])
    return frame(
        eui(entry["device"]),
        minutes(entry["at"]),
        raw_offset=offset,
        said=_event(entry.get("event")),
        event=entry["kind"],
        copy_of=_event(entry.get("copy_of")),
        **{"gateways": ["a1"], **values},
    )


def _event(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text).ljust(16, b"\0")


async def played(
    name: str, case: Mapping[str, Any], cut: Sequence[Sequence[Record | News]]
) -> MemoryWorker[Any, Any, Any]:
    """A worker that has seen the case. What becomes known in a batch is known before its records are worked."""
    worker: MemoryWorker[Any, Any, Any] = MemoryWorker(topology_of(name, case), where(case["sites"]))
    for batch in cut:
        for each in batch:
            if isinstance(each, News):
                worker.surround(each.query, each.row, each.requests)
        if records := [each for each in batch if not isinstance(each, News)]:
            await worker.process(records)
    assert not worker.refusals
    return worker


def named(expected: Mapping[str, Any], found: Any) -> dict[str, Any]:
    """Of a row what the case names, in the case's terms."""
    said: dict[str, Any] = {}
    for key, value in expected.items():
        name = "observed_at_us" if key == "at" else f"{key}_us"
        is_time = name in found._fields
        here = getattr(found, name if is_time else key)
        if is_time:
            said[key] = value if value is not None and here == at(minutes(value)) else here
        elif isinstance(here, tuple):
            said[key] = list(here)
        else:
            said[key] = round(here, 9) if isinstance(here, float) else here
    return said


def told(worker: MemoryWorker[Any, Any, Any]) -> list[dict[str, Any]]:
    """What subscribers got."""
    rules = {rule.name: rule for rule in worker.topology.rules}
    family = worker.topology.family
    return [msgspec.to_builtins(event_data(rules[each.alert.rule], family, each)) for each in worker.store.told]


def check(worker: MemoryWorker[Any, Any, Any], case: Mapping[str, Any]) -> None:
    store = worker.store
    shown = {int(device, 16): known.shown for device, known in store.now.items()}
    assert sorted(shown) == sorted(map(int, case["now"]))
    for device, expected in case["now"].items():
        assert named(expected, shown[int(device)]) == expected
    for device, facts in case.get("facts", {}).items():
        found = list(worker.result()["facts"][eui(int(device))].values())
        assert [named(expected, fact) for expected, fact in zip(facts, found, strict=True)] == facts
    expected_alerts = case.get("alerts", [])
    alerts = sorted(store.alerts_by_id.values(), key=lambda alert: (alert.since_us, alert.rule))
    assert [named(expected, alert) for expected, alert in zip(expected_alerts, alerts, strict=True)] == expected_alerts
    if "discarded" in case:
        assert dict(worker.discarded) == case["discarded"]


def _named_mark(mark: Mark) -> str:
    """A mark as cases write it: `what subject`, and for a bucket its begin in hours and minutes."""
    if mark.bucket_us is None:
        return f"{mark.what} {mark.subject}"
    hours, rest = divmod(round((mark.bucket_us - BASE_US) / MINUTE_US), 60)
    return f"{mark.what} {mark.subject} {hours}:{rest:02d}"


@pytest.mark.parametrize(("name", "case"), CASES, ids=map(sentence, CASES))
async def test_a_situation_comes_out_as_its_line_says(name: str, case: Mapping[str, Any]) -> None:
    worker = await played(name, case, batches(case["log"]))

    check(worker, case)
    if "told" in case:
        kinds = [("withdrawn" if each.withdrawn else each.kind, each.alert) for each in worker.store.told]
        assert [f"{kind} {alert.rule} {alert.subject}" for kind, alert in kinds] == case["told"]
    if "marks" in case:
        marks = [mark for mark in worker.store.marks if mark.what not in _OF_EVERY_FACT]
        assert [_named_mark(mark) for mark in marks] == case["marks"]


@pytest.mark.parametrize(("name", "case"), IN_ANY_BATCHES, ids=map(sentence, IN_ANY_BATCHES))
async def test_a_situation_is_the_same_record_by_record_and_as_one_batch(name: str, case: Mapping[str, Any]) -> None:
    log = [each for batch in batches(case["log"]) for each in batch]
    single = await played(name, case, [[each] for each in log])
    whole = await played(name, case, [log])

    check(single, case)
    check(whole, case)
    assert told(single) == told(whole)


def _with_series(each: Record | News) -> Record | News:
    if isinstance(each, News) or each.key is None:
        return each
    return record(with_series(Reading.FromString(each.value or b"")), each.offset)


@pytest.mark.parametrize(("name", "case"), WITH_HISTORY, ids=map(sentence, WITH_HISTORY))
async def test_a_situation_is_the_same_with_history_as_samples_or_as_series(name: str, case: Mapping[str, Any]) -> None:
    cut = [[_with_series(each) for each in batch] for batch in batches(case["log"])]

    check(await played(name, case, cut), case)


@pytest.mark.parametrize("name", ["container", "groundwater", "lighting", "parking"])
def test_history_is_read_from_series_as_from_samples(name: str) -> None:
    past = {
        "container": {"distance_metres": 1.5, "device_temperature_celsius": 8.0},
        "groundwater": {"pressure_bar": 0.5},
        "lighting": {"active_power_watts": 30.0, "active_energy_watt_hours": 17},
        "parking": {"device_temperature_celsius": 8.0},
    }[name]
    content = reading(eui(1), 90.0, past, earlier=[(minute, past) for minute in (30.0, 50.0, 70.0)])
    read = TOPOLOGIES[name].logic.read

    assert len(read(view(content))) == 4
    assert sorted(read(view(with_series(content)))) == sorted(read(view(content)))


@pytest.mark.parametrize("name", sorted(TOPOLOGIES))
def test_every_topology_has_situations_with_and_without_order(name: str) -> None:
    cases = [case for owner, case in CASES if owner == name]

    assert len(cases) >= _FEWEST
    assert len({case["about"] for case in cases}) == len(cases)
