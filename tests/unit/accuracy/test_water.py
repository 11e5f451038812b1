"""Water meters: what is judged, on a handful of rows."""

from __future__ import annotations

import pytest

from pipeline.core.clock import DAY_US, HOUR_US
from pipeline.simulator.truth import Course
from tests.accuracy import water
from tests.accuracy.alerts import AlertRow
from tests.accuracy.matching import Section, Span, Window

WINDOW = Window(0, 20 * DAY_US)
TRUE = water.Truth(
    leaks=[Span("wz-1", 5 * DAY_US)],
    volumes={"wz-1": Course((0, DAY_US, 2 * DAY_US), (1000.0, 1100.0, 1300.0))},
)


def judged(*alerts: AlertRow, used_litres: float = 300.0) -> Section:
    return water.judge(TRUE, water.Found(alerts, [water.Consumed("wz-1", used_litres, 0, 2 * DAY_US)]), WINDOW)


@pytest.mark.parametrize(
    ("since_us", "recall"),
    [(5 * DAY_US - HOUR_US, 0.0), (5 * DAY_US + HOUR_US, 1.0), (8 * DAY_US, 1.0), (9 * DAY_US, 0.0)],
)
def test_leak_is_found_within_three_days(since_us: int, recall: float) -> None:
    leak = judged(AlertRow("water_leak", "wz-1", since_us, None)).scores[0]

    assert leak.recall == leak.precision == recall


def test_no_other_alert_is_true() -> None:
    others = judged(AlertRow("water_burst", "wz-1", DAY_US, None)).scores[1]

    assert (others.found, others.precision) == (1, 0.0)


def test_consumption_is_held_against_the_same_stretch_of_time() -> None:
    assert judged().errors[0].size.mean == 0.0
    assert judged(used_litres=330.0).errors[0].bias == pytest.approx(10.0)
