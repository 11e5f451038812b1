"""How much water runs, whether it ever rests, and what the meter says of itself; pure.

A fact is a frame, not a sample: a frame brings up to a day of hourly volumes, most of which the frame before it has
brought as well. They are merged by their time, in the state that goes from fact to fact.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from math import inf, isfinite
from typing import Final, NamedTuple

from pipeline.city.model import City
from pipeline.core.model import DevEui
from pipeline.core.samples import Form, Forms, live_of, series_of
from schemas.silkstream.v1.reading_view_pb2 import ReadingView
from topologies.runtime.alarms import NONE, Alarms, follow
from topologies.runtime.model import Mark, Opened, Place, Rule
from topologies.water.facts import NO_SITE, NOWHERE, OWN_FLAGS, Consumption, Now, Report, Track, Volumes
from topologies.water.flow import begun, count, is_leaking
from topologies.water.limits import Limitations, Limits
from topologies.water.rules import CONDITIONS, sentence

_VOLUME: Final = "water_volume_litres"
_OURS: Final = ("leak", "burst", "backflow", "no_consumption")


class _Spoken(NamedTuple):
    """What a form says of a meter, and where among the values its volume is."""

    volume_at: int | None
    raised: tuple[str, ...]
    cleared: tuple[str, ...]
    flags: tuple[str, ...]


def _spoken(form: Form) -> _Spoken:
    conditions = {name: on for name in form.states if name in CONDITIONS and (on := form.flag(name)) is not None}
    raised = tuple(name for name, on in conditions.items() if on)
    cleared = tuple(name for name, on in conditions.items() if not on)
    return _Spoken(form.place(_VOLUME), raised, cleared, form.flags)


_FORMS: Final = Forms(_spoken, wanted={_VOLUME})


class WaterLogic:
    """Flow from volumes; leak, burst, standstill, backflow; the meter's own alarms."""

    def __init__(self, city: City) -> None:
        self._limits = Limitations(city)

    def read(self, reading: ReadingView) -> Sequence[Report]:
        """One report a frame, of what its samples and series of channel 0 say."""
        now_us = reading.observed_at_us
        volumes: list[Volumes] = []
        raised: tuple[str, ...] = ()
        cleared: tuple[str, ...] = ()
        flags: tuple[str, ...] = ()
        for first_us, step_us, _, channel, (place, _, _, noticed), columns in series_of(reading, _FORMS):
            if channel == 0 and place is not None:
                volumes += _possible(first_us, step_us, tuple(columns[place]), now_us)
                flags += noticed
        for at_us, channel, (place, on, off, noticed), values in live_of(reading, _FORMS):
            if channel or at_us > now_us:
                continue
            if place is not None and 0 <= values[place] < inf:
                volumes.append(Volumes(at_us, 0, (values[place],)))
            raised += on
            cleared += off
            flags += noticed
        if not volumes and not raised and not cleared:
            return ()
        return (
            Report(
                DevEui(reading.dev_eui),
                now_us,
                reading.event_id,
                _in_order(volumes),
                raised,
                cleared,
                tuple(sorted(set(flags))) if flags else (),
            ),
        )

    def step(self, before: Consumption | None, given: Report, place: Place | None) -> Consumption:
        """The fact that follows."""
        device, at_us, event_id, volumes, raised, cleared, flags = given
        if place is None:
            return Consumption(*given[:6], None, None, None, None, (), (), NONE, (*flags, NO_SITE))
        limits = self._limits.of(place).at(at_us)
        track: Track | None = None
        found: tuple[str, ...] = ()
        meter_alarms: tuple[str, ...] = ()
        alarms = NONE
        if before is not None:
            track, found, meter_alarms, alarms = before.track, before.found, before.meter_alarms, before.alarms
        used = peak = None
        if volumes:
            if track is None:
                # What was logged before the meter came here is of another site.
                mine = list(filter(None, [each.since(place.since_us) for each in volumes]))
                track = begun((mine[0].first_us, mine[0].litres[0])) if mine else None
            if track is not None:
                track, used, peak, burst, fell, odd = count(track, volumes, limits)
                if odd:
                    flags = (*flags, *dict.fromkeys(odd))
                found = _found(track, limits, found, burst=burst, fell=fell if used is not None else None)
        if raised or (cleared and meter_alarms):
            meter_alarms = tuple(sorted({*meter_alarms, *raised}.difference(cleared)))
        if found or meter_alarms or alarms:
            spoken = (*found, *meter_alarms) if limits.meter_alarms else found
            alarms = follow(alarms, _rules(spoken, limits), limits.timings, at_us)
        return Consumption(
            device,
            at_us,
            event_id,
            volumes,
            raised,
            cleared,
            place.site,
            used,
            peak,
            track,
            found,
            meter_alarms,
            alarms,
            flags,
        )

    def given(self, fact: Consumption) -> Report:
        """The report in a fact."""
        flags = tuple([flag for flag in fact.flags if flag not in OWN_FLAGS]) if fact.flags else ()
        return Report(*fact[:6], flags)

    def deadline_us(self, fact: Consumption) -> None:
        """Time changes nothing but alarms: a meter that is silent says nothing of the water."""
        del fact

    def show(self, fact: Consumption, place: Place | None, as_of_us: int | None) -> Now:
        """The newest fact, while the meter serves its site."""
        del as_of_us
        if place is None:
            return NOWHERE
        track = fact.track
        if track is None:
            return NOWHERE._replace(site=fact.site, found=fact.found, meter_alarms=fact.meter_alarms)
        lows = track.lows
        return Now(
            fact.site,
            track.last_litres,
            track.last_us,
            lows[-1].flow if lows else None,
            lows[0].flow if lows else None,
            track.still_us,
            fact.found,
            fact.meter_alarms,
        )

    def marks(self, before: Now | None, after: Now) -> Collection[Mark]:
        """What is shown is nobody else's input."""
        del before, after
        return ()

    def marks_of(self, before: Consumption | None, after: Consumption) -> Collection[Mark]:
        """Nor are facts."""
        del before, after
        return ()

    def alarms(self, fact: Consumption) -> Alarms:
        """The conditions that are on or have just ended."""
        return fact.alarms

    def opened(self, rule: Rule, fact: Consumption, place: Place) -> Opened:
        """What an alert says."""
        return sentence(rule, fact, place, self._limits.of(place))


def _possible(first_us: int, step_us: int, litres: tuple[float, ...], now_us: int) -> Sequence[Volumes]:
    """A log without times to come and numbers that are no volume."""
    in_time = step_us > 0 and first_us + step_us * (len(litres) - 1) <= now_us
    if litres and in_time and min(litres) >= 0 and isfinite(sum(litres)):
        return (Volumes(first_us, step_us, litres),)
    singly = zip(itertools.count(first_us, step_us), litres)
    return [Volumes(at_us, 0, (each,)) for at_us, each in singly if at_us <= now_us and 0 <= each < inf]


def _in_order(volumes: list[Volumes]) -> tuple[Volumes, ...]:
    """In the order of time, one by one where some reach into others."""
    if _are_in_order(volumes):
        return tuple(volumes)
    volumes.sort()
    if _are_in_order(volumes):
        return tuple(volumes)
    singly = [volume for each in volumes for volume in each.after(each.first_us - 1)]
    # Of one time the smallest.
    least = dict(sorted(singly, reverse=True))
    return tuple(Volumes(at_us, 0, (least[at_us],)) for at_us in sorted(least))


def _are_in_order(volumes: Sequence[Volumes]) -> bool:
    last_us = -1
    for first_us, step_us, litres in volumes:
        if first_us <= last_us:
            return False
        last_us = first_us + step_us * (len(litres) - 1)
    return True


def _found(
    track: Track, limits: Limits, before: tuple[str, ...], *, burst: bool | None, fell: bool | None
) -> tuple[str, ...]:
    """What the volumes say, in a fixed order; what they do not speak of (None) is as it was before."""
    leak = is_leaking(track, limits, before="leak" in before)
    still = limits.still_us is not None and track.last_us - track.still_us >= limits.still_us
    if not (before or leak or still or burst or fell):
        return ()
    states = (
        leak,
        "burst" in before if burst is None else burst,
        "backflow" in before if fell is None else fell,
        still,
    )
    return tuple([name for name, on in zip(_OURS, states, strict=True) if on])


def _rules(conditions: Sequence[str], limits: Limits) -> Collection[str]:
    """The rules of conditions, where they are on."""
    rules = {CONDITIONS[each]: None for each in conditions}
    return [rule for rule in rules if rule in limits.timings]
