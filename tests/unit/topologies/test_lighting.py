"""What a node's frames say together, its counters, and the figures of a night."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.core.clock import to_us
from schemas.silkstream.v1.reading_pb2 import Reading
from schemas.silkstream.v1.reading_view_pb2 import ReadingView
from tests.readings import sample, view
from tests.unit.topologies.material import BASE_US, eui, event_id
from topologies.lighting.meters import TURN, Meter, Use, metered, read_meter
from topologies.lighting.nights import Figures, Said, figures_of
from topologies.lighting.parameters import LightingParameters
from topologies.lighting.plan import Night, Plan
from topologies.lighting.reports import reports

HOUR_US = 3_600_000_000
BERLIN = ZoneInfo("Europe/Berlin")


def night(day: date) -> Night:
    """A night with lamps from 18 to 6 o'clock."""
    parameters = LightingParameters(switching="clock", on_at=time(18), off_at=time(6))
    return Plan(parameters, latitude=51.33, longitude=6.56).night(to_us(datetime.combine(day, time(20), BERLIN)))


# ── frames ──


def reading(*samples: tuple[int, dict[str, float | bool | int]]) -> ReadingView:
    return view(
        Reading(
            event_id=event_id("x"),
            dev_eui=eui(1),
            observed_at_us=BASE_US,
            samples=[sample(values, channel=channel, at_us=BASE_US) for channel, values in samples],
        )
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
    assert reports(reading((0, {"dimming_ratio": float("nan"), "active_power_watts": float("inf")}))) == ()


# ── counters ──

FAST = 1000 / HOUR_US


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, None),
        ([10.0, 7.0, 5.0], Meter(10, 7.0, 5)),
        ([10.0, 7.0, 5.0, None, None], Meter(10, 7.0, 5)),
        ([10.0, 7.0, 5.0, 9.0, 6.0], Meter(10, 7.0, 5, 9.0, 6)),
    ],
)
def test_a_counter_is_read_with_and_without_a_doubt(row: list[float | None] | None, expected: Meter | None) -> None:
    assert read_meter(row) == expected


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

NIGHT = night(date(2026, 3, 1))


def said(hour: float, *, burning: bool | None = None, holds: float = 3, **more: Any) -> Said:
    at_us = NIGHT.begin_us + round(hour * HOUR_US)
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


def found(*facts: Said, during: Night = NIGHT) -> Figures:
    figures = figures_of(facts, during)
    assert figures is not None
    return figures


def test_hours_add_up_to_the_night_and_days_to_the_counter() -> None:
    """A reading before noon and one after it share what lies between them; nothing is lost or doubled."""
    facts = [said(hour, used=30.0, since=1.5) for hour in (-0.5, 1.0, 2.5, 23.5, 25.0)]
    nights = [night(date(2026, 2, 28)), NIGHT, night(date(2026, 3, 2))]
    figures = [found(*facts, during=each) for each in nights]

    assert sum(each.energy_watt_hours or 0.0 for each in figures) == pytest.approx(150.0)
    for each in figures:
        assert sum(each.hours.values()) == pytest.approx(each.energy_watt_hours)
    assert figures[1].hours[NIGHT.begin_us] == pytest.approx(20.0)


def test_what_a_long_silence_used_is_spread_over_a_day_and_not_lost() -> None:
    figures = found(said(10, used=500.0, since=200))
    before = found(said(10, used=500.0, since=200), during=night(date(2026, 2, 28)))

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
