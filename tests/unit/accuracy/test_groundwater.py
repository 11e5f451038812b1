"""Wells: what is judged, on a handful of rows."""

from __future__ import annotations

import pytest

from pipeline.core.clock import DAY_US, HOUR_US
from pipeline.simulator.breakdowns import Spell
from tests.accuracy import groundwater
from tests.accuracy.groundwater import Level
from tests.accuracy.matching import Section, Window

Figure = tuple[str, int, float]
WINDOW = Window(0, 20 * DAY_US)
TRUE = groundwater.Truth(
    # it rises by a centimetre a day
    levels={"gwm-1": lambda at_us: 30.0 + 0.01 * at_us / DAY_US},
    lifted={"gwm-1": [Spell(HOUR_US, 3 * HOUR_US, 0.5)]},
)


def judged(
    *levels: Level,
    hours: list[tuple[str, int, float]] | None = None,
    trends: list[tuple[str, int, float]] | None = None,
) -> Section:
    return groundwater.judge(TRUE, groundwater.Found(levels, hours or [], trends or []), WINDOW)


def test_each_measurement_is_rightly_or_wrongly_left_out() -> None:
    (score,) = judged(
        Level("gwm-1", 0, 30.0, is_usable=True),
        Level("gwm-1", HOUR_US, 28.0, is_usable=False),
        Level("gwm-1", 2 * HOUR_US, 28.0, is_usable=True),
        Level("gwm-1", 3 * HOUR_US, 30.0, is_usable=False),
    ).scores

    assert (score.true, score.found, score.precision, score.recall) == (2, 2, 0.5, 0.5)


def test_only_levels_that_are_used_have_an_error() -> None:
    (error,) = judged(
        Level("gwm-1", DAY_US, 30.02, is_usable=True), Level("gwm-1", DAY_US, 9.0, is_usable=False)
    ).errors

    assert error.bias == pytest.approx(1.0)


def test_hour_is_held_against_its_middle_and_trend_against_its_week() -> None:
    hour, trend = judged(
        hours=[("gwm-1", 10 * DAY_US - HOUR_US // 2, 30.1)], trends=[("gwm-1", 10 * DAY_US, 0.012)]
    ).errors

    assert hour.bias == pytest.approx(0.0, abs=1e-9)
    assert trend.bias == pytest.approx(2.0)
