"""Whether a bay is taken; pure.

A sensor that falls silent does not make its bay free: after a day and two hours without a frame the state is unknown
(the maker's heartbeat comes once a day). That is a function of the newest frame and of how far time has come, so it is
the same however the frames came.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from schemas.silkstream.v1.reading_pb2 import Reading
from topologies.runtime.alarms import NONE, Alarms
from topologies.runtime.model import Mark, Opened, Place, Rule

SILENCE_HOURS: Final = 26
_SILENCE_US: Final = SILENCE_HOURS * 3_600_000_000
ZONE_MARK: Final = "parking_zone"


class Observation(NamedTuple):
    """A frame of a bay's sensor."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    reported: bool | None
    """None where the frame did not speak of the bay; it is a sign of life all the same."""
    flags: tuple[str, ...]


class Bay(NamedTuple):
    """An observation with the state that follows from it."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    reported: bool | None
    site: str | None
    zone: str | None
    occupied: bool | None
    """None = unknown."""
    since_us: int | None
    flags: tuple[str, ...]


class Now(NamedTuple):
    """What is known of a bay now."""

    site: str | None
    zone: str | None
    occupied: bool | None
    since_us: int | None


_NOWHERE: Final = Now(None, None, None, None)


class ParkingLogic:
    """The last word of the sensor, until it has been silent for too long."""

    def read(self, reading: Reading) -> Sequence[Observation]:
        """One observation for each sample; every frame is a sign of life."""
        found = []
        for sample in reading.samples:
            reported: bool | None = None
            for quantity in sample.quantities:
                if quantity.name == "occupied":
                    reported = quantity.flag
            flags: tuple[str, ...] = ()
            if sample.flags or reading.flags:
                flags = tuple(sorted({*sample.flags, *reading.flags}))
            found.append(
                Observation(
                    DevEui(reading.dev_eui),
                    sample.observed_at_us or reading.observed_at_us,
                    reading.event_id,
                    reported,
                    flags,
                )
            )
        return found

    def step(self, before: Bay | None, given: Observation, place: Place | None) -> Bay:
        """The state that follows."""
        at_us = given.observed_at_us
        occupied: bool | None = None
        since_us: int | None = at_us
        if before is not None:
            silent_us = before.observed_at_us + _SILENCE_US
            if at_us < silent_us:
                occupied, since_us = before.occupied, before.since_us
            elif before.occupied is None:
                since_us = before.since_us
            else:
                since_us = silent_us
        if given.reported is not None and given.reported != occupied:
            occupied, since_us = given.reported, at_us
        return Bay(
            given.device,
            at_us,
            given.event_id,
            given.reported,
            None if place is None else place.site,
            (place.group or None) if place is not None else None,
            occupied,
            since_us,
            given.flags,
        )

    def given(self, fact: Bay) -> Observation:
        """The observation in a fact."""
        return Observation(fact.device, fact.observed_at_us, fact.event_id, fact.reported, fact.flags)

    def deadline_us(self, fact: Bay) -> int:
        """When its silence makes it unknown."""
        return fact.observed_at_us + _SILENCE_US

    def show(self, fact: Bay, place: Place | None, as_of_us: int | None) -> Now:
        """The newest fact, or unknown where it is too old."""
        if place is None:
            return _NOWHERE
        zone = place.group or None
        silent_us = fact.observed_at_us + _SILENCE_US
        if fact.occupied is not None and as_of_us is not None and as_of_us >= silent_us:
            return Now(fact.site, zone, None, silent_us)
        return Now(fact.site, zone, fact.occupied, fact.since_us)

    def marks(self, before: Now | None, after: Now) -> Collection[Mark]:
        """The zones whose count may be another now."""
        zones = {after.zone, None if before is None else before.zone}
        return [Mark(ZONE_MARK, zone) for zone in zones if zone is not None]

    def marks_of(self, before: Bay | None, after: Bay) -> Collection[Mark]:
        """Zones are counted from what is shown."""
        del before, after
        return ()

    def alarms(self, fact: Bay) -> Alarms:
        """There are no alerts."""
        del fact
        return NONE

    def opened(self, rule: Rule, fact: Bay, place: Place) -> Opened:
        """Never called: there are no alerts."""
        raise NotImplementedError
