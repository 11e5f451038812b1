"""Whether a bay is taken, and since when; pure.

A sensor that falls silent does not make its bay free: its state is unknown from then on. And a phase that was too
short is no change. Both are functions of the facts and of how far time has come, so they are the same however the
frames came.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from pipeline.city.model import City
from pipeline.core.model import DevEui
from pipeline.core.samples import Form, Forms, samples_of
from schemas.silkstream.v1.reading_view_pb2 import ReadingView
from topologies.parking.facts import NOWHERE, Bay, Now, Observation
from topologies.parking.limits import Limitations
from topologies.parking.rules import overstay_alarms, sentence
from topologies.runtime.alarms import NONE, Alarms
from topologies.runtime.model import Mark, Opened, Place, Rule

ZONE_MARK: Final = "parking_zone"
STAY_MARK: Final = "parking_stay"


class _Spoken(NamedTuple):
    """What a form says of a bay."""

    occupied: bool | None
    heartbeat: bool | None
    flags: tuple[str, ...]


def _spoken(form: Form) -> _Spoken:
    return _Spoken(form.flag("occupied"), form.flag("heartbeat"), form.flags)


_FORMS: Final = Forms(_spoken, wanted=frozenset())


class ParkingLogic:
    """The last word of the sensor, until it has been silent for too long; and what of it lasted long enough."""

    def __init__(self, city: City) -> None:
        self._limits = Limitations(city)

    def read(self, reading: ReadingView) -> Sequence[Observation]:
        """One observation for each sample; every frame is a sign of life."""
        device, event_id = DevEui(reading.dev_eui), reading.event_id
        return [Observation(device, at_us, event_id, *spoken) for at_us, _, spoken, _ in samples_of(reading, _FORMS)]

    def step(self, before: Bay | None, given: Observation, place: Place | None) -> Bay:
        """The state that follows."""
        device, at_us, event_id, reported, heartbeat, flags = given
        here = self._limits.of(place)
        limits = here.at(at_us)
        occupied: bool | None = None
        held: bool | None = None
        since_us = held_since_us = at_us
        earliest_us: int | None = None
        held_earliest_us: int | None = None
        settles_us: int | None = None
        if before is not None:
            occupied, since_us, earliest_us = before.occupied, before.since_us, before.earliest_us
            held, held_since_us, held_earliest_us = before.held, before.held_since_us, before.held_earliest_us
            settles_us, silent_us = before.settles_us, before.silent_us
            if settles_us is not None and settles_us <= min(at_us, silent_us):
                held, held_since_us, held_earliest_us, settles_us = occupied, since_us, earliest_us, None
            if at_us >= silent_us:
                settles_us = None
                if occupied is not None:
                    occupied, since_us, earliest_us = None, silent_us, before.observed_at_us
                if held is not None:
                    held, held_since_us, held_earliest_us = None, silent_us, before.observed_at_us
        if reported is not None and reported != occupied:
            # A heartbeat tells that a change was missed: it was somewhere behind the frame before.
            if heartbeat or (occupied is None and heartbeat is None):
                earliest_us = None if before is None else before.observed_at_us
            else:
                earliest_us = at_us
            occupied, since_us = reported, at_us
            settles_us = None if occupied == held else at_us + limits.dwell_us
            if settles_us == at_us:
                held, held_since_us, held_earliest_us, settles_us = occupied, since_us, earliest_us, None
        overstay_us: int | None = None
        if occupied or (held and settles_us is not None):
            begin_us = held_since_us if held else since_us
            lasting_us = here.at(begin_us).overstay_us
            overstay_us = None if lasting_us is None else begin_us + lasting_us
        return Bay(
            device,
            at_us,
            event_id,
            reported,
            heartbeat,
            None if place is None else place.site,
            (place.group or None) if place is not None else None,
            occupied,
            since_us,
            earliest_us,
            settles_us,
            held,
            held_since_us,
            held_earliest_us,
            at_us + limits.silence_us,
            overstay_us,
            flags,
        )

    def given(self, fact: Bay) -> Observation:
        """The observation in a fact."""
        return Observation(fact.device, fact.observed_at_us, fact.event_id, fact.reported, fact.heartbeat, fact.flags)

    def deadline_us(self, fact: Bay) -> int | tuple[int, ...]:
        """When its state has lasted long enough, and when its silence makes it unknown."""
        return fact.silent_us if fact.settles_us is None else (fact.settles_us, fact.silent_us)

    def show(self, fact: Bay, place: Place | None, as_of_us: int | None) -> Now:
        """The newest fact as time has it; unknown where it is too old."""
        if place is None:
            return NOWHERE
        zone, settled = place.group or None, fact.settles_us is None
        if as_of_us is not None:
            if fact.occupied is not None and as_of_us >= fact.silent_us:
                return Now(fact.site, zone, None, fact.silent_us, settled=True)
            settled = settled or (fact.settles_us is not None and as_of_us >= fact.settles_us)
        return Now(fact.site, zone, fact.occupied, fact.since_us, settled)

    def marks(self, before: Now | None, after: Now) -> Collection[Mark]:
        """The zones whose count may be another now, and the bay where time alone began or ended something."""
        marks = []
        if before is None or before[:4] != after[:4]:
            zones = {after.zone, None if before is None else before.zone}
            marks += [Mark(ZONE_MARK, zone) for zone in zones if zone is not None]
        if (
            before is not None
            and before.site is not None
            and (after.site != before.site or after.occupied is None or before.occupied is None or after.settled)
        ):
            # From the beginning of what was shown on: others may have had their say behind its end by now.
            marks.append(Mark(STAY_MARK, before.site, before.since_us, onward=True))
        return marks

    def marks_of(self, before: Bay | None, after: Bay) -> Collection[Mark]:
        """The bays whose stays may be others, from when on.

        A frame that repeats the word before is a sign of life: where it comes late, a silence was none.
        """
        if before is None:
            return () if after.site is None else (Mark(STAY_MARK, after.site, after.observed_at_us, onward=True),)
        if before == after:
            return ()
        return [
            Mark(STAY_MARK, site, after.observed_at_us, onward=True)
            for site in {before.site, after.site}
            if site is not None
        ]

    def alarms(self, fact: Bay) -> Alarms:
        """The stay that is or will be too long."""
        return NONE if fact.overstay_us is None else overstay_alarms(fact)

    def opened(self, rule: Rule, fact: Bay, place: Place) -> Opened:
        """What an alert says."""
        del rule
        return sentence(fact, place)
