"""What is kept of a well: the measurement, the level that follows, and what is shown now."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from topologies.runtime.alarms import Alarms

NO_SITE: Final = "no_site"
NO_GEOMETRY: Final = "no_geometry"
NO_PRESSURE_REFERENCE: Final = "no_pressure_reference"
NO_AIR_PRESSURE: Final = "no_air_pressure"
AIR_PRESSURE_HELD: Final = "air_pressure_held"
FREEZING: Final = "freezing"
RANGE: Final = "range"
RATE: Final = "rate"
STUCK: Final = "stuck"
DRY: Final = "dry"
LIFTED: Final = "lifted"
DIP_UNMATCHED: Final = "dip_unmatched"
OWN_FLAGS: Final = frozenset(
    {
        NO_SITE,
        NO_GEOMETRY,
        NO_PRESSURE_REFERENCE,
        NO_AIR_PRESSURE,
        AIR_PRESSURE_HELD,
        FREEZING,
        RANGE,
        RATE,
        STUCK,
        DRY,
        LIFTED,
        DIP_UNMATCHED,
    }
)
"""Flags of ours; the others come from the decoder."""


class Measurement(NamedTuple):
    """What a frame said of a well."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    pressure_bar: float | None
    """Relative or absolute, as the probe was ordered."""
    absolute_pressure_bar: float | None
    """Of a logger that reports both."""
    water_column_metres: float | None
    distance_metres: float | None
    """From the measuring point down to the water."""
    air_pressure_hectopascals: float | None
    """Of a logger with a barometer of its own."""
    freezing: bool | None
    flags: tuple[str, ...]


class Past(NamedTuple):
    """What the next level goes on from. A surface is the water's height above the measuring point, without offset."""

    good_us: int | None
    good_surface: float | None
    good_metres_nhn: float | None
    good_depth_metres: float | None
    """The last level that could be used."""
    doubt_surface: float | None
    """A jump that the next one has to confirm."""
    moved_us: int | None
    """When the probe last said something else than before."""
    resolution_metres: float | None
    """The smallest step that it was seen to make."""
    dip_us: int | None
    """The last dip that has been held against the probe."""
    hour_us: int | None
    hour_surface: float | None
    """An hour ago or more: the rise is counted from here."""
    next_us: int | None
    next_surface: float | None
    """Takes its place an hour later."""


class Level(NamedTuple):
    """A measurement with what follows from it."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    pressure_bar: float | None
    absolute_pressure_bar: float | None
    water_column_metres: float | None
    distance_metres: float | None
    air_pressure_hectopascals: float | None
    freezing: bool | None
    site: str | None
    reference_hectopascals: float | None
    """What was subtracted from the pressure."""
    column_metres: float | None
    offset_metres: float
    """By the last dip."""
    level_metres_nhn: float | None
    depth_metres: float | None
    """Below the ground."""
    is_usable: bool
    """Whether the level counts: in hours, trends, thresholds."""
    since_us: int
    """From when on its flags have been these."""
    past: Past
    alarms: Alarms
    flags: tuple[str, ...]


class Now(NamedTuple):
    """What the newest level says while its assignment lasts."""

    site: str | None
    level_metres_nhn: float | None
    """The last one that could be used."""
    level_us: int | None
    depth_metres: float | None
    column_metres: float | None
    """Of the newest frame."""
    offset_metres: float | None
    rise_metres_per_hour: float | None
    since_us: int | None
    flags: tuple[str, ...]


START: Final = Past(*[None] * len(Past._fields))
NOWHERE: Final = Now(None, None, None, None, None, None, None, None, ())
