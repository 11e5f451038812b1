"""What a worker keeps in memory of the devices of one partition; all of it can be read from the database again."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any, Generic, NamedTuple

from pipeline.core.model import DevEui
from topologies.runtime.model import F, Logic, S


class Known(NamedTuple, Generic[F, S]):
    """What is known of a device."""

    fact: F
    """The newest one."""
    shown: S


class Bound(NamedTuple):
    """A logic among the surroundings that were loaded."""

    logic: Logic[Any, Any, Any]
    from_us: int
    """From when on they are whole."""


class Cache(Generic[F, S]):
    """The devices of one partition, and when time alone will change what is shown of them."""

    def __init__(self, devices: Mapping[DevEui, Known[F, S]]) -> None:
        self.devices = dict(devices)
        self.deadlines: list[tuple[int, DevEui]] = []
        """A heap with entries that may be out of date; a device's true deadline is asked for when one is reached."""
        self.scheduled: dict[DevEui, int] = {}
        self.bound: Bound | None = None
        """What others have committed; so it may change before our own commit."""

    def schedule(self, device: DevEui, deadline_us: int | None) -> None:
        """Have the device looked at when this time is passed; an earlier look is as good."""
        known = self.scheduled.get(device)
        if deadline_us is not None and (known is None or deadline_us < known):
            self.scheduled[device] = deadline_us
            heapq.heappush(self.deadlines, (deadline_us, device))

    def due(self, as_of_us: int) -> list[DevEui]:
        """Take out the devices to look at."""
        found = []
        while self.deadlines and self.deadlines[0][0] <= as_of_us:
            deadline_us, device = heapq.heappop(self.deadlines)
            if self.scheduled.get(device) == deadline_us:
                del self.scheduled[device]
                found.append(device)
        return found
