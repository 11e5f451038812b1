"""What is kept of a water meter: what a frame reported, the fact that follows, and what is shown now."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final, NamedTuple

from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from topologies.runtime.alarms import Alarms

NO_SITE: Final = "no_site"
VOLUME_RESET: Final = "volume_reset"
VOLUME_JUMP: Final = "volume_jump"
VOLUME_ROLLOVER: Final = "volume_rollover"
OWN_FLAGS: Final = frozenset({NO_SITE, VOLUME_RESET, VOLUME_JUMP, VOLUME_ROLLOVER})
"""Flags of ours; the others come from the decoder."""

Volume = tuple[int, float]
"""When, in microseconds since 1970, and what the meter showed then, in litres."""


class Volumes(NamedTuple):
    """Volumes at even steps, the oldest first: a meter's log, or one volume, whose step is nought.

    A frame brings a day of them and hardly one that is new, so they stay together until they are counted.
    """

    first_us: int
    step_us: int
    litres: tuple[float, ...]
    """One at least."""

    @property
    def last_us(self) -> int:
        """When the newest of them was so."""
        return self.first_us + self.step_us * (len(self.litres) - 1)

    def since(self, at_us: int) -> Volumes | None:
        """Those from a time on, if there are any."""
        first_us, step_us, litres = self
        if at_us <= first_us:
            return self
        place = -((first_us - at_us) // step_us) if step_us else 1
        return Volumes(first_us + place * step_us, step_us, litres[place:]) if place < len(litres) else None

    def after(self, at_us: int) -> Sequence[Volume]:
        """Those that are later than a time."""
        # Not by way of `last_us` and `since`: asked twice for each frame, they cost a twentieth of its whole time.
        first_us, step_us, litres = self
        if first_us + step_us * (len(litres) - 1) <= at_us:
            return ()
        if at_us < first_us:
            return tuple(zip(count(first_us, step_us), litres))
        place = (at_us - first_us) // step_us + 1
        return tuple(zip(count(first_us + place * step_us, step_us), litres[place:]))


class Report(NamedTuple):
    """What a frame said of a meter: the volumes of now and of its log, and the alarms."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    volumes: tuple[Volumes, ...]
    """In the order of time, none reaching into the next."""
    raised: tuple[str, ...]
    """The meter's alarms that are on."""
    cleared: tuple[str, ...]
    """Those that are off; of others the frame does not speak."""
    flags: tuple[str, ...]


class Low(NamedTuple):
    """An interval with less flow than all behind it."""

    end_us: int
    flow: float
    """[l/h]"""


class Track(NamedTuple):
    """How the volume went so far: what the next volumes are counted on from."""

    last_us: int
    last_litres: float
    anchor_us: int
    """Begin of the interval whose flow is known next."""
    anchor_litres: float
    known_from_us: int
    """Since when the flow of every interval is known."""
    still_us: int
    """Since when the volume has not risen."""
    fast_us: int | None
    """Since when each interval has had the flow of a burst."""
    lows: tuple[Low, ...]
    """Of the window, from the smallest flow to the last interval's."""


class Consumption(NamedTuple):
    """A report with what follows from it."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    volumes: tuple[Volumes, ...]
    raised: tuple[str, ...]
    cleared: tuple[str, ...]
    site: str | None
    used_litres: float | None
    """What this frame adds to what was known; None where it adds no volume, or nothing to count from."""
    peak_litres_per_hour: float | None
    """The greatest flow of an interval that this frame completes."""
    track: Track | None
    """None while no volume was known in this assignment."""
    found: tuple[str, ...]
    """What we find in the volumes: `leak`, `burst`, `backflow`, `no_consumption`."""
    meter_alarms: tuple[str, ...]
    """The meter's own alarms that are on."""
    alarms: Alarms
    flags: tuple[str, ...]


class Now(NamedTuple):
    """What the newest fact says while its assignment lasts."""

    site: str | None
    volume_litres: float | None
    measured_us: int | None
    flow_litres_per_hour: float | None
    lowest_litres_per_hour: float | None
    still_us: int | None
    found: tuple[str, ...]
    meter_alarms: tuple[str, ...]


NOWHERE: Final = Now(None, None, None, None, None, None, (), ())
