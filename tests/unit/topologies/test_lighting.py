"""The plan of a segment, what a node's frames say together, and the figures of a night."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.core.clock import from_us, to_us
from pipeline.simulator.sun import elevation_degrees
from schemas.silkstream.v1.reading_pb2 import Quantity, Reading, Sample
from tests.unit.topologies.material import BASE_US, at, eui, event_id
from topologies.lighting.meters import TURN, Meter, Use, metered
from topologies.lighting.nights import Figures, Said, figures_of
from topologies.lighting.parameters import LightingParameters
from topologies.lighting.plan import Night, Plan, night_begin_us, nights_between
from topologies.lighting.reports import reports

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
    ours = plan(zenith_degrees=94)
    for day in range(366):
        night = ours.night(us(2026, 1, 1, 20) + day * 24 * HOUR_US)
        (span,) = night.burns
        assert night.begin_us < span.from_us < span.until_us < night.end_us
        for at_us in span:
            assert abs(elevation_degrees(at_us, **KREFELD) + 4) < 0.1


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


# ── frames ──


def reading(*samples: tuple[int, dict[str, float | bool | int]]) -> Reading:
    def quantity(name: str, value: float) -> Quantity:
        if isinstance(value, bool):
            return Quantity(name=name, flag=value)
        return Quantity(name=name, integer=value) if isinstance(value, int) else Quantity(name=name, number=value)

    return Reading(
        event_id=event_id("x"),
        dev_eui=eui(1),
        observed_at_us=BASE_US,
        samples=[
            Sample(channel=channel, observed_at_us=BASE_US, quantities=[quantity(n, v) for n, v in values.items()])
            for channel, values in samples
        ],
    )


def test_the_nodes_own_meter_counts_and_never_the_sum() -> None:
    (report,) = reports(
        reading(
            (10, {"active_energy_watt_hours": 970, "active_power_watts": 40.0, "lamp_on_seconds": 99}),
            (0, {"active_energy_watt_hours": 1000, "active_power_watts": 42.0}),
        )
    )

    assert (report.energy_watt_hours, report.energy_channel, report.power_watts) == (1000, 0, 42.0)
    assert (report.lamp_seconds, report.lamp_channel) == (99, 10)


def test_a_node_with_two_outputs_burns_with_either_and_fails_with_either() -> None:
    (report,) = reports(
        reading(
            (1, {"dimming_ratio": 0.2, "lamp_on": True, "lamp_failure": False}),
            (2, {"dimming_ratio": 0.8, "lamp_on": False, "lamp_failure": True}),
            (0, {"relay_closed": True}),
        )
    )

    assert (report.dimming_ratio, report.lamp_on, report.lamp_failure) == (0.8, True, True)


def test_what_no_number_says_is_not_said() -> None:
    assert reports(reading((0, {"dimming_ratio": float("nan"), "active_power_watts": float("inf")}))) == []


# ── counters ──

FAST = 1000 / HOUR_US


def test_the_nodes_meter_takes_the_place_of_a_drivers_and_never_the_other_way() -> None:
    driver, _ = metered(None, 10, 500.0, 0, FAST)
    node, used = metered(driver, 0, 9000.0, HOUR_US, FAST)
    still, nothing = metered(node, 10, 540.0, 2 * HOUR_US, FAST)

    assert (node, used) == (Meter(0, 9000.0, HOUR_US), None)
    assert (still, nothing) == (node, None)


def test_a_counter_that_began_anew_elsewhere_is_believed_by_its_second_reading() -> None:
    odd, nothing = metered(Meter(0, 100.0, 0), 0, 70_000.0, HOUR_US, FAST)
    after, used = metered(odd, 0, 70_050.0, 2 * HOUR_US, FAST)

    assert nothing is None
    assert after == Meter(0, 70_050.0, 2 * HOUR_US)
    assert used == Use(50.0, HOUR_US)


def test_a_turn_is_told_from_a_reset_by_what_can_have_been_used() -> None:
    turned = metered(Meter(0, TURN - 10.0, 0), 0, 5.0, HOUR_US, FAST)
    reset = metered(Meter(0, TURN - 1e6, 0), 0, 5.0, HOUR_US, FAST)

    assert turned[1] == Use(15.0, 0)
    assert reset[1] is None


# ── nights ──

NIGHT = by_clock().night(us(2026, 3, 1, 20))


def said(hour: float, *, burning: bool | None = None, holds: float = 3, **more: Any) -> Said:
    at_us = us(2026, 3, 1, 12) + round(hour * HOUR_US)
    return Said(
        observed_at_us=at_us,
        burning=burning,
        until_us=at_us + round(holds * HOUR_US),
        used_watt_hours=more.get("used"),
        used_since_us=at_us - round(more["since"] * HOUR_US) if "since" in more else None,
        lit_seconds=more.get("lit"),
        lit_since_us=at_us - round(more["since"] * HOUR_US) if "lit" in more else None,
        rated_watts=more.get("rated", 50.0),
        segment="ring",
    )


def found(*facts: Said, night: Night = NIGHT) -> Figures:
    figures = figures_of(facts, night)
    assert figures is not None
    return figures


def test_hours_add_up_to_the_night_and_days_to_the_counter() -> None:
    """A reading before noon and one after it share what lies between them; nothing is lost or doubled."""
    facts = [said(hour, used=30.0, since=1.5) for hour in (-0.5, 1.0, 2.5, 23.5, 25.0)]
    nights = [by_clock().night(us(2026, 3, day, 20)) for day in (1, 2)]
    before = by_clock().night(us(2026, 2, 28, 20))
    figures = [found(*facts, night=night) for night in (before, *nights)]

    assert sum(each.energy_watt_hours or 0.0 for each in figures) == pytest.approx(150.0)
    for each in figures:
        assert sum(each.hours.values()) == pytest.approx(each.energy_watt_hours)
    assert figures[1].hours[NIGHT.begin_us] == pytest.approx(20.0)


def test_what_a_long_silence_used_is_spread_over_a_day_and_not_lost() -> None:
    figures = found(said(10, used=500.0, since=200))
    before = found(said(10, used=500.0, since=200), night=by_clock().night(us(2026, 2, 28, 20)))

    assert (figures.energy_watt_hours or 0) + (before.energy_watt_hours or 0) == pytest.approx(500.0)


def test_a_lamp_that_burns_as_it_should_is_available_all_of_the_time() -> None:
    figures = found(*(said(hour, burning=6 < hour < 18) for hour in range(24)))

    assert figures.due_seconds == (12 * 60 - 40) * 60
    assert figures.known_seconds == figures.lit_seconds + 40 * 60 == figures.due_seconds


def test_what_is_not_known_is_neither_available_nor_the_contrary() -> None:
    figures = found(said(7, burning=True), said(12, burning=False, holds=1))

    assert figures.known_seconds == 4 * 3600
    assert figures.lit_seconds == 3 * 3600


def test_a_new_node_goes_on_with_the_history_of_its_site() -> None:
    figures = found(
        said(7, burning=True, used=50.0, since=1),
        said(8, burning=True, used=50.0, since=1),
        said(9, burning=True),  # the new node: no reading of its meter before
        said(10, burning=True, used=50.0, since=1, holds=1),
    )

    assert figures.energy_watt_hours == pytest.approx(150.0)
    assert figures.lit_seconds == 4 * 3600


def test_its_own_counter_tells_burning_hours_better_than_its_state() -> None:
    figures = found(said(10, burning=True, used=40.0, lit=3600.0, since=2), said(11, used=0.0, lit=0.0, since=1))

    assert figures.burning_seconds == 3600.0
    assert figures.rated_watt_hours == 50.0


def test_energy_is_not_held_against_burning_time_that_is_half_known() -> None:
    figures = found(said(10, burning=True, used=40.0, since=2))

    assert figures.burning_seconds == 3 * 3600
    assert figures.rated_watt_hours is None


def test_of_a_night_without_a_word_there_are_no_figures() -> None:
    assert figures_of([said(-5), said(40)], NIGHT) is None
    assert timedelta(microseconds=NIGHT.end_us - NIGHT.begin_us) == timedelta(days=1)
