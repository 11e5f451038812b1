"""The air over the city, the same for all: slow waves of pressure, warmth, cloud and wind.

Each is a sum of two sines whose periods do not fit into days, with phases that follow from the plan's seed: smooth,
different from day to day, and known at any time without what came before.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from pipeline.core.clock import DAY_US
from pipeline.simulator.frames import randomness


class _Wave(NamedTuple):
    long_days: float
    long_phase: float
    short_days: float
    short_phase: float

    def at(self, at_us: int) -> float:
        """Its value, -1..1."""
        days = at_us / DAY_US
        return 0.7 * math.sin(math.tau * (days / self.long_days + self.long_phase)) + 0.3 * math.sin(
            math.tau * (days / self.short_days + self.short_phase)
        )


@lru_cache(maxsize=64)
def _wave(seed: str, what: str) -> _Wave:
    rng = randomness(seed, "sky", what)
    return _Wave(rng.uniform(5.0, 8.0), rng.random(), rng.uniform(1.6, 2.7), rng.random())


def air_hectopascals(seed: str, at_us: int) -> float:
    """The pressure at the height of the city, 38 m above NHN."""
    return 1010.0 + 12.0 * _wave(seed, "pressure").at(at_us)


def front_celsius(seed: str, at_us: int) -> float:
    """By how much it is warmer than the season."""
    return 3.0 * _wave(seed, "warmth").at(at_us)


def cloud_ratio(seed: str, at_us: int) -> float:
    """How much of the sky is covered, when it does not rain."""
    return 0.5 + 0.45 * _wave(seed, "cloud").at(at_us)


def wind_metres_per_second(seed: str, at_us: int) -> float:
    """The mean wind, without the day's own."""
    return 3.0 + 2.0 * _wave(seed, "wind").at(at_us)


def wind_direction_degrees(seed: str, at_us: int) -> float:
    """Where it comes from: mostly from the south-west."""
    return (225.0 + 100.0 * _wave(seed, "direction").at(at_us)) % 360.0
