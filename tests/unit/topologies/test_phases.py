"""Phases of bays: situations as data, and that finding them anew behind a mark is finding them all anew."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.silkstream.v1.reading_pb2 import Reading
from tests.unit.topologies.material import HOUR_US, MINUTE_US, at, eui, places, reading, records
from tests.unit.topologies.test_cases import News, batches, minutes, topology_of
from topologies.derive.history import stretches
from topologies.derive.phases import BayFact, Phase, Span, from_known, phases
from topologies.derive.stays import changed_quarters
from topologies.parking.facts import Bay
from topologies.parking.logic import STAY_MARK
from topologies.runtime.memory import MemoryWorker

FILE = Path(__file__).resolve().parents[3] / "topologies" / "derive" / "parking_phases.jsonl"
CASES: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text().splitlines()]
ABOUT = [case["about"] for case in CASES]
BERLIN = ZoneInfo("Europe/Berlin")
DAY = 24 * 60


def bay_fact(fact: Bay) -> BayFact:
    """What derive reads of a fact."""
    return BayFact(
        fact.device,
        fact.observed_at_us,
        fact.zone,
        fact.occupied,
        fact.since_us,
        fact.earliest_us,
        fact.settles_us,
        fact.held,
        fact.held_since_us,
        fact.held_earliest_us,
        fact.silent_us,
    )


def facts_of(worker: MemoryWorker[Any, Any, Any], site: str) -> list[BayFact]:
    """All facts of a bay, in order."""
    mine = [fact for each in worker.store.facts_by_device.values() for fact in each.values() if fact.site == site]
    return sorted(map(bay_fact, mine), key=lambda fact: (fact.at_us, fact.device))


def worker_at(topology: Any, spans: Mapping[str, Sequence[Span]]) -> MemoryWorker[Any, Any, Any]:
    """A worker for bays that sensors serve by turns."""
    assignments: list[tuple[str, float, str | None]] = []
    for site, mine in spans.items():
        for device, from_us, until_us in mine:
            assignments.append((device, (from_us - at(0)) / MINUTE_US, site))
            if until_us is not None:
                assignments.append((device, (until_us - at(0)) / MINUTE_US, None))
    return MemoryWorker(topology, places(assignments, [(site, 0, "z", {}) for site in spans]))


def as_of(worker: MemoryWorker[Any, Any, Any]) -> dict[str, int]:
    """How far time has come for each device: by ticks, or what it said, there or elsewhere."""
    ticked_us = worker.as_of_us or 0
    return {device: max(ticked_us, known.fact.observed_at_us) for device, known in worker.store.now.items()}


def named(expected: Mapping[str, Any], phase: Phase) -> dict[str, Any]:
    """Of a phase what the case names, in the case's terms."""
    said = {}
    for key, value in expected.items():
        found = getattr(phase, f"{key}_us" if f"{key}_us" in Phase._fields else key)
        is_same_time = isinstance(value, str) and ":" in value and found == at(minutes(value))
        said[key] = value if is_same_time else found
    return said


@pytest.mark.parametrize("cut", ["record by record", "one batch"])
@pytest.mark.parametrize("case", CASES, ids=ABOUT)
async def test_a_situation_makes_the_phases_that_its_line_says(case: Mapping[str, Any], cut: str) -> None:
    served = case.get("devices", {"1": ["0:00", None]})
    spans = [
        Span(eui(int(device)), at(minutes(begin)), None if end is None else at(minutes(end)))
        for device, (begin, end) in served.items()
    ]
    worker = worker_at(topology_of("parking", case), {"bay": spans})
    log = [each for batch in batches(case["log"]) for each in batch if not isinstance(each, News)]
    for batch in [log] if cut == "one batch" else [[each] for each in log]:
        await worker.process(batch)

    found = phases(facts_of(worker, "bay"), spans, as_of(worker))

    wanted = case["phases"]
    assert [named(each, phase) for each, phase in zip(wanted, found, strict=True)] == wanted


def test_there_are_situations_enough() -> None:
    assert len(CASES) >= 20
    assert len(set(ABOUT)) == len(CASES)


class Stays:
    """Derive's part in memory: phases that are found anew from where marks say, and kept."""

    def __init__(self, worker: MemoryWorker[Any, Any, Any], spans: Mapping[str, Sequence[Span]]) -> None:
        self.worker = worker
        self.spans = spans
        self.kept: dict[str, list[Phase]] = defaultdict(list)

    def derive(self) -> None:
        """Do what is marked."""
        marks = [mark for mark in self.worker.store.marks if mark.what == STAY_MARK]
        self.worker.store.marks = []
        for site in {mark.subject for mark in marks}:
            times = [mark.bucket_us for mark in marks if mark.subject == site]
            from_us = min([at_us for at_us in times if at_us is not None], default=2 * at(0))
            before = [phase for phase in self.kept[site] if phase.begin_us <= from_us]
            known = before[-2] if len(before) > 1 else None
            facts = facts_of(self.worker, site)
            if known is not None:
                facts = self._behind(facts, known.begin_us)
            found = from_known(phases(facts, self.spans[site], as_of(self.worker)), known)
            self.kept[site] = [p for p in self.kept[site] if known is not None and p.begin_us < known.begin_us] + found

    @staticmethod
    def _behind(facts: Sequence[BayFact], begin_us: int) -> list[BayFact]:
        """From the last one of each device before a time on."""
        found = []
        for device in {fact.device for fact in facts}:
            mine = [fact for fact in facts if fact.device == device]
            first = max([fact.at_us for fact in mine if fact.at_us <= begin_us], default=begin_us)
            found += [fact for fact in mine if fact.at_us >= first]
        return sorted(found, key=lambda fact: (fact.at_us, fact.device))


SPANS = {
    "a": [Span(eui(0), at(0), at(DAY)), Span(eui(1), at(DAY), None)],
    "b": [Span(eui(2), at(0), at(1.5 * DAY))],
}
TOPOLOGY = topology_of("parking", {"city": {"parking": [{"dwell_seconds": 3000, "silence_hours": 12}]}})
words = st.one_of(
    st.fixed_dictionaries({"occupied": st.booleans()}, optional={"heartbeat": st.booleans()}),
    st.just({"device_temperature_celsius": 7.0}),
)
frames = st.lists(
    st.builds(
        lambda device, minute, content, salt: reading(
            eui(device), minute, content, event=bytes([salt]) * 8 + eui(device)[-8:].encode()
        ),
        st.integers(0, 2),
        st.integers(1, 2 * DAY - 1).map(lambda minute: minute - minute % 40 + 1),
        words,
        st.integers(0, 3),
    ),
    max_size=30,
    unique_by=lambda r: (r.event_id, r.dev_eui, r.observed_at_us),
)


@given(frames, st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_phases_are_equal_for_any_order_and_batches_and_never_found_from_too_little(
    given_: list[Reading], data: st.DataObject
) -> None:
    shuffled: list[Reading | float] = list(data.draw(st.permutations(given_)))
    for minute in data.draw(st.lists(st.integers(0, 3 * DAY), max_size=5)):
        shuffled.insert(data.draw(st.integers(0, len(shuffled))), float(minute))
    log = records([*shuffled, 4.0 * DAY])
    cuts = sorted(data.draw(st.sets(st.integers(0, len(log)), max_size=8)) | {0, len(log)})
    worker = worker_at(TOPOLOGY, SPANS)
    stays = Stays(worker, SPANS)

    async def work() -> None:
        for begin, end in itertools.pairwise(cuts):
            worker.restart()
            await worker.process(log[begin:end])
            stays.derive()

    asyncio.run(work())
    ordered = sorted(given_, key=lambda r: (r.observed_at_us, r.event_id))
    whole = worker_at(TOPOLOGY, SPANS)
    asyncio.run(whole.process(records([*ordered, 4.0 * DAY])))

    for site, spans in SPANS.items():
        assert stays.kept[site] == phases(facts_of(whole, site), spans, as_of(whole)), site


def test_a_day_of_legal_time_has_23_24_or_25_hours() -> None:
    spring, summer, autumn = (datetime(2026, month, day, 10, tzinfo=UTC) for month, day in ((3, 29), (7, 1), (10, 25)))

    found = {
        each.begin_at.astimezone(BERLIN).date().isoformat(): (each.end_at - each.begin_at) / timedelta(hours=1)
        for each in stretches([("z", at_) for at_ in (spring, summer, autumn)], BERLIN)
        if each.period == "day"
    }

    assert found == {"2026-03-29": 23.0, "2026-07-01": 24.0, "2026-10-25": 25.0}


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    found = list(stretches([("z", first), ("z", first + timedelta(hours=1))], BERLIN))

    hours = [each.begin_at for each in found if each.period == "hour"]
    assert hours == [datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
    assert len([each for each in found if each.period == "day"]) == 1


def phase(begin: float, end: float | None, **values: Any) -> Phase:
    """A stay between two hours."""
    end_us = None if end is None else round(end * HOUR_US)
    whole = Phase(round(begin * HOUR_US), "z", "d", True, round(begin * HOUR_US), end_us, end_us, None)
    return whole._replace(**values)


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        pytest.param(None, phase(1, 1.5), [1, 1.25, 1.5], id="a new stay changes where it lies"),
        pytest.param(phase(1, None), phase(1, 4.75), [4.75], id="the end of one that was open changes what follows"),
        pytest.param(phase(1, 2), phase(1, 2.5), [2, 2.25, 2.5], id="another end changes what lies between"),
        pytest.param(phase(1, 1.1), phase(1, 1.1), [], id="the same changes nothing"),
        pytest.param(phase(4.8, None), None, [4.75], id="what goes on reaches as far as time has come"),
        pytest.param(None, phase(4.9, None), [4.75], id="a begin counts in the quarter of an hour that it lies in"),
        pytest.param(None, phase(5.1, None), [], id="a quarter of an hour that goes on is not counted yet"),
    ],
)
def test_a_changed_phase_changes_these_quarters_of_an_hour(
    before: Phase | None, after: Phase | None, wanted: list[float]
) -> None:
    found = [begin_us / HOUR_US for _, begin_us in changed_quarters(before, after, round(5.05 * HOUR_US))]

    assert found == wanted


def test_another_zone_or_another_beginning_changes_the_whole_stay() -> None:
    moved = changed_quarters(phase(1, 1.5), phase(1, 1.5, zone="y"), 5 * HOUR_US)
    sooner = changed_quarters(phase(1, 1.5), phase(1, 1.5, earliest_us=None), 5 * HOUR_US)

    assert sorted(moved) == [(zone, round(hour * HOUR_US)) for zone in "yz" for hour in (1, 1.25, 1.5)]
    assert sorted(sooner) == [("z", round(hour * HOUR_US)) for hour in (1, 1.25, 1.5)]
