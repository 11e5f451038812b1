"""Where the groundwater stands, and what is wrong with that; pure.

A probe hangs in the well and tells the water above it, as a pressure or in metres. Where it hangs, and what its
pressure is relative to, belong to the site; a dip by hand says how far off it is. So correcting a site, a dip or a
barometer corrects the past.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pipeline.core.clock import HOUR_US
from pipeline.core.model import DevEui
from pipeline.core.samples import Form, Forms, finite, samples_of
from schemas.silkstream.v1.reading_view_pb2 import ReadingView
from topologies.groundwater.facts import (
    DIP_UNMATCHED,
    DRY,
    FREEZING,
    LIFTED,
    NO_SITE,
    NOWHERE,
    OWN_FLAGS,
    RATE,
    START,
    STUCK,
    Level,
    Measurement,
    Now,
    Past,
)
from topologies.groundwater.limits import Limitations, Limits
from topologies.groundwater.rules import FLOOD, HIGH, LOW, RISING, sentence
from topologies.groundwater.steps import (
    column_of,
    finer,
    is_confirmed,
    is_far,
    is_lifted,
    is_stuck,
    match_dip,
    movement,
    rise_of,
    surface_of,
)
from topologies.groundwater.surroundings import NOTHING, Around, read_series
from topologies.runtime.alarms import NONE, Alarms, follow, is_on
from topologies.runtime.model import Mark, Opened, Place, Rule

HOUR_MARK: Final = "groundwater_hour"
_TOLD: Final = frozenset({"sensor_fault", "out_of_range", "uncalibrated"})
"""Flags of the decoders that a frame without a measurement is kept for."""
_WRONG: Final = "out_of_range"
"""The decoder's flag for a measurement beyond what the probe can measure."""
_NUMBERS: Final = (
    "pressure_bar",
    "absolute_pressure_bar",
    "water_column_metres",
    "distance_metres",
    "air_pressure_hectopascals",
)


class _Spoken(NamedTuple):
    """What a form says of the water, and where among the values its numbers are."""

    places: tuple[int | None, ...]
    freezing: bool | None
    flags: tuple[str, ...]


def _spoken(form: Form) -> _Spoken:
    return _Spoken(tuple(map(form.place, _NUMBERS)), form.flag("freezing"), form.flags)


_FORMS: Final = Forms(_spoken, wanted={*_NUMBERS})


class GroundwaterLogic:
    """Level from pressure, column or distance; flags; thresholds with hysteresis; the rise."""

    def __init__(self, limitations: Limitations, around: Around = NOTHING) -> None:
        self._limitations = limitations
        self._around = around

    def within(self, rows: Mapping[str, Sequence[Sequence[Any]]]) -> GroundwaterLogic:
        """The same logic with what surrounds the wells now."""
        around = Around(read_series(rows["load_air_pressure"]), read_series(rows["load_dips"]))
        return GroundwaterLogic(self._limitations, around)

    def read(self, reading: ReadingView) -> Sequence[Measurement]:
        """One measurement for each sample of channel 0 that speaks of the water."""
        found = []
        device, event_id = DevEui(reading.dev_eui), reading.event_id
        for at_us, channel, (places, freezing, flags), values in samples_of(reading, _FORMS):
            if channel:
                continue
            numbers = [finite(values, place) for place in places]
            if numbers[:4] == _SILENT and (not flags or _TOLD.isdisjoint(flags)):
                continue
            found.append(Measurement._make((device, at_us, event_id, *numbers, freezing, flags)))
        return found

    def step(self, before: Level | None, given: Measurement, place: Place | None) -> Level:
        """The level that follows."""
        at_us, flags = given.observed_at_us, given.flags
        if place is None:
            flags = (*flags, NO_SITE)
            since_us = _since(before, flags, at_us)
            return Level(*given[:9], None, None, None, 0.0, None, None, False, since_us, START, NONE, flags)
        here = self._limitations.of(place)
        limits = here.at(at_us)
        past = START if before is None else before.past
        column, reference, wrong = column_of(given, here, self._around)
        if wrong is not None:
            flags = (*flags, wrong)
        surface, wrong = surface_of(column, given.distance_metres, here, limits)
        if wrong is not None:
            if wrong == DRY and column is not None and is_lifted(before, column, here, limits, at_us):
                wrong = LIFTED
            flags = (*flags, wrong)
        is_usable = surface is not None and wrong is None
        if given.freezing:
            flags, is_usable = (*flags, FREEZING), False
        elif flags and _WRONG in flags:
            is_usable = False
        doubt, is_step = past.doubt_surface, False
        if is_usable and before is not None and surface is not None and is_far(past, surface, limits, at_us):
            is_step = is_confirmed(before, surface, limits, at_us)
            if not is_step:
                flags, is_usable, doubt = (*flags, RATE), False, surface
        moved_us, resolution = past.moved_us, past.resolution_metres
        if before is None or moved_us is None:
            moved_us = at_us
        elif before[3:7] != given[3:7]:
            moved_us, resolution = at_us, finer(resolution, movement(before, given, here))
        elif is_stuck(at_us, moved_us, resolution, limits):
            flags = (*flags, STUCK)
        offset, dip_us = 0.0 if before is None else before.offset_metres, past.dip_us
        if (dips := self._around.dips.get(place.site)) is not None:
            good = surface if is_usable else None
            if (matched := match_dip(dips, past, good, at_us, since_us=place.since_us)) is not None:
                dip_us = matched.dip_us
                if matched.offset is None:
                    flags = (*flags, DIP_UNMATCHED)
                else:
                    offset = matched.offset
        level = depth = None
        if surface is not None and here.measuring_point is not None:
            level = here.measuring_point + surface + offset
            depth = None if here.ground is None else here.ground - level
        alarms = NONE if before is None else before.alarms
        if is_usable:
            hours = _hours(past, at_us, surface, is_step=is_step)
            past = Past(at_us, surface, level, depth, None, moved_us, resolution, dip_us, *hours)
            raised = _raised(limits, alarms, level, past)
        else:
            past = past._replace(doubt_surface=doubt, moved_us=moved_us, resolution_metres=resolution, dip_us=dip_us)
            raised = _held(limits, alarms)
        if raised or alarms:
            alarms = follow(alarms, raised, limits.timings, at_us)
        return Level(
            *given[:9],
            place.site,
            reference,
            column,
            offset,
            level,
            depth,
            is_usable,
            _since(before, flags, at_us),
            past,
            alarms,
            flags,
        )

    def given(self, fact: Level) -> Measurement:
        """The measurement in a level."""
        flags = tuple(flag for flag in fact.flags if flag not in OWN_FLAGS) if fact.flags else ()
        return Measurement(*fact[:9], flags)

    def deadline_us(self, fact: Level) -> None:
        """Time changes nothing but alarms."""
        del fact

    def show(self, fact: Level, place: Place | None, as_of_us: int | None) -> Now:
        """The newest level, while the device serves its well."""
        del as_of_us
        if place is None:
            return NOWHERE
        past = fact.past
        return Now(
            fact.site,
            past.good_metres_nhn,
            past.good_us,
            past.good_depth_metres,
            fact.column_metres,
            fact.offset_metres,
            rise_of(past),
            fact.since_us,
            fact.flags,
        )

    def marks(self, before: Now | None, after: Now) -> Collection[Mark]:
        """What is shown is nobody else's input."""
        del before, after
        return ()

    def marks_of(self, before: Level | None, after: Level) -> Collection[Mark]:
        """The hours of a well that have another level in them now, or another number of them."""
        site = after.site
        if before is not None:
            if _counted(before) == _counted(after):
                return ()
            sites = {before.site, site} - {None}
        elif site is None:
            return ()
        else:
            sites = {site}
        hour_us = after.observed_at_us - after.observed_at_us % HOUR_US
        return [Mark(HOUR_MARK, each, hour_us) for each in sites if each is not None]

    def alarms(self, fact: Level) -> Alarms:
        """Its conditions."""
        return fact.alarms

    def opened(self, rule: Rule, fact: Level, place: Place) -> Opened:
        """What an alert says."""
        limits = self._limitations.of(place).at(fact.observed_at_us)
        if rule.name == RISING:
            return sentence(RISING, place.name, rise_of(fact.past), limits.rising)
        value = fact.past.good_metres_nhn
        return sentence(rule.name, place.name, value, {LOW: limits.low, HIGH: limits.high}.get(rule.name, limits.flood))


_SILENT: Final = [None] * 4


def _since(before: Level | None, flags: tuple[str, ...], at_us: int) -> int:
    return before.since_us if before is not None and before.flags == flags else at_us


def _hours(
    past: Past, at_us: int, surface: float | None, *, is_step: bool
) -> tuple[int | None, float | None, int, float | None]:
    """What the rise is counted from. A step is no rise: from there the hours are counted anew."""
    if is_step or past.next_us is None:
        return None, None, at_us, surface
    if at_us - past.next_us >= HOUR_US:
        return past.next_us, past.next_surface, at_us, surface
    return past.hour_us, past.hour_surface, past.next_us, past.next_surface


def _counted(fact: Level) -> tuple[object, ...]:
    return (fact.site, fact.is_usable, fact.level_metres_nhn if fact.is_usable else None)


def _held(limits: Limits, alarms: Alarms) -> Sequence[str]:
    """A frame that gives no level leaves everything as it was."""
    return [alarm.rule for alarm in alarms if alarm.ended_us is None and alarm.rule in limits.timings]


def _raised(limits: Limits, alarms: Alarms, level: float | None, past: Past) -> Sequence[str]:
    """The rules whose condition is on."""
    raised: list[str] = []
    margin = limits.hysteresis
    if level is not None:
        if limits.low is not None and (level <= limits.low or (level < limits.low + margin and is_on(alarms, LOW))):
            raised.append(LOW)
        for rule, limit in ((HIGH, limits.high), (FLOOD, limits.flood)):
            if limit is not None and (level >= limit or (level > limit - margin and is_on(alarms, rule))):
                raised.append(rule)
    rise = rise_of(past)
    if rise is None:
        if alarms and is_on(alarms, RISING):
            raised.append(RISING)
    elif rise >= limits.rising or (rise >= limits.rising_resolved and is_on(alarms, RISING)):
        raised.append(RISING)
    return [rule for rule in raised if rule in limits.timings] if raised else raised
