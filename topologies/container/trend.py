"""How fast a container fills, and when it will be full: a robust line through a few points since the last emptying.

The rate is the median of the slopes between all pairs of points (Theil 1950, Sen 1968), which a quarter of wrong
points does not move. A few points, each the median of three measurements, say as much as all of them and are carried
from fact to fact.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import median
from typing import Final, NamedTuple

import msgspec

from pipeline.core.clock import DAY_US, HOUR_US
from topologies.runtime.binary import jsonb
from topologies.runtime.slopes import slopes_per_day

MOST: Final = 8
"""Points that are kept; beyond them every second one goes, and the others stand twice as far apart."""
FIRST_SPACING_US: Final = HOUR_US // 2
FEWEST: Final = 4
SHORTEST_US: Final = 6 * HOUR_US
"""From fewer points, or over less time, nothing is foretold."""
OUTER: Final = 0.25
"""The interval leaves out a quarter of the slopes at either end: those of the night, when nobody throws in, and those
of the busiest hours."""
FURTHEST_US: Final = 366 * DAY_US
"""What is further away is not foretold."""


class Trend(NamedTuple):
    """Points since the last emptying."""

    spacing_us: int
    times_us: tuple[int, ...]
    ratios: tuple[float, ...]
    field: bytes
    """The same for a jsonb column: written once, while many facts have it."""


class Rate(NamedTuple):
    """Fill per day, and between what and what it lies."""

    per_day: float
    slowest: float
    fastest: float


class Foretold(NamedTuple):
    """When a fill will be reached; None where that is not in sight."""

    at_us: int | None
    earliest_us: int | None
    latest_us: int | None


UNKNOWN: Final = Foretold(None, None, None)


def begun(at_us: int, ratio: float) -> Trend:
    """A trend with its first point."""
    return _trend(FIRST_SPACING_US, (at_us,), (ratio,))


def extended(trend: Trend, at_us: int, ratio: float) -> Trend:
    """With one more point, if it is far enough from the last one."""
    spacing_us, times, ratios, _ = trend
    if at_us - times[-1] < spacing_us:
        return trend
    times, ratios = (*times, at_us), (*ratios, ratio)
    if len(times) > MOST:
        return _trend(2 * spacing_us, times[::2], ratios[::2])
    return _trend(spacing_us, times, ratios)


def _trend(spacing_us: int, times_us: tuple[int, ...], ratios: tuple[float, ...]) -> Trend:
    return Trend(spacing_us, times_us, ratios, jsonb(msgspec.json.encode((spacing_us, times_us, ratios))))


@lru_cache(maxsize=20_000)
def rate_of(trend: Trend) -> Rate | None:
    """The rate; None where there is too little to tell."""
    _, times, ratios, _ = trend
    if len(times) < FEWEST or times[-1] - times[0] < SHORTEST_US:
        return None
    slopes = slopes_per_day(times, ratios)
    left_out = round(OUTER * (len(slopes) - 1))
    return Rate(median(slopes), slopes[left_out], slopes[-1 - left_out])


def foretell(rate: Rate | None, *, at_us: int, level: float, goal: float) -> Foretold:
    """When a fill will be reached, if it goes on as it did."""
    if rate is None or level >= goal:
        return UNKNOWN
    missing = goal - level
    return Foretold(*(_reached(at_us, missing, speed) for speed in (rate.per_day, rate.fastest, rate.slowest)))


def _reached(at_us: int, missing: float, per_day: float) -> int | None:
    if per_day <= 0 or missing / per_day * DAY_US > FURTHEST_US:
        return None
    return at_us + round(missing / per_day * DAY_US)


def read_trend(value: tuple[int, list[int], list[float]] | None) -> Trend | None:
    """A trend from a jsonb column."""
    if value is None:
        return None
    spacing_us, times_us, ratios = value
    return _trend(spacing_us, tuple(times_us), tuple(map(float, ratios)))
