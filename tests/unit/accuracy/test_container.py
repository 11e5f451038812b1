"""Containers: what is judged, on a handful of rows."""

from __future__ import annotations

import pytest

from pipeline.core.clock import DAY_US, HOUR_US, MINUTE_US
from pipeline.simulator.truth import Course
from tests.accuracy import container
from tests.accuracy.alerts import AlertRow
from tests.accuracy.matching import Score, Section, Span, Window

WINDOW = Window(0, 10 * DAY_US)
LORRY = 2 * DAY_US
TRUE = container.Truth(
    emptyings=[Span("huels-1", LORRY, LORRY, 1.05)],
    toppled=[Span("huels-1", 4 * DAY_US, 4 * DAY_US + 3 * HOUR_US)],
    fills={"huels-1": Course((0, DAY_US, LORRY, LORRY + 3 * MINUTE_US, 3 * DAY_US), (0.5, 0.8, 1.08, 0.03, 0.2))},
    deaths={},
)


def judged(*, emptyings: list[Span], alerts: list[AlertRow], fills: list[tuple[str, int, float]]) -> Section:
    return container.judge(TRUE, container.Found(emptyings, alerts, fills), WINDOW)


def of(section: Section, name: str) -> Score:
    return next(score for score in section.scores if score.name == name)


def test_emptying_is_found_by_the_next_measurements() -> None:
    section = judged(emptyings=[Span("huels-1", LORRY + HOUR_US, None, 0.95)], alerts=[], fills=[])

    found = of(section, "emptying")
    assert (found.precision, found.recall) == (1.0, 1.0)
    # full is told as 1: it fell by 0.97
    assert section.errors[0].bias == pytest.approx(-2.0)


def test_emptying_that_was_none_is_one_too_many() -> None:
    found = of(judged(emptyings=[Span("huels-1", LORRY - DAY_US, None, 0.5)], alerts=[], fills=[]), "emptying")

    assert (found.precision, found.recall) == (0.0, 0.0)


def test_alerts_are_held_against_what_was_in_it() -> None:
    section = judged(
        emptyings=[],
        alerts=[
            AlertRow("container_full", "huels-1", DAY_US + HOUR_US, LORRY),
            AlertRow("container_full", "huels-1", 3 * DAY_US, None),
            AlertRow("container_overfull", "huels-1", LORRY, LORRY),
            AlertRow("container_tilted", "huels-1", 4 * DAY_US + HOUR_US, None),
            AlertRow("container_hot", "huels-1", DAY_US, None),
        ],
        fills=[],
    )

    full = of(section, "alert container_full")
    assert (full.precision, full.recall) == (0.5, 1.0)
    assert of(section, "alert container_overfull").recall == 1.0
    assert of(section, "alert container_tilted").recall == 1.0
    assert of(section, "alert container_hot (never true)").precision == 0.0


def test_fill_is_held_against_the_one_when_it_was_measured() -> None:
    fills = [("huels-1", DAY_US, 0.81), ("huels-1", LORRY, 1.0), ("huels-1", 3 * DAY_US, 0.17)]
    section = judged(emptyings=[], alerts=[], fills=fills)

    assert section.errors[-1].size.values == 3
    assert section.errors[-1].size.mean == pytest.approx(4 / 3)
