"""Bays: states over time against the cars that really stood there.

Tolerance. A sensor says at once that a car came; where that frame is lost the next heartbeat repairs it, an hour later
at most. So a stay that is found begins at most five minutes before the car and an hour and five minutes behind it, and
a car that came and went between two heartbeats while its frame was lost is missed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.simulator import CityPlan, Device, Family, truth
from pipeline.simulator.truth import Course
from tests.accuracy.database import Connection, rows
from tests.accuracy.matching import (
    FOR_EVER_US,
    HOUR_US,
    MINUTE_US,
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
SILENCE_US: Final = 26 * HOUR_US
"""After that the state is unknown."""
SAMPLED_US: Final = 15 * MINUTE_US


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


@dataclass(frozen=True, slots=True)
class Found:
    """The states of all bays by site, each from its time on; None = unknown."""

    states: Mapping[str, Sequence[tuple[int, bool | None]]]


async def section(played: Played) -> Section:
    """Ask both, and judge."""
    true = known(played.plan, played.of(Family.PARKING))
    return judge(true, await read(played.connection), played.window)


async def read(connection: Connection) -> Found:
    """Ask the database for facts: each says what holds from then on, for 26 hours without another one."""
    states: dict[str, list[tuple[int, bool | None]]] = defaultdict(list)
    found = await rows(
        connection,
        "SELECT site, observed_at, occupied FROM parking_observation WHERE site IS NOT NULL ORDER BY site, observed_at",
    )
    for site, at, occupied in found:
        known = states[site]
        if known and at - known[-1][0] > SILENCE_US:
            known.append((known[-1][0] + SILENCE_US, None))
        known.append((at, occupied))
    return Found(states)


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
    """Precision and recall of stays; errors of their durations, of bays' states and of zones' occupancy."""
    within = Window(window.from_us, window.until_us - LAST_US)
    stays = judged(pair(true.stays, _stays(found), STAY_WITHIN), within)
    durations = [
        (theirs.until_us - theirs.from_us - mine.until_us + mine.from_us) / MINUTE_US
        for mine, theirs in stays.pairs
        if mine.until_us is not None and theirs.until_us is not None
    ]
    samples = range(window.from_us, window.until_us, SAMPLED_US)
    return Section(
        "parking",
        (score("stay", stays),),
        present(
            (
                error("duration of a stay", "minutes", durations),
                error("time in which a bay's state is wrong or unknown", "%", [*_wrong(true, found, samples)]),
                error("occupancy of a zone", "% of its bays", [*_occupancy(true, found, samples)]),
            )
        ),
    )


def _stays(found: Found) -> Iterator[Span]:
    """Occupied from one change to the next; unknown ends a stay."""
    for site, states in found.states.items():
        since: int | None = None
        for at, occupied in states:
            if occupied and since is None:
                since = at
            elif not occupied and since is not None:
                yield Span(site, since, at)
                since = None
        if since is not None:
            yield Span(site, since, None)


def _state(states: Sequence[tuple[int, bool | None]], at_us: int) -> bool | None:
    place = bisect_right(states, at_us, key=lambda state: state[0])
    if not place or at_us - states[place - 1][0] > SILENCE_US:
        return None
    return states[place - 1][1]


def _wrong(true: Truth, found: Found, samples: range) -> Iterator[float]:
    """For each bay."""
    for site in true.occupied:
        states = found.states.get(site, ())
        truly = [(at, state) for at in samples if (state := true.at(site, at)) is not None]
        if truly:
            yield 100 * sum(_state(states, at) is not state for at, state in truly) / len(truly)


def _occupancy(true: Truth, found: Found, samples: range) -> Iterator[float]:
    """For each zone and sample: bays that are said to be taken less those that are, unknown ones being free."""
    bays: dict[str, list[str]] = defaultdict(list)
    for site, zone in true.zones.items():
        bays[zone].append(site)
    for sites in bays.values():
        for at in samples:
            truly = {site: state for site in sites if (state := true.at(site, at)) is not None}
            told = sum(_state(found.states.get(site, ()), at) is True for site in truly)
            if truly:
                yield 100 * (told - sum(truly.values())) / len(truly)
