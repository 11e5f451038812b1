"""The plan of a segment: when its lamps should burn, by the sun, by the clock and over its changes."""

from __future__ import annotations

from datetime import UTC, datetime, time
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.core.clock import from_us, to_us
from pipeline.simulator.sun import elevation_degrees
from tests.unit.topologies.material import at
from topologies.lighting.parameters import LightingParameters
from topologies.lighting.plan import Night, Plan, night_begin_us, nights_between

BERLIN = ZoneInfo("Europe/Berlin")
KREFELD = {"latitude": 51.33, "longitude": 6.56}
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000


def us(*when: int) -> int:
    """A time of the clocks in Krefeld."""
    return to_us(datetime(*when, tzinfo=BERLIN))  # type: ignore[misc,arg-type]  # year, month, day, hour, minute


def plan(**parameters: Any) -> Plan:
    return Plan(LightingParameters(**parameters), **KREFELD)


def by_clock(**parameters: Any) -> Plan:
    return plan(switching="clock", on_at=time(18), off_at=time(6), **parameters)


def test_the_sun_stands_at_the_zenith_angle_when_it_is_switched_on_every_evening_of_a_year() -> None:
    """Held against the simulator's own formulas, which are others."""
    ours = plan(zenith_degrees=90)
    for day in range(366):
        night = ours.night(us(2026, 1, 1, 20) + day * 24 * HOUR_US)
        (span,) = night.burns
        assert night.begin_us < span.from_us < span.until_us < night.end_us
        for at_us in span:
            assert abs(elevation_degrees(at_us, **KREFELD)) < 0.05


def test_grace_lies_on_both_sides_of_each_switching() -> None:
    night = by_clock().night(us(2026, 3, 1, 20))
    expected = {(17, 39): False, (17, 41): None, (18, 19): None, (18, 21): True, (23, 0): True}

    assert {(h, m): night.at(us(2026, 3, 1, h, m)).burning for h, m in expected} == expected
    assert [(from_us(a), from_us(b)) for a, b in night.due] == [
        (datetime(2026, 3, 1, 17, 20, tzinfo=UTC), datetime(2026, 3, 2, 4, 40, tzinfo=UTC))
    ]
    assert [b - a for a, b in night.burns] == [12 * HOUR_US]


@pytest.mark.parametrize(
    ("evening", "hours", "burning"),
    [((2026, 3, 28), 23, 11), ((2026, 10, 24), 25, 13), ((2026, 3, 27), 24, 12)],
    ids=["clocks go forward", "clocks go back", "an ordinary night"],
)
def test_a_night_has_the_hours_that_the_clocks_give_it(evening: tuple[int, int, int], hours: int, burning: int) -> None:
    night = by_clock().night(us(*evening, 20))

    assert (night.end_us - night.begin_us) == hours * HOUR_US
    assert [b - a for a, b in night.burns] == [burning * HOUR_US]


def test_a_step_at_a_time_that_the_clocks_leave_out_or_show_twice_is_taken_once() -> None:
    steps = ({"at": time(2, 30), "ratio": 0.5},)
    forward = by_clock(dimming=steps, grace_minutes=0).night(us(2026, 3, 28, 20))
    back = by_clock(dimming=steps, grace_minutes=0).night(us(2026, 10, 24, 20))

    def minute(*when: int) -> int:
        return to_us(datetime(*when, tzinfo=UTC))  # type: ignore[misc,arg-type]  # see us

    assert [forward.at(minute(2026, 3, 29, 1, m)).ratio for m in (29, 31)] == [1.0, 0.5]
    assert [back.at(minute(2026, 10, 25, 0, m)).ratio for m in (29, 31)] == [1.0, 0.5]


def test_a_step_that_is_past_when_a_lamp_is_switched_on_holds_from_the_beginning() -> None:
    night = by_clock(dimming=({"at": time(17), "ratio": 0.3}, {"at": time(5), "ratio": 0.0})).night(us(2026, 3, 1, 20))

    assert night.at(us(2026, 3, 1, 19)).ratio == 0.3
    assert night.at(us(2026, 3, 2, 5, 30)).burning is False
    assert [(b - a) / HOUR_US for a, b in night.burns] == [11]


def test_where_the_sun_does_not_set_nothing_is_judged() -> None:
    night = Plan(LightingParameters(), latitude=80.0, longitude=0.0).night(us(2026, 6, 21, 20))

    assert night.at(us(2026, 6, 21, 23)) == (None, None)
    assert night.due == ()


def test_every_time_belongs_to_one_night_and_nights_follow_without_a_gap() -> None:
    begins = list(nights_between(us(2026, 1, 1, 0), us(2026, 12, 31, 23)))

    assert len(begins) == 366
    for begin_us in begins:
        assert from_us(begin_us).astimezone(BERLIN).hour == 12
        assert night_begin_us(begin_us) == begin_us
        assert night_begin_us(begin_us - 1) < begin_us
    hours = {(b - a) // HOUR_US for a, b in pairwise(begins)}
    assert hours == {23, 24, 25}


def test_a_night_is_laid_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, times = by_clock(), 0
    laid_out = Plan._laid_out

    def counted(self: Plan, begin_us: int) -> Night:
        nonlocal times
        times += 1
        return laid_out(self, begin_us)

    monkeypatch.setattr(Plan, "_laid_out", counted)
    for minute in range(0, 3 * 24 * 60, 7):
        ours.night(us(2026, 3, 1, 13) + minute * MINUTE_US)
        ours.night(us(2026, 3, 2, 13))

    assert times == 4


@pytest.mark.parametrize(
    "parameters",
    [
        {"switching": "clock"},
        {"switching": "clock", "on_at": time(18), "off_at": time(18)},
        {"dimming": [{"at": time(22), "ratio": 0.5}, {"at": time(22), "ratio": 0.6}]},
        {"dimming": [{"at": time(22, tzinfo=UTC), "ratio": 0.5}]},
        {"overrides": [{"from": from_us(at(2)), "until": from_us(at(1)), "state": "on", "reason": "x"}]},
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(parameters: dict[str, Any]) -> None:
    assert LightingParameters.model_validate(parameters).contradiction()
