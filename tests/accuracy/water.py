"""Water meters: leaks against the pipes that really leak, consumption against what really ran.

Tolerance. A leak is known when the volume has not rested for a day, or when the meter itself has found it, hours after
it began; meters speak twice a day, and two frames in a row may be lost. So an alert within three days is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline.core.clock import DAY_US, SECOND_US
from pipeline.simulator import CityPlan, Device, Family, truth
from pipeline.simulator.truth import Course
from tests.accuracy.alerts import AlertRow, alert_spans
from tests.accuracy.database import Connection, rows
from tests.accuracy.matching import (
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

LEAK_WITHIN: Final = Tolerance(0, 3 * DAY_US)
LAST_US: Final = 3 * DAY_US
NEVER_TRUE: Final = (
    "water_burst",
    "water_backflow",
    "water_frost",
    "water_tampered",
    "water_meter_disturbed",
    "water_meter_fault",
)

# What a meter logged before it came to its site is not the site's.
_CONSUMED: Final = """
    WITH told AS (
        SELECT site, valid_from,
               to_timestamp(((series -> 0)::bigint + place * (series -> 1)::bigint) / 1e6) AS at
        FROM water_consumption
        JOIN assignment USING (device, site)
        CROSS JOIN jsonb_array_elements(volumes) AS series
        CROSS JOIN generate_series(0, jsonb_array_length(series -> 2) - 1) AS place
    ),
    stretch AS (SELECT site, min(at) AS begins, max(at) AS ends FROM told WHERE at >= valid_from GROUP BY site),
    used AS (SELECT site, sum(used_litres) AS litres FROM water_consumption GROUP BY site)
    SELECT site, litres, begins, ends FROM used JOIN stretch USING (site) WHERE litres IS NOT NULL ORDER BY site
"""


class Consumed(NamedTuple):
    """What a meter is said to have used from its first volume to its last one."""

    site: str
    used_litres: float
    from_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Truth:
    """What was true of all meters."""

    leaks: Sequence[Span]
    volumes: Mapping[str, Course]


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says of all meters."""

    alerts: Sequence[AlertRow]
    consumed: Sequence[Consumed]


async def section(played: Played) -> Section:
    """Ask both, and judge."""
    true = known(played.plan, played.of(Family.WATER))
    return judge(true, await read(played.connection, played.alerts), played.window)


async def read(connection: Connection, alerts: Sequence[AlertRow]) -> Found:
    """Ask the database."""
    return Found(alerts, [Consumed(*row) for row in await rows(connection, _CONSUMED)])


def known(plan: CityPlan, meters: Sequence[Device]) -> Truth:
    """Ask the simulator."""
    leaks = (
        # one that was there before is to be found as one that begins with the meter
        Span(*leak[1:])._replace(from_us=max(leak.from_us, plan.start_us))
        for device in meters
        for leak in truth.leaks(plan, device)
    )
    return Truth(
        leaks=while_alive(leaks, deaths_of(plan, meters)),
        volumes={device.site: truth.volume_litres(plan, device) for device in meters},
    )


def judge(true: Truth, found: Found, window: Window) -> Section:
    """Precision and recall of leaks; the error of what was used."""
    within = Window(0, window.until_us - LAST_US)
    leaks = judged(pair(true.leaks, alert_spans(found.alerts, "water_leak"), LEAK_WITHIN), within)
    others = [span for rule in NEVER_TRUE for span in alert_spans(found.alerts, rule)]
    return Section(
        "water",
        (
            score("alert water_leak", leaks),
            score("all other alerts (never true)", judged(pair([], others, LEAK_WITHIN), within)),
        ),
        present((error("consumption of a meter", "% of it", [*_consumed(true, found)]),)),
    )


def _consumed(true: Truth, found: Found) -> Iterator[float]:
    for each in found.consumed:
        # a meter's clock tells whole seconds
        course = true.volumes[each.site]
        first, last = course.at(each.from_us + SECOND_US), course.at(each.until_us + SECOND_US)
        if first is not None and last is not None and last > first:
            yield 100 * (each.used_litres - last + first) / (last - first)
