"""What is kept of a bay: the observation, the fact that follows, and what is shown now."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.core.identity import Id
from pipeline.core.model import DevEui


class Observation(NamedTuple):
    """A frame of a bay's sensor."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    reported: bool | None
    """None where the frame did not speak of the bay; it is a sign of life all the same."""
    heartbeat: bool | None
    """Whether the frame came because time has passed; None where the sensor does not say."""
    flags: tuple[str, ...]


class Bay(NamedTuple):
    """An observation with the state that follows from it."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    reported: bool | None
    heartbeat: bool | None
    site: str | None
    zone: str | None
    occupied: bool | None
    """The sensor's last word; None = unknown."""
    since_us: int
    earliest_us: int | None
    """When that may have begun at the earliest: the frame before, where no change was told; None = not known."""
    settles_us: int | None
    """When it will have lasted long enough to be a change; None where it is what is held."""
    held: bool | None
    """The state without what was too short: stays are made of it."""
    held_since_us: int
    held_earliest_us: int | None
    silent_us: int
    """From when on the sensor is silent, if no other frame comes."""
    overstay_us: int | None
    """From when on a stay that lasts is too long; None where nothing stands there, or as long as one likes."""
    flags: tuple[str, ...]


class Now(NamedTuple):
    """What is known of a bay now."""

    site: str | None
    zone: str | None
    occupied: bool | None
    since_us: int | None
    settled: bool | None
    """Whether that has lasted long enough to be a change."""


NOWHERE: Final = Now(None, None, None, None, None)
