"""What is kept of a frame: the sign of life, and what follows from it for the silence after it."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.core.identity import Id
from pipeline.core.model import DevEui


class Sign(NamedTuple):
    """A sign of life: an uplink, whatever became of it, a join or a status."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    raw_offset: int
    event: str
    """`up`, `join` or `status`."""
    is_copy: bool
    """A late copy: the same radio frame by other gateways."""
    profile: str
    family: str
    """Of the decoder that read it; empty where none did."""
    gateways: tuple[str, ...]
    """Who heard it, in order."""
    reported_ratio: float | None
    """Battery, 0..1 [1]; in a status only."""


class Life(NamedTuple):
    """A sign of life with what follows from it."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    raw_offset: int
    event: str
    is_copy: bool
    profile: str
    family: str
    gateways: tuple[str, ...]
    reported_ratio: float | None
    site: str | None
    known_family: str
    """The last family that there was."""
    gaps: tuple[int, ...]
    """Seconds between the last frames, the newest at the end."""
    interval_seconds: int | None
    """How often it is expected to speak; None while that is not known."""
    due_us: int
    """When it has been silent for too long, if nothing else comes."""
    usual: tuple[str, ...]
    """Gateways that heard one of its last frames, in order."""
    missed: tuple[int, ...]
    """How many frames ago each of them did."""
    silent_from_us: int | None
    """Where this sign ended too long a silence: the last one before it."""


class Now(NamedTuple):
    """What is known of a device now, besides its newest sign."""

    site: str | None
    """None where it serves none, or the assignment of its newest sign has ended."""
