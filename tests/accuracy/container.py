"""Containers: emptyings and alerts against what really happened, fills against what really was in them.

Tolerances. A container measures once an hour, so an emptying is found by the hour: up to two lost frames are nobody's
fault, six hours are. Where the sensor is blind over an emptying it may come later still, and counts as missed. A full
container gains a few percent a day and nothing by night, and a measurement is right to half a percent: when it passed
80 % is known to half a day. A container on its side is told of by the next frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.core.clock import DAY_US, HOUR_US, MINUTE_US
from pipeline.simulator import CityPlan, Device, Family, truth
from pipeline.simulator.truth import Course, What
from tests.accuracy.alerts import AlertRow, alert_spans
from tests.accuracy.database import Connection, rows
from tests.accuracy.matching import (
    Pairing,
    Section,
    Span,
    Tolerance,
    Window,
    deaths_of,
    error,
    judged,
    pair,
    present,
    score,
    spans_above,
    while_alive,
)
from tests.accuracy.played import Played

FULL: Final = (0.8, 0.7)
OVERFULL: Final = (1.05, 1.0)
EMPTIED_WITHIN: Final = Tolerance(10 * MINUTE_US, 6 * HOUR_US)
FULL_WITHIN: Final = Tolerance(12 * HOUR_US, 12 * HOUR_US)
TOPPLED_WITHIN: Final = Tolerance(10 * MINUTE_US, 4 * HOUR_US)
SENT_WITHIN_US: Final = 3_000_000
EMPTIED_AFTER_US: Final = 5 * MINUTE_US
"""No lorry takes longer."""
LAST_US: Final = DAY_US
"""What begins in the last day may not have been found yet."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says of all containers."""

    emptyings: Sequence[Span]
    alerts: Sequence[AlertRow]
    fills: Sequence[tuple[str, int, float]]
    """Site, when, and the fill that held then."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What was true of all containers."""

    emptyings: Sequence[Span]
    toppled: Sequence[Span]
    fills: Mapping[str, Course]
    deaths: Mapping[str, int]


async def section(played: Played) -> Section:
    """Ask both, and judge."""
    true = known(played.plan, played.of(Family.CONTAINER))
    return judge(true, await read(played.connection, played.alerts), played.window)


async def read(connection: Connection, alerts: Sequence[AlertRow]) -> Found:
    """Ask the database."""
    emptyings = await rows(
        connection, "SELECT site, emptied_at, emptying_ratio FROM container_emptying ORDER BY site, emptied_at"
    )
    fills = await rows(
        connection,
        "SELECT site, observed_at, coalesce(fill_ratio, held_ratio) FROM container_level"
        " WHERE site IS NOT NULL AND coalesce(fill_ratio, held_ratio) IS NOT NULL",
    )
    return Found([Span(site, at, at, amount) for site, at, amount in emptyings], alerts, [*fills])


def known(plan: CityPlan, containers: Sequence[Device]) -> Truth:
    """Ask the simulator."""
    happened = [each for device in containers for each in truth.container_happenings(plan, device)]
    deaths = deaths_of(plan, containers)
    return Truth(
        emptyings=while_alive((Span(*each[1:]) for each in happened if each.what is What.EMPTIED), deaths),
        toppled=while_alive((Span(*each[1:]) for each in happened if each.what is What.TOPPLED), deaths),
        fills={device.site: truth.fill_ratio(plan, device) for device in containers},
        deaths=deaths,
    )


def judge(true: Truth, found: Found, window: Window) -> Section:
    """Precision and recall of emptyings and alerts; errors of amounts and fills."""
    window = Window(window.from_us, window.until_us - LAST_US)
    emptied = judged(pair(true.emptyings, found.emptyings, EMPTIED_WITHIN), window)

    def alert(rule: str, truly: Sequence[Span], tolerance: Tolerance) -> Pairing:
        return judged(pair(truly, alert_spans(found.alerts, rule), tolerance), window)

    full, overfull = (while_alive(_above(true.fills, *limits), true.deaths) for limits in (FULL, OVERFULL))
    return Section(
        "container",
        (
            score("emptying", emptied),
            score("alert container_full", alert("container_full", full, FULL_WITHIN)),
            score("alert container_overfull", alert("container_overfull", overfull, FULL_WITHIN)),
            score("alert container_tilted", alert("container_tilted", true.toppled, TOPPLED_WITHIN)),
            score("alert container_hot (never true)", alert("container_hot", [], FULL_WITHIN)),
            score("alert container_not_emptied (never true)", alert("container_not_emptied", [], FULL_WITHIN)),
        ),
        present(
            (
                error("amount of an emptying", "% of full", [*_amounts(true, emptied)]),
                error("fill", "% of full", [*_fills(true, found)]),
            )
        ),
    )


def _above(fills: Mapping[str, Course], on: float, off: float) -> Iterator[Span]:
    for site, course in fills.items():
        yield from spans_above(zip(course.times_us, course.values, strict=True), site, on=on, off=off)


def _amounts(true: Truth, emptied: Pairing) -> Iterator[float]:
    for mine, theirs in emptied.pairs:
        fills = true.fills[mine.subject]
        full, left = fills.at(mine.from_us), fills.at(mine.from_us + EMPTIED_AFTER_US)
        if full is not None and left is not None and theirs.amount is not None:
            # what is above the full line is told as full
            yield 100 * (theirs.amount - min(full, 1.0) + left)


def _fills(true: Truth, found: Found) -> Iterator[float]:
    for site, at, fill in found.fills:
        # a frame may go out some seconds behind its measurement
        truly = true.fills[site].at(at + SENT_WITHIN_US)
        if truly is not None:
            yield 100 * (fill - min(truly, 1.0))
