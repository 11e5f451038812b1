"""The parameters of a device as its logic counts with them, looked up once a place; and the hours that do not count."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pipeline.core.clock import from_us, to_us
from topologies.fleet.parameters import FleetParameters
from topologies.runtime import limits
from topologies.runtime.model import Place

FAMILY: Final = "fleet"
_ZONE: Final = ZoneInfo("Europe/Berlin")
_DAY: Final = timedelta(days=1)


class Quiet(NamedTuple):
    """Hours of each day, in legal time, in which silence says nothing."""

    begin: time
    end: time


class Limits(NamedTuple):
    """Parameters in seconds."""

    intervals: dict[str, int]
    """By profile or family."""
    factor: float
    minimum_seconds: int
    unknown_seconds: int
    quiet: Quiet | None


Here = limits.Here[Limits]
"""What a device is judged by, at a place or at none."""


class Limitations(limits.EachPlace[Place | None, Here]):
    """Every device's."""

    def here(self, place: Place | None) -> Here:
        """See the base."""
        return Here(place, self.turns(FleetParameters, FAMILY, place, lambda each: limits_of(each, place)))


def limits_of(parameters: FleetParameters, place: Place | None) -> Limits:
    """The parameters as the logic counts with them."""
    wanted = parameters.quiet_for
    is_switched = place is not None and place.attributes.get("supply") == "switched"
    quiet = None
    if wanted == "all" or (wanted == "switched" and is_switched):
        quiet = Quiet(time.fromisoformat(parameters.quiet_from), time.fromisoformat(parameters.quiet_until))
    return Limits(
        intervals={name: round(minutes * 60) for name, minutes in parameters.interval_minutes.items()},
        factor=parameters.offline_factor,
        minimum_seconds=round(parameters.offline_minimum_minutes * 60),
        unknown_seconds=round(parameters.unknown_hours * 3600),
        quiet=quiet,
    )


def due_us(at_us: int, allowed_us: int, quiet: Quiet | None) -> int:
    """When a silence that begins at a time has lasted for too long; quiet hours are not counted.

    Args:
        at_us: the last sign of life.
        allowed_us: how long it may be silent.
        quiet: hours that do not count.
    """
    if quiet is None:
        return at_us + allowed_us
    left_us = allowed_us
    while True:
        begin_us, end_us = _next_quiet(at_us, quiet)
        if at_us < begin_us:
            if at_us + left_us <= begin_us:
                return at_us + left_us
            left_us -= begin_us - at_us
        at_us = end_us


def _next_quiet(at_us: int, quiet: Quiet) -> tuple[int, int]:
    """The first quiet hours that are not over at a time."""
    day = from_us(at_us).astimezone(_ZONE).date() - _DAY
    while True:
        begin_us, end_us = _quiet_of(day, quiet)
        if end_us > at_us:
            return begin_us, end_us
        day += _DAY


@lru_cache(maxsize=1000)
def _quiet_of(day: date, quiet: Quiet) -> tuple[int, int]:
    end = day if quiet.begin < quiet.end else day + _DAY
    return (
        to_us(datetime.combine(day, quiet.begin, _ZONE)),
        to_us(datetime.combine(end, quiet.end, _ZONE)),
    )
