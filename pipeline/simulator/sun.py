"""The sun and the wall clock over Krefeld, as far as lamps, drivers and thermometers care.

The formulas are the low-precision ones of the Astronomical Almanac (about 0.01 degree until 2050): a lamp's own
calendar is no better. The time zone is the European Union's rule written out, so that no time zone database is needed.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from pipeline.core.clock import DAY_US, HOUR_US, MINUTE_US, from_us

J2000_US: Final = 946_728_000 * 1_000_000
CIVIL_DARKNESS_DEGREES: Final = -2.0


def elevation_degrees(at_us: int, latitude: float, longitude: float) -> float:
    """How high the sun's centre stands above the horizon, without refraction."""
    days = (at_us - J2000_US) / DAY_US
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    obliquity = math.radians(23.439 - 4e-7 * days)
    declination = math.asin(math.sin(obliquity) * math.sin(ecliptic))
    ascension = math.atan2(math.cos(obliquity) * math.sin(ecliptic), math.cos(ecliptic))
    sidereal = math.radians((18.697374558 + 24.06570982441908 * days) % 24.0 * 15.0 + longitude)
    hour_angle = sidereal - ascension
    phi = math.radians(latitude)
    return math.degrees(
        math.asin(math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(hour_angle))
    )


def crossing_us(low_us: int, high_us: int, *, degrees: float, latitude: float, longitude: float) -> int | None:
    """When the sun passes that elevation between two times, to the second; None when it does not."""
    before = elevation_degrees(low_us, latitude, longitude) - degrees
    if before * (elevation_degrees(high_us, latitude, longitude) - degrees) > 0:
        return None
    while high_us - low_us > 1_000_000:
        middle = (low_us + high_us) // 2
        if before * (elevation_degrees(middle, latitude, longitude) - degrees) > 0:
            low_us = middle
        else:
            high_us = middle
    return high_us


def solar_noon_us(day_us: int, longitude: float) -> int:
    """About when the sun stands highest on the UTC day that begins at `day_us` (the equation of time is left out)."""
    return day_us + DAY_US // 2 - int(longitude / 15.0 * HOUR_US)


@lru_cache(maxsize=512)
def _offset_us(day_number: int, after_one: bool) -> int:  # noqa: FBT001 - a cache key, called in one place
    at = from_us(day_number * DAY_US)
    if at.month in (3, 10):
        # clocks change on the last Sunday of the month, at 01:00 UTC
        last = 31 - (from_us(day_number * DAY_US + (31 - at.day) * DAY_US).isoweekday() % 7)
        past = at.day > last or (at.day == last and after_one)
        summer = past if at.month == 3 else not past
    else:
        summer = 3 < at.month < 10
    return (2 if summer else 1) * HOUR_US


def local_us(at_us: int) -> int:
    """Central European (summer) time as microseconds since 1970 read off a local clock."""
    day, within = divmod(at_us, DAY_US)
    return at_us + _offset_us(day, within >= HOUR_US)


def local_hour(at_us: int) -> float:
    """The hour of the local day, 0..24."""
    return local_us(at_us) % DAY_US / HOUR_US


def local_weekday(at_us: int) -> int:
    """The local day of the week, Monday 0."""
    return (local_us(at_us) // DAY_US + 3) % 7


def from_local_us(local: int) -> int:
    """A local clock's reading as UTC; in the doubled hour of autumn the later of the two."""
    guess = local - HOUR_US
    return local - (local_us(guess) - guess)


def air_temperature_celsius(at_us: int) -> float:
    """A plausible air temperature: the season's wave, the day's wave."""
    year = at_us / (365.2425 * DAY_US)
    hour = local_hour(at_us)
    return 10.5 - 8.5 * math.cos((year - 0.055) * math.tau) + 4.0 * math.sin((hour - 9.0) / 24.0 * math.tau)


def minutes(count: float) -> int:
    """That many minutes in microseconds."""
    return int(count * MINUTE_US)
