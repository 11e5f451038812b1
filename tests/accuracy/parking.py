"""Bays: stays against the cars that really stood there, zones against how many of them did.

Tolerance. A sensor says at once that a car came; where that frame is lost the next heartbeat repairs it, an hour later
at most. So a stay that is found begins at most five minutes before the car and an hour and five minutes behind it, and
a car that came and went between two heartbeats while its frame was lost is missed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from pipeline.core.clock import HOUR_US, MINUTE_US
from pipeline.simulator import CityPlan, Device, Family, truth
from pipeline.simulator.truth import Course
from tests.accuracy.database import Connection, rows
from tests.accuracy.matching import (
    FOR_EVER_US,
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
    while_alive,
)
from tests.accuracy.played import Played

STAY_WITHIN: Final = Tolerance(5 * MINUTE_US, HOUR_US + 5 * MINUTE_US)
LAST_US: Final = 2 * HOUR_US
SAMPLED_US: Final = 15 * MINUTE_US


class Phase(NamedTuple):
    """A bay was taken or free; between phases it is unknown."""

    site: str
    begin_us: int
    occupied: bool
    begin_earliest_us: int | None
    end_us: int | None


class Stretch(NamedTuple):
    """A zone in an hour or a day."""

    zone: str
    period: str
    begin_us: int
    end_us: int
    occupancy_ratio: float | None
    stays_begun: int
    stay_median_seconds: float | None


@dataclass(frozen=True, slots=True)
class Truth:
    """What was true of all bays, and the zone of each."""

    stays: Sequence[Span]
    occupied: Mapping[str, Course]
    zones: Mapping[str, str]
    deaths: Mapping[str, int]

    def at(self, site: str, at_us: int) -> bool | None:
        """Whether a car stands there; None once nobody looks any more."""
        return bool(self.occupied[site].at(at_us)) if at_us < self.deaths.get(site, FOR_EVER_US) else None

    def sites_of(self, zone: str, at_us: int) -> list[str]:
        """The bays of a zone whose sensors live at a time."""
        return [
            site for site, mine in self.zones.items() if mine == zone and at_us < self.deaths.get(site, FOR_EVER_US)
        ]


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says of all bays and zones."""

    phases: Sequence[Phase]
    """By site, in the order of time."""
    stretches: Sequence[Stretch]


async def section(played: Played) -> Section:
    """Ask both, and judge."""
    true = known(played.plan, played.of(Family.PARKING))
    return judge(true, await read(played.connection), played.window)


async def read(connection: Connection) -> Found:
    """Ask the database."""
    phases = await rows(
        connection,
        "SELECT site, begin_at, occupied, begin_earliest_at, end_at FROM parking_phase ORDER BY site, begin_at",
    )
    stretches = await rows(
        connection,
        "SELECT zone, period, begin_at, end_at, occupancy_ratio, stays_begun, stay_median_seconds"
        " FROM parking_zone_history WHERE audience = 'operations' AND period IN ('hour', 'day')",
    )
    return Found([Phase(*row) for row in phases], [Stretch(*row) for row in stretches])


def known(plan: CityPlan, bays: Sequence[Device]) -> Truth:
    """Ask the simulator."""
    deaths = deaths_of(plan, bays)
    return Truth(
        stays=while_alive((Span(*stay[1:]) for device in bays for stay in truth.stays(plan, device)), deaths),
        occupied={device.site: truth.occupied(plan, device) for device in bays},
        zones={device.site: device.group for device in bays},
        deaths=deaths,
    )


def judge(true: Truth, found: Found, window: Window) -> Section:
    """Precision and recall of stays; errors of their durations, of bays' states and of zones."""
    within = Window(window.from_us, window.until_us - LAST_US)
    stays = judged(pair(true.stays, _stays(found), STAY_WITHIN), within)
    hours, days = (
        [each for each in found.stretches if each.period == period and _inside(each, within)]
        for period in ("hour", "day")
    )
    return Section(
        "parking",
        (score("stay", stays),),
        present(
            (
                error("duration of a stay", "minutes", [*_durations(stays)]),
                error("begin of a stay outside of its own bounds", "minutes", [*_outside(stays, found)]),
                error("time in which a bay's state is wrong or unknown", "%", [*_wrong(true, found, window)]),
                error("occupancy of a zone in an hour", "% of its bays", [*_occupancies(true, hours)]),
                error("stays begun in a zone on a day", "%", [*_begun(true, days)]),
                error("median stay in a zone on a day", "minutes", [*_medians(true, days)]),
            )
        ),
    )


def _inside(stretch: Stretch, window: Window) -> bool:
    return window.from_us <= stretch.begin_us and stretch.end_us <= window.until_us


def _stays(found: Found) -> Iterator[Span]:
    for phase in found.phases:
        if phase.occupied:
            yield Span(phase.site, phase.begin_us, phase.end_us)


def _durations(stays: Pairing) -> Iterator[float]:
    for mine, theirs in stays.pairs:
        if mine.until_us is not None and theirs.until_us is not None:
            yield (theirs.until_us - theirs.from_us - mine.until_us + mine.from_us) / MINUTE_US


def _outside(stays: Pairing, found: Found) -> Iterator[float]:
    """How far the true begin is before the earliest that is told, or behind the latest."""
    earliest = {(phase.site, phase.begin_us): phase.begin_earliest_us for phase in found.phases}
    for mine, theirs in stays.pairs:
        first_us = earliest[theirs.subject, theirs.from_us]
        if first_us is not None:
            yield (min(0, mine.from_us - first_us) + max(0, mine.from_us - theirs.from_us)) / MINUTE_US


def _wrong(true: Truth, found: Found, window: Window) -> Iterator[float]:
    """For each bay, looked at every quarter of an hour."""
    phases: dict[str, list[Phase]] = defaultdict(list)
    for phase in found.phases:
        phases[phase.site].append(phase)
    samples = range(window.from_us, window.until_us, SAMPLED_US)
    for site in true.occupied:
        truly = [(at, state) for at in samples if (state := true.at(site, at)) is not None]
        if truly:
            yield 100 * sum(_state(phases[site], at) is not state for at, state in truly) / len(truly)


def _state(phases: Sequence[Phase], at_us: int) -> bool | None:
    place = bisect_right(phases, at_us, key=lambda phase: phase.begin_us)
    if not place:
        return None
    phase = phases[place - 1]
    return phase.occupied if phase.end_us is None or at_us < phase.end_us else None


def _occupancies(true: Truth, hours: Sequence[Stretch]) -> Iterator[float]:
    for each in hours:
        sites = true.sites_of(each.zone, each.end_us)
        if each.occupancy_ratio is not None and sites:
            taken = sum(_taken_us(true.occupied[site], each.begin_us, each.end_us) for site in sites)
            yield 100 * (each.occupancy_ratio - taken / len(sites) / (each.end_us - each.begin_us))


def _taken_us(course: Course, begin_us: int, end_us: int) -> int:
    first, last = (bisect_right(course.times_us, at) for at in (begin_us, end_us))
    return sum(
        after - before
        for before, after in pairwise([begin_us, *course.times_us[first:last], end_us])
        if course.at(before)
    )


def _begun(true: Truth, days: Sequence[Stretch]) -> Iterator[float]:
    for each in days:
        begun = sum(
            true.zones[stay.subject] == each.zone and each.begin_us <= stay.from_us < each.end_us for stay in true.stays
        )
        if begun:
            yield 100 * (each.stays_begun - begun) / begun


def _medians(true: Truth, days: Sequence[Stretch]) -> Iterator[float]:
    for each in days:
        lasted = [
            stay.until_us - stay.from_us
            for stay in true.stays
            if stay.until_us is not None
            and true.zones[stay.subject] == each.zone
            and each.begin_us <= stay.until_us < each.end_us
        ]
        if lasted and each.stay_median_seconds is not None:
            yield each.stay_median_seconds / 60 - median(lasted) / MINUTE_US
