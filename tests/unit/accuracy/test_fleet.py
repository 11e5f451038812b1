"""The fleet: what is judged, on a handful of rows."""

from __future__ import annotations

from pipeline.core.clock import DAY_US, HOUR_US
from tests.accuracy import fleet
from tests.accuracy.matching import Section, Span, Window

WINDOW = Window(0, 20 * DAY_US)
TRUE = fleet.Truth(
    dead=[Span("d1", 5 * DAY_US), Span("d2", 19 * DAY_US)],
    gateways=[Span("g1", DAY_US, DAY_US + 3 * HOUR_US)],
    lost={"d1": 3, "d2": 0, "d3": 7},
)


def judged(dead: list[Span], gateways: list[Span]) -> Section:
    found = fleet.Found(dead, gateways, missing={"d1": 3, "d2": 2}, lost_inside=0, batteries=[])
    return fleet.judge(TRUE, found, [1.0], WINDOW)


def test_dead_device_is_silent_since_its_last_frame() -> None:
    dead, _ = judged([Span("d1", 5 * DAY_US - HOUR_US)], []).scores

    # the other one died too late to be told
    assert (dead.true, dead.precision, dead.recall) == (1, 1.0, 1.0)


def test_device_that_lives_is_not_dead() -> None:
    dead, _ = judged([Span("d3", DAY_US)], []).scores

    assert (dead.precision, dead.recall) == (0.0, 0.0)


def test_silence_of_a_gateway_is_found() -> None:
    _, gateway = judged([], [Span("g1", DAY_US - HOUR_US // 2), Span("g2", DAY_US)]).scores

    assert (gateway.precision, gateway.recall) == (0.5, 1.0)


def test_account_is_held_against_what_was_lost() -> None:
    missing, inside, battery = judged([], []).errors

    assert (missing.size.values, missing.size.mean) == (2, 1.0)
    assert inside.size.mean == 0.0
    assert battery.bias == 1.0
