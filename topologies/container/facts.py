"""What is kept of a container: the measurement, the fact that follows, and what is shown now."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from topologies.container.trend import Trend
from topologies.runtime.alarms import Alarms

NO_SITE: Final = "no_site"
NO_GEOMETRY: Final = "no_geometry"
TOO_FAR: Final = "too_far"
SUSPECTED_FULL: Final = "suspected_full"
SENSOR_FILL: Final = "sensor_fill"
BAD_VOLUME_TABLE: Final = "bad_volume_table"
OWN_FLAGS: Final = frozenset({NO_SITE, NO_GEOMETRY, TOO_FAR, SUSPECTED_FULL, SENSOR_FILL, BAD_VOLUME_TABLE})
"""Flags of ours; the others come from the decoder."""


class Measurement(NamedTuple):
    """What a frame said of a container."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    distance_metres: float | None
    tilted: bool | None
    device_temperature_celsius: float | None
    sensor_fill_ratio: float | None
    flags: tuple[str, ...]


class Level(NamedTuple):
    """A measurement with what follows from it."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    distance_metres: float | None
    tilted: bool | None
    device_temperature_celsius: float | None
    sensor_fill_ratio: float | None
    site: str | None
    fill_ratio: float | None
    """None where this frame gives none."""
    level_ratio: float | None
    """The last fill that there was in this assignment: what holds."""
    prior_ratio: float | None
    """The fill before that one."""
    is_full: bool | None
    """None while no fill was known in this assignment."""
    since_us: int | None
    drop_us: int | None
    """A fall of the fill that the next one has to confirm."""
    drop_ratio: float | None
    """From which fill it fell."""
    emptying_ratio: float | None
    """By how much it was emptied, where this frame confirms that it was, at `emptied_us`."""
    emptied_us: int | None
    watched_us: int | None
    """From when its time is counted: the last emptying, or when the device was first heard at its site."""
    due_us: int | None
    """When it has to be emptied at the latest."""
    trend: Trend | None
    alarms: Alarms
    flags: tuple[str, ...]


class Now(NamedTuple):
    """What the newest level says while its assignment lasts."""

    site: str | None
    fill_ratio: float | None
    distance_metres: float | None
    tilted: bool | None
    is_full: bool | None
    since_us: int | None
    suspected_full: bool | None
    device_temperature_celsius: float | None
    sensor_fill_ratio: float | None
    emptied_us: int | None
    due_us: int | None
    rate_per_day: float | None
    nearly_full_us: int | None
    nearly_full_earliest_us: int | None
    nearly_full_latest_us: int | None
    full_us: int | None
    full_earliest_us: int | None
    full_latest_us: int | None


NOWHERE: Final = Now(*[None] * len(Now._fields))
