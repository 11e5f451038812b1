"""Bays: what is judged, on a handful of rows."""

from __future__ import annotations

import pytest

from pipeline.simulator.truth import Course
from tests.accuracy import parking
from tests.accuracy.matching import HOUR_US, MINUTE_US, Error, Section, Span, Window

WINDOW = Window(0, 10 * HOUR_US)
CAME, WENT = 2 * HOUR_US, 4 * HOUR_US
TRUE = parking.Truth(
    stays=[Span("a-1", CAME, WENT)],
    occupied={"a-1": Course((0, CAME, WENT), (0.0, 1.0, 0.0)), "a-2": Course((0,), (0.0,))},
    zones={"a-1": "a", "a-2": "a"},
    deaths={"a-2": 6 * HOUR_US},
)


def judged(*states: tuple[int, bool | None]) -> Section:
    return parking.judge(TRUE, parking.Found({"a-1": states, "a-2": [(0, False)]}), WINDOW)


def error_of(section: Section, name: str) -> Error:
    return next(error for error in section.errors if error.name == name)


def test_stay_and_all_figures_of_an_honest_sensor_are_right() -> None:
    section = judged((0, False), (CAME, True), (WENT, False))

    (stay,) = section.scores
    assert (stay.precision, stay.recall) == (1.0, 1.0)
    assert all(error.size.p95 == 0.0 for error in section.errors)


def test_heartbeat_repairs_a_lost_arrival() -> None:
    section = judged((0, False), (CAME + HOUR_US, True), (WENT, False))

    assert section.scores[0].recall == 1.0
    assert error_of(section, "duration of a stay").bias == -60.0
    wrong = error_of(section, "time in which a bay's state is wrong or unknown")
    assert wrong.size.mean == pytest.approx((10.0 + 0.0) / 2)
    # one of two bays, for an hour out of ten; half of the time there is one bay left to look at
    assert error_of(section, "occupancy of a zone").bias == pytest.approx(-50 / 10)


def test_missed_car_is_missed() -> None:
    section = judged((0, False), (WENT + HOUR_US, False))

    assert section.scores[0].recall == 0.0


def test_silence_ends_a_stay_and_is_no_state() -> None:
    section = judged((0, False), (CAME, True), (CAME + 10 * MINUTE_US, None), (WENT, False))

    assert error_of(section, "duration of a stay").bias == -110.0
