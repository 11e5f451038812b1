"""What passes between the simulator's parts: a frame of a device, and a message planned for the broker.

Times are whole microseconds since 1970 (simulated, UTC) throughout; an aware datetime is made at the border only,
because a day of the city is a hundred thousand of them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from random import Random
from typing import NamedTuple

from pipeline.core.clock import from_us


class Fate(StrEnum):
    """What becomes of a planned message. For other events than uplinks only the first two occur."""

    ACCEPTED = "accepted"  # a new event, with a payload that decodes where it is an uplink
    DUPLICATE = "duplicate"  # the bytes of an earlier message again: a repetition
    LATE_COPY = "late_copy"  # an uplink with a new deduplicationId made from a frame that was already sent
    NO_PAYLOAD = "no_payload"  # an uplink without payload: MAC commands only
    BROKEN = "broken"  # an uplink whose payload breaks its format
    LOST = "lost"  # never published: a gap in the frame counter
    TICK = "tick"  # no event at all: time


class Frame(NamedTuple):
    """One transmission of a device, before the network has had its say.

    `says` is the one number by which the frame can be judged, None where it holds none: a bay's state (1 occupied),
    a container's distance in metres, a well's water level in metres above NHN, a luminaire's darkness (1 dark), a
    station's air temperature in degrees Celsius, a meter's volume in litres. It is what the model's resolution leaves
    of it. A `notice` is what a device says of itself after a start.
    """

    at_us: int
    f_port: int
    payload: bytes
    says: float | None = None
    notice: bool = False


class Planned(NamedTuple):
    """A message to publish, in simulated time, and what the ledger should make of it.

    `event_key` is the event's identity as text; a repetition carries the key of what it repeats. A message with
    fate `lost` has neither topic nor payload.
    """

    at_us: int
    topic: str
    payload: bytes
    dev_eui: str
    event: str
    event_key: str
    fate: Fate
    says: float | None = None

    @property
    def at(self) -> datetime:
        """The simulated time of publishing."""
        return from_us(self.at_us)


def randomness(seed: str, dev_eui: str, purpose: str) -> Random:
    """A generator of its own for each device and purpose, so that one more draw here changes nothing there."""
    return Random(f"{seed}/{dev_eui}/{purpose}")
