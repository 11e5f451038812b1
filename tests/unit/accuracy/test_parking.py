"""Bays: what is judged, on a handful of rows."""

from __future__ import annotations

import pytest

from pipeline.core.clock import HOUR_US, MINUTE_US
from pipeline.simulator.truth import Course
from tests.accuracy import parking
from tests.accuracy.matching import Error, Section, Span, Window
from tests.accuracy.parking import Phase, Stretch

WINDOW = Window(0, 10 * HOUR_US)
CAME, WENT = 2 * HOUR_US, 4 * HOUR_US
TRUE = parking.Truth(
    stays=[Span("a-1", CAME, WENT)],
    occupied={"a-1": Course((0, CAME, WENT), (0.0, 1.0, 0.0)), "a-2": Course((0,), (0.0,))},
    zones={"a-1": "a", "a-2": "a"},
    deaths={"a-2": 6 * HOUR_US},
)
FREE = Phase("a-2", 0, occupied=False, begin_earliest_us=None, end_us=None)


def stay(begin_us: int, end_us: int | None, earliest_us: int | None = None) -> Phase:
    return Phase("a-1", begin_us, occupied=True, begin_earliest_us=earliest_us, end_us=end_us)


def judged(*phases: Phase, stretches: tuple[Stretch, ...] = ()) -> Section:
    return parking.judge(TRUE, parking.Found([*phases, FREE], stretches), WINDOW)


def free(begin_us: int, end_us: int | None) -> Phase:
    return Phase("a-1", begin_us, occupied=False, begin_earliest_us=begin_us, end_us=end_us)


def error_of(section: Section, name: str) -> Error:
    return next(error for error in section.errors if error.name == name)


def test_stay_and_states_of_an_honest_sensor_are_right() -> None:
    section = judged(free(0, CAME), stay(CAME, WENT, CAME - HOUR_US), free(WENT, None))

    (score,) = section.scores
    assert (score.precision, score.recall) == (1.0, 1.0)
    assert [error.size.p95 for error in section.errors] == [0.0] * 3


def test_heartbeat_repairs_a_lost_arrival_and_says_how_early_it_may_have_been() -> None:
    section = judged(free(0, CAME + HOUR_US), stay(CAME + HOUR_US, WENT, CAME - MINUTE_US), free(WENT, None))

    assert section.scores[0].recall == 1.0
    assert error_of(section, "duration of a stay").bias == -60.0
    assert error_of(section, "begin of a stay outside of its own bounds").size.mean == 0.0
    assert error_of(section, "time in which a bay's state is wrong or unknown").size.mean == pytest.approx(5.0)


def test_begin_before_the_earliest_is_outside_by_so_much() -> None:
    section = judged(stay(CAME + HOUR_US, WENT, CAME + 20 * MINUTE_US))

    assert error_of(section, "begin of a stay outside of its own bounds").bias == -20.0


def test_missed_car_is_missed() -> None:
    assert judged(free(0, None)).scores[0].recall == 0.0


def test_between_phases_a_bay_is_unknown() -> None:
    section = judged(free(0, CAME), stay(CAME, WENT, CAME))

    assert error_of(section, "time in which a bay's state is wrong or unknown").size.mean == pytest.approx(30.0)


def test_zone_is_held_against_the_same_hour_and_day() -> None:
    section = judged(
        stretches=(
            # taken for half of the hour, as one of two bays
            Stretch("a", "hour", CAME - HOUR_US // 2, CAME + HOUR_US // 2, 0.30, 1, None),
            Stretch("a", "day", 0, 8 * HOUR_US, None, 2, 7230.0),
        )
    )

    assert error_of(section, "occupancy of a zone in an hour").bias == pytest.approx(5.0)
    assert error_of(section, "stays begun in a zone on a day").bias == pytest.approx(100.0)
    assert error_of(section, "median stay in a zone on a day").bias == pytest.approx(0.5)
