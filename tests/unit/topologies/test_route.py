"""The lists of containers to be emptied: those that the cases name, and when a day's round begins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipeline.city.model import City
from pipeline.city.read import city_of
from pipeline.core.clock import from_us, to_us
from tests.unit.topologies.material import at
from tests.unit.topologies.test_cases import CASES, PARAMETERS, batches, minutes, played, sentence, where
from topologies.container.facts import Level
from topologies.container.limits import Limitations
from topologies.container.logic import ContainerLogic
from topologies.container.route import Known, round_us, rounds, stops_of
from topologies.runtime.memory import MemoryWorker

ROUTED = [(name, case) for name, case in CASES if "routes" in case]


def known(fact: Level) -> Known:
    return Known(
        fact.device,
        fact.observed_at_us,
        fact.level_ratio,
        fact.is_full,
        fact.due_us,
        fact.trend,
        fact.alarms,
        fact.flags,
    )


def listed(worker: MemoryWorker[Any, Any, Any], case: Mapping[str, Any], begin_us: int) -> list[str]:
    """A round's list as cases write it: material, reason or `waits`, site."""
    logic = worker.topology.logic
    assert isinstance(logic, ContainerLogic)
    before = [
        [fact for at_us, fact in sorted(mine.items()) if at_us < begin_us]
        for mine in worker.store.facts_by_device.values()
    ]
    stops = stops_of([known(mine[-1]) for mine in before if mine], where(case["sites"]), logic.limitations, begin_us)
    return [f"{stop.material} {stop.reason or 'waits'} {stop.site}" for stop in stops]


@pytest.mark.parametrize(("name", "case"), ROUTED, ids=map(sentence, ROUTED))
async def test_lists_are_as_the_cases_say(name: str, case: Mapping[str, Any]) -> None:
    worker = await played(name, case, batches(case["log"]))

    assert {time: listed(worker, case, at(minutes(time))) for time in case["routes"]} == case["routes"]


def test_there_are_many_situations() -> None:
    assert len(ROUTED) >= 14


@pytest.mark.parametrize(
    ("day", "begin"),
    [
        (date(2026, 1, 15), "2026-01-15T04:00:00+00:00"),
        (date(2026, 7, 15), "2026-07-15T03:00:00+00:00"),
        (date(2026, 3, 29), "2026-03-29T03:00:00+00:00"),
        (date(2026, 10, 25), "2026-10-25T04:00:00+00:00"),
    ],
)
def test_a_round_begins_at_five_in_legal_time(day: date, begin: str) -> None:
    assert from_us(round_us(City(), day)).isoformat() == begin


def test_the_hour_of_the_round_is_the_citys_from_a_day_on() -> None:
    entries = [{"route_hour": 6}, {"valid_from": datetime(2026, 6, 2, tzinfo=UTC), "route_hour": 2}]
    city = city_of({"version": 1, "container": entries}, PARAMETERS)
    begin, end = datetime(2026, 6, 1, 4, tzinfo=UTC), datetime(2026, 6, 4, tzinfo=UTC)

    found = [from_us(each).isoformat() for each in rounds(city, from_us=to_us(begin), until_us=to_us(end))]

    # The day of the change began by the old hour.
    assert found == ["2026-06-02T04:00:00+00:00", "2026-06-03T00:00:00+00:00", "2026-06-04T00:00:00+00:00"]


def test_two_devices_at_one_site_are_one_container() -> None:
    places = where({"c1": {"device": 1, "attributes": {}}, "c2": {"device": 2, "attributes": {}}})
    limitations = Limitations(City())
    one = Known("0" * 15 + "1", at(1), 0.9, True, None, None, (), ())  # type: ignore[arg-type]  # it is a DevEUI

    (stop,) = stops_of([one, one._replace(observed_at_us=at(2), is_full=False)], places, limitations, at(3))

    assert (stop.site, stop.reason, stop.observed_at_us) == ("c1", None, at(2))
