"""Wells: levels, hours and trends against where the groundwater really stood, flags against probes that were lifted.

A measurement is judged by itself: one that was taken while somebody had lifted the probe is to be left out, every other
one is to be used. A probe that drifts is right by its own account; only a dip by hand tells, and here is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline.core.clock import DAY_US, HOUR_US
from pipeline.simulator import CityPlan, Device, Family
from pipeline.simulator.breakdowns import LIFTED, Spell, spells, within
from pipeline.simulator.groundwater import true_level
from tests.accuracy.database import Connection, rows
from tests.accuracy.matching import Section, Span, Tolerance, Window, error, judged, pair, present, score
from tests.accuracy.played import Played

EXACTLY: Final = Tolerance(0, 0)


class Level(NamedTuple):
    """A measurement."""

    site: str
    at_us: int
    level_metres_nhn: float | None
    is_usable: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """What was true of all wells."""

    levels: Mapping[str, Callable[[int], float]]
    lifted: Mapping[str, Sequence[Spell]]
    """When somebody had lifted the probe; empty where sensors are honest."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says of all wells."""

    levels: Sequence[Level]
    hours: Sequence[tuple[str, int, float]]
    """Site, begin of the hour, mean level in metres above NHN."""
    trends: Sequence[tuple[str, int, float]]
    """Site, the newest hour, metres per day over the week before."""


async def section(played: Played) -> Section:
    """Ask both, and judge."""
    true = known(played.plan, played.of(Family.GROUNDWATER))
    return judge(true, await read(played.connection), played.window)


def known(plan: CityPlan, wells: Sequence[Device]) -> Truth:
    """Ask the simulator."""
    return Truth(
        levels={device.site: true_level(plan, device) for device in wells},
        lifted={
            device.site: spells(plan, device.dev_eui, "lifted", per_day=plan.lifted_probes_per_day, hours=LIFTED)
            for device in wells
        },
    )


async def read(connection: Connection) -> Found:
    """Ask the database."""
    levels = await rows(
        connection,
        "SELECT site, observed_at, level_metres_nhn, is_usable FROM groundwater_level WHERE site IS NOT NULL",
    )
    hours = await rows(
        connection, "SELECT site, hour, mean_metres_nhn FROM groundwater_hour WHERE mean_metres_nhn IS NOT NULL"
    )
    trends = await rows(
        connection,
        "SELECT site, hour, week_metres_per_day FROM groundwater_trend WHERE week_metres_per_day IS NOT NULL",
    )
    return Found([Level(*row) for row in levels], [*hours], [*trends])


def judge(true: Truth, found: Found, window: Window) -> Section:
    """Precision and recall of what is left out; errors of levels, hours and trends."""
    wrong = [Span(each.site, each.at_us) for each in found.levels if within(true.lifted[each.site], each.at_us)]
    left_out = [Span(each.site, each.at_us) for each in found.levels if not each.is_usable]
    return Section(
        "groundwater",
        (score("measurement left out (probe lifted)", judged(pair(wrong, left_out, EXACTLY), window)),),
        present(
            (
                error("level that is used", "cm", [*_levels(true, found)]),
                error("mean level of an hour", "cm", [*_hours(true, found)]),
                error("trend of a week", "mm per day", [*_trends(true, found)]),
            )
        ),
    )


def _levels(true: Truth, found: Found) -> Iterator[float]:
    for each in found.levels:
        if each.is_usable and each.level_metres_nhn is not None:
            yield 100 * (each.level_metres_nhn - true.levels[each.site](each.at_us))


def _hours(true: Truth, found: Found) -> Iterator[float]:
    for site, hour_us, mean in found.hours:
        yield 100 * (mean - true.levels[site](hour_us + HOUR_US // 2))


def _trends(true: Truth, found: Found) -> Iterator[float]:
    """Against the mean slope of the same week."""
    for site, hour_us, slope in found.trends:
        level, end_us = true.levels[site], hour_us + HOUR_US // 2
        yield 1000 * (slope - (level(end_us) - level(end_us - 7 * DAY_US)) / 7)
