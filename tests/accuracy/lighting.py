"""Street lights: dark and failed lamps against those that really failed, nights against what was really used.

Tolerances. A node tells its state once an hour and at each switching, and two frames in a row may be lost: a failed
lamp is known within three hours. It is dark from when it should burn, less the twenty minutes of grace around a
switching in which nothing is judged, until somebody repairs it: one alert, not one each night.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pipeline.core.clock import HOUR_US, MINUTE_US, to_us
from pipeline.simulator import CityPlan, Device, Family, truth
from pipeline.simulator.truth import Course
from tests.accuracy.alerts import AlertRow, alert_spans
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

FAULT_WITHIN: Final = Tolerance(5 * MINUTE_US, 3 * HOUR_US)
DARK_WITHIN: Final = Tolerance(5 * MINUTE_US, 3 * HOUR_US + 20 * MINUTE_US)
LAST_US: Final = 4 * HOUR_US
NEVER_TRUE: Final = ("lighting_burning", "lighting_dimming", "lighting_driver_fault")
_ZONE: Final = ZoneInfo("Europe/Berlin")


class NightRow(NamedTuple):
    """What a night of a luminaire came to; from noon to noon in legal time."""

    site: str
    night: date
    energy_watt_hours: float | None
    burning_seconds: float | None


@dataclass(frozen=True, slots=True)
class Truth:
    """What was true of all luminaires."""

    failed: Sequence[Span]
    dark: Sequence[Span]
    levels: Mapping[str, Course]
    energies: Mapping[str, Course]
    deaths: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says of all luminaires."""

    alerts: Sequence[AlertRow]
    nights: Sequence[NightRow]


async def section(played: Played) -> Section:
    """Ask both, and judge."""
    true = known(played.plan, played.of(Family.LIGHTING))
    return judge(true, await read(played.connection, played.alerts), played.window)


async def read(connection: Connection, alerts: Sequence[AlertRow]) -> Found:
    """Ask the database."""
    nights = await rows(connection, "SELECT site, night, energy_watt_hours, burning_seconds FROM luminaire_night")
    return Found(alerts, [NightRow(*row) for row in nights])


def known(plan: CityPlan, luminaires: Sequence[Device]) -> Truth:
    """Ask the simulator."""
    deaths = deaths_of(plan, luminaires)
    failed = [Span(*each[1:]) for device in luminaires for each in truth.lamp_failures(plan, device)]
    told = {device.site: truth.told_level(plan, device) for device in luminaires}
    return Truth(
        failed=while_alive(failed, deaths),
        dark=while_alive((dark for span in failed for dark in _dark(span, told[span.subject])), deaths),
        levels={device.site: truth.lamp_level(plan, device) for device in luminaires},
        energies={device.site: truth.energy_watt_hours(plan, device) for device in luminaires},
        deaths=deaths,
    )


def _dark(failed: Span, told: Course) -> Iterator[Span]:
    """A failed lamp is dark from when it should burn."""
    if told.at(failed.from_us):
        yield failed
        return
    for at, level in zip(told.times_us, told.values, strict=True):
        if at > failed.from_us and level:
            yield failed._replace(from_us=at)
            return


def judge(true: Truth, found: Found, window: Window) -> Section:
    """Precision and recall of alerts; errors of nights."""
    within = Window(window.from_us, window.until_us - LAST_US)

    def alert(rule: str, truly: Sequence[Span], tolerance: Tolerance) -> Pairing:
        return judged(pair(truly, alert_spans(found.alerts, rule), tolerance), within)

    others = [span for rule in NEVER_TRUE for span in alert_spans(found.alerts, rule)]
    nights = [each for each in found.nights if _is_whole(each, true, window)]
    return Section(
        "lighting",
        (
            score("alert lighting_lamp_fault", alert("lighting_lamp_fault", true.failed, FAULT_WITHIN)),
            score("alert lighting_dark", alert("lighting_dark", true.dark, DARK_WITHIN)),
            score("all other alerts (never true)", judged(pair([], others, DARK_WITHIN), within)),
        ),
        present(
            (
                error("energy of a night", "Wh", [*_energies(true, nights)]),
                error("burning time of a night", "minutes", [*_burning(true, nights)]),
            )
        ),
    )


def bounds_us(night: date) -> tuple[int, int]:
    """From noon to noon in legal time."""
    noons = (datetime.combine(day, time(12), _ZONE) for day in (night, night + timedelta(days=1)))
    begin, end = map(to_us, noons)
    return begin, end


def _is_whole(row: NightRow, true: Truth, window: Window) -> bool:
    """Whether it lies in the window, and its luminaire spoke all through it."""
    begin_us, end_us = bounds_us(row.night)
    return window.from_us <= begin_us and end_us <= min(window.until_us, true.deaths.get(row.site, FOR_EVER_US))


def _energies(true: Truth, nights: Sequence[NightRow]) -> Iterator[float]:
    for row in nights:
        at_noon, at_next = (true.energies[row.site].between(at) for at in bounds_us(row.night))
        if row.energy_watt_hours is not None and at_noon is not None and at_next is not None:
            yield row.energy_watt_hours - at_next + at_noon


def _burning(true: Truth, nights: Sequence[NightRow]) -> Iterator[float]:
    for row in nights:
        if row.burning_seconds is not None:
            yield row.burning_seconds / 60 - _burnt_us(true.levels[row.site], *bounds_us(row.night)) / MINUTE_US


def _burnt_us(level: Course, begin_us: int, end_us: int) -> int:
    inside = [at for at in level.times_us if begin_us < at < end_us]
    return sum(after - before for before, after in pairwise([begin_us, *inside, end_us]) if level.at(before))
