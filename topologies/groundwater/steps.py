"""The single steps from a measurement to a level; pure.

Heights are counted from the measuring point, upwards: a surface of -4 m is water four metres below it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.core.clock import HOUR_US
from topologies.groundwater.facts import (
    AIR_PRESSURE_HELD,
    DRY,
    LIFTED,
    NO_AIR_PRESSURE,
    NO_GEOMETRY,
    NO_PRESSURE_REFERENCE,
    RANGE,
    Level,
    Measurement,
    Past,
)
from topologies.groundwater.limits import ABSOLUTE, SEALED, VENTED, Here, Limits
from topologies.groundwater.surroundings import Around, Series

HECTOPASCALS_PER_BAR: Final = 1000.0
LEAST_US: Final = HOUR_US // 4
"""Two measurements that are nearer than this are judged as if they were so far apart: every probe trembles."""
RISE_US: Final = 6 * HOUR_US
"""Over a longer time a rise per hour says nothing."""
DIP_US: Final = 6 * HOUR_US
"""How far from a dip a measurement may be that it is held against."""
FINE_METRES: Final = 0.001
COARSE_METRES: Final = 0.01
"""The resolution of a probe that has never moved: it may be as coarse as this."""
_MICROMETRES: Final = 6
"""Decimals of a step: what is smaller is made by arithmetic."""


class Column(NamedTuple):
    """Water above a probe."""

    metres: float | None
    reference_hectopascals: float | None = None
    flag: str | None = None


def column_of(given: Measurement, here: Here, around: Around) -> Column:
    """The water above the probe: as the device says, or (p - p_ref) / (rho g)."""
    if given.water_column_metres is not None:
        return Column(given.water_column_metres)
    pressure, absolute = given.pressure_bar, given.absolute_pressure_bar
    if pressure is None and absolute is None:
        return Column(None)
    flag = None
    reference: float | None = None
    if here.reference == ABSOLUTE:
        pressure = absolute if absolute is not None else pressure
        if here.barometer is None:
            # The logger's own, if it has one.
            reference = given.air_pressure_hectopascals
        elif (air := around.air_at(here.barometer, given.observed_at_us)) is not None:
            reference = air.hectopascals
            flag = AIR_PRESSURE_HELD if air.is_held else None
        if reference is None:
            return Column(None, flag=NO_AIR_PRESSURE)
    else:
        pressure = pressure if pressure is not None else absolute
        reference = 0.0 if here.reference == VENTED else here.sealed_hectopascals if here.reference == SEALED else None
        if reference is None:
            return Column(None, flag=NO_PRESSURE_REFERENCE)
    if pressure is None:
        return Column(None)
    metres = (pressure * HECTOPASCALS_PER_BAR - reference) * here.metres_per_hectopascal
    return Column(metres, reference, flag)


def surface_of(
    column: float | None, distance: float | None, here: Here, limits: Limits
) -> tuple[float | None, str | None]:
    """The water's surface as seen from the measuring point, and the flag `range`, `dry` or `no_geometry`."""
    suspension = here.suspension
    if column is not None:
        if suspension is None or here.measuring_point is None:
            return None, NO_GEOMETRY
        surface = column - suspension
        if column < -limits.below_probe:
            return surface, RANGE
        if column <= limits.dry:
            return None, DRY
    elif distance is not None:
        if here.measuring_point is None:
            return None, NO_GEOMETRY
        surface = -distance
        if suspension is not None and surface < -suspension - limits.below_probe:
            return surface, RANGE
    else:
        return None, None
    return surface, RANGE if surface > limits.above_top else None


def is_lifted(before: Level | None, column: float, here: Here, limits: Limits, at_us: int) -> bool:
    """Whether a probe that hangs in the air came out of the water faster than water sinks; it stays so until it is
    in it again.
    """
    if before is None:
        return False
    past = before.past
    if LIFTED in before.flags or DRY in before.flags:
        return LIFTED in before.flags
    if past.good_us is None or past.good_surface is None or here.suspension is None:
        return False
    return past.good_surface - (column - here.suspension) > limits.rate_per_us * max(at_us - past.good_us, LEAST_US)


def is_far(past: Past, surface: float, limits: Limits, at_us: int) -> bool:
    """Whether a level is further from the last good one than water moves."""
    if past.good_us is None or past.good_surface is None:
        return False
    return abs(surface - past.good_surface) > limits.rate_per_us * max(at_us - past.good_us, LEAST_US)


def is_confirmed(before: Level, surface: float, limits: Limits, at_us: int) -> bool:
    """Whether the level before this one was as far away: then the water, or the probe, has indeed moved."""
    doubt = before.past.doubt_surface
    if doubt is None:
        return False
    return abs(surface - doubt) <= limits.rate_per_us * max(at_us - before.observed_at_us, LEAST_US)


def movement(before: Level, given: Measurement, here: Here) -> float:
    """How far what the probe itself says has moved, in metres; the air above it does not count."""
    for old, new, metres in (
        (before.water_column_metres, given.water_column_metres, 1.0),
        (before.distance_metres, given.distance_metres, 1.0),
        (before.pressure_bar, given.pressure_bar, HECTOPASCALS_PER_BAR * here.metres_per_hectopascal),
        (before.absolute_pressure_bar, given.absolute_pressure_bar, HECTOPASCALS_PER_BAR * here.metres_per_hectopascal),
    ):
        if old is not None and new is not None and old != new:
            return abs(new - old) * metres
    return 0.0


def finer(resolution: float | None, moved: float) -> float | None:
    """The smallest step that a probe was seen to make."""
    moved = round(moved, _MICROMETRES)
    if not moved:
        return resolution
    return moved if resolution is None else min(resolution, moved)


def is_stuck(at_us: int, moved_us: int, resolution: float | None, limits: Limits) -> bool:
    """Whether a probe has said the same for longer than one of its resolution does."""
    coarseness = max((COARSE_METRES if resolution is None else resolution) / FINE_METRES, 1.0)
    return at_us - moved_us >= limits.stuck_us * coarseness


class Matched(NamedTuple):
    """A dip that was held against the probe."""

    dip_us: int
    offset: float | None
    """None where no measurement was near enough: then the offset before goes on."""


def match_dip(dips: Series, past: Past, surface: float | None, at_us: int, *, since_us: int) -> Matched | None:
    """The last dip by now, if it is still to be held against the probe and can be, or never will be.

    Args:
        dips: of the well.
        past: before this measurement.
        surface: by this measurement; None where it cannot be used.
        at_us: its time.
        since_us: when the device came to the well: a dip before speaks of another one.
    """
    found = dips.last(at_us)
    if found is None:
        return None
    dip_us, distance = found
    if dip_us < since_us or (past.dip_us is not None and dip_us <= past.dip_us):
        return None
    is_near = at_us - dip_us <= DIP_US
    if surface is None and is_near:
        return None
    after = surface if is_near else None
    before = past.good_surface if past.good_us is not None and dip_us - past.good_us <= DIP_US else None
    if before is not None and after is not None and past.good_us is not None:
        then = before + (after - before) * (dip_us - past.good_us) / (at_us - past.good_us)
    elif before is not None or after is not None:
        then = after if after is not None else before  # type: ignore[assignment]  # one of them is there
    else:
        return Matched(dip_us, None)
    return Matched(dip_us, -distance - then)


def rise_of(past: Past) -> float | None:
    """Metres per hour, over one to two hours where the probe speaks often."""
    good_us, good, hour_us, hour = past.good_us, past.good_surface, past.hour_us, past.hour_surface
    if good_us is None or good is None or hour_us is None or hour is None or not 0 < good_us - hour_us <= RISE_US:
        return None
    return (good - hour) / (good_us - hour_us) * HOUR_US
