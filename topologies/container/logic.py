"""How full a container is, what is wrong with it, and when it was emptied; pure.

The sensor hangs in the lid and measures down to the waste; empty and full distance belong to the site, so the same
distance means another fill elsewhere, and correcting a site corrects its past. Two limits instead of one keep a
container that is being filled from flickering.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from pipeline.city.model import City
from pipeline.core.clock import HOUR_US
from pipeline.core.model import DevEui
from pipeline.core.samples import Form, Forms, finite, samples_of
from schemas.silkstream.v1.reading_view_pb2 import ReadingView
from topologies.container.facts import (
    BAD_VOLUME_TABLE,
    NO_GEOMETRY,
    NO_SITE,
    NOWHERE,
    OWN_FLAGS,
    SENSOR_FILL,
    SUSPECTED_FULL,
    TOO_FAR,
    Level,
    Measurement,
    Now,
)
from topologies.container.limits import Here, Limitations, Limits
from topologies.container.rules import FULL, HOT, OVERFULL, SUSPECTED, TILTED, due_alarms, sentence
from topologies.container.trend import UNKNOWN, Trend, begun, extended, foretell, rate_of
from topologies.runtime.alarms import NONE, Alarms, follow, is_on
from topologies.runtime.model import Mark, Opened, Place, Rule

EMPTYING_MARK: Final = "container_emptying"
ROUTE_MARK: Final = "container_route"
NEARLY_FULL_RATIO: Final = 0.8
_LOST_ECHO: Final = frozenset({"no_echo", "suspicious_distance"})
"""Flags of the decoders."""
_DISTANCE: Final = "distance_metres"
_CELSIUS: Final = "device_temperature_celsius"
_FILL: Final = "sensor_fill_ratio"


class _Spoken(NamedTuple):
    """What a form says of a container, and where among the values its numbers are."""

    distance_at: int | None
    celsius_at: int | None
    fill_at: int | None
    tilted: bool | None
    flags: tuple[str, ...]


def _spoken(form: Form) -> _Spoken:
    return _Spoken(
        form.place(_DISTANCE),
        form.place(_CELSIUS),
        form.place(_FILL),
        form.flag("tilted"),
        form.flags,
    )


_FORMS: Final = Forms(_spoken, wanted={_DISTANCE, _CELSIUS, _FILL})


class ContainerLogic:
    """Fill from distance and site; what is wrong, with hysteresis; emptyings; when it will be full."""

    def __init__(self, city: City) -> None:
        self.limitations = Limitations(city)
        """What each place is judged by."""

    def read(self, reading: ReadingView) -> Sequence[Measurement]:
        """One measurement for each sample of channel 0 that speaks of the container."""
        found = []
        device, event_id = DevEui(reading.dev_eui), reading.event_id
        for at_us, channel, (distance_at, celsius_at, fill_at, tilted, flags), values in samples_of(reading, _FORMS):
            if channel:
                continue
            distance = finite(values, distance_at)
            celsius = finite(values, celsius_at)
            sensor_fill = finite(values, fill_at)
            silent = distance is None and tilted is None and celsius is None and sensor_fill is None
            if silent and _LOST_ECHO.isdisjoint(flags):
                continue
            found.append(Measurement(device, at_us, event_id, distance, tilted, celsius, sensor_fill, flags))
        return found

    def step(self, before: Level | None, given: Measurement, place: Place | None) -> Level:
        """The level that follows."""
        device, at_us, event_id, distance, tilted, celsius, sensor_fill, flags = given
        if place is None:
            nothing = (None,) * 13
            return Level(*given[:7], *nothing, NONE, (*flags, NO_SITE))
        here = self.limitations.of(place)
        limits = here.at(at_us)
        level = prior = is_full = since_us = drop_us = drop_ratio = emptied_us = trend = None
        watched_us = at_us
        alarms = NONE
        if before is not None:
            level, prior, is_full, since_us = before.level_ratio, before.prior_ratio, before.is_full, before.since_us
            drop_us, drop_ratio, emptied_us = before.drop_us, before.drop_ratio, before.emptied_us
            trend, alarms = before.trend, before.alarms
            watched_us = at_us if before.watched_us is None else before.watched_us
        # A tipped sensor looks anywhere but down.
        is_lost = bool(flags) and not _LOST_ECHO.isdisjoint(flags)
        raw, flags = _raw_fill(given, here, limits, flags) if not (tilted or is_lost) else (None, flags)
        if here.geometry is None:
            flags = (*flags, NO_GEOMETRY)
        elif here.bad_volume_table:
            flags = (*flags, BAD_VOLUME_TABLE)
        fill: float | None = None
        emptying_ratio: float | None = None
        suspected = False
        if raw is not None:
            fill = min(max(raw, 0.0), 1.0)
            if fill >= limits.full_ratio:
                now_full = True
            elif fill < limits.full_resolved_ratio or is_full is None:
                now_full = False
            else:
                now_full = is_full
            if now_full != is_full:
                is_full, since_us = now_full, at_us
            if drop_us is not None and drop_ratio is not None and level is not None:
                if drop_ratio - fill >= limits.emptying_ratio:
                    emptying_ratio, emptied_us, watched_us = drop_ratio - level, drop_us, drop_us
                    trend = extended(begun(drop_us, level), at_us, fill)
                    prior = level
                else:
                    # It was one wrong echo: what was before it goes on.
                    prior = drop_ratio
                drop_us = drop_ratio = None
            else:
                steady = level if prior is None or level is None else min(level, prior)
                if (
                    before is not None
                    and steady is not None
                    and steady - fill >= limits.emptying_ratio
                    and at_us - before.observed_at_us <= limits.emptying_us
                ):
                    drop_us, drop_ratio = at_us, steady
                else:
                    trend = _with_point(trend, at_us, prior, level, fill)
                prior = level
            level = fill
        else:
            missing = is_lost or (tilted is False and distance is None and sensor_fill is None)
            suspected = before is not None and SUSPECTED_FULL in before.flags
            if missing and not tilted and level is not None and level >= limits.suspected_full_ratio:
                suspected = True
            if suspected:
                flags = (*flags, SUSPECTED_FULL)
        raised = _raised(limits, alarms, raw=raw, is_full=is_full, tilted=tilted, celsius=celsius, suspected=suspected)
        if raised or alarms:
            alarms = follow(alarms, raised, limits.timings, at_us)
        due_us = None if limits.emptied_within_us is None else watched_us + limits.emptied_within_us
        return Level(
            device,
            at_us,
            event_id,
            distance,
            tilted,
            celsius,
            sensor_fill,
            place.site,
            fill,
            level,
            prior,
            is_full,
            since_us,
            drop_us,
            drop_ratio,
            emptying_ratio,
            emptied_us,
            watched_us,
            due_us,
            trend,
            alarms,
            flags,
        )

    def given(self, fact: Level) -> Measurement:
        """The measurement in a level."""
        flags = tuple(flag for flag in fact.flags if flag not in OWN_FLAGS) if fact.flags else ()
        return Measurement(*fact[:7], flags)

    def deadline_us(self, fact: Level) -> None:
        """Time changes nothing but alarms."""
        del fact

    def show(self, fact: Level, place: Place | None, as_of_us: int | None) -> Now:
        """The newest level, while the device serves its container."""
        del as_of_us
        if place is None:
            return NOWHERE
        rate = None if fact.trend is None else rate_of(fact.trend)
        nearly = full = UNKNOWN
        if rate is not None and fact.level_ratio is not None:
            nearly = foretell(rate, at_us=fact.observed_at_us, level=fact.level_ratio, goal=NEARLY_FULL_RATIO)
            full = foretell(rate, at_us=fact.observed_at_us, level=fact.level_ratio, goal=1.0)
        return Now(
            fact.site,
            fact.level_ratio,
            fact.distance_metres,
            fact.tilted,
            fact.is_full,
            fact.since_us,
            SUSPECTED_FULL in fact.flags,
            fact.device_temperature_celsius,
            fact.sensor_fill_ratio,
            fact.emptied_us,
            fact.due_us,
            None if rate is None else rate.per_day,
            *nearly,
            *full,
        )

    def marks(self, before: Now | None, after: Now) -> Collection[Mark]:
        """What is shown is nobody else's input."""
        del before, after
        return ()

    def marks_of(self, before: Level | None, after: Level) -> Collection[Mark]:
        """The lists that this may have a place in; and a device whose emptyings are others than they were."""
        at_us = after.observed_at_us
        route = _route_mark(after.device, at_us // HOUR_US)
        if after.emptying_ratio is None and (before is None or before.emptying_ratio is None):
            return (route,)
        if before is not None and _emptying(before) == _emptying(after):
            return (route,)
        return route, Mark(EMPTYING_MARK, after.device)

    def alarms(self, fact: Level) -> Alarms:
        """Its conditions, and the one that time brings if nobody empties it."""
        if fact.due_us is None:
            return fact.alarms
        due = due_alarms(fact.due_us)
        return (*fact.alarms, *due) if fact.alarms else due

    def opened(self, rule: Rule, fact: Level, place: Place) -> Opened:
        """What an alert says."""
        return sentence(rule, fact, place, self.limitations.of(place))


@lru_cache(maxsize=10_000)
def _route_mark(device: DevEui, hour: int) -> Mark:
    return Mark(ROUTE_MARK, device, hour * HOUR_US)


def _emptying(fact: Level) -> tuple[object, ...] | None:
    return None if fact.emptying_ratio is None else (fact.site, fact.emptied_us, fact.emptying_ratio)


def _raw_fill(
    given: Measurement, here: Here, limits: Limits, flags: tuple[str, ...]
) -> tuple[float | None, tuple[str, ...]]:
    """The fill before clamping, and the flags: ours where the site has a geometry, else the sensor's own."""
    if here.geometry is None:
        if given.sensor_fill_ratio is None:
            return None, flags
        return given.sensor_fill_ratio, (*flags, SENSOR_FILL)
    distance = given.distance_metres
    if distance is None:
        return None, flags
    if distance > here.geometry[0] * limits.too_far_factor:
        return None, (*flags, TOO_FAR)
    return here.fill(distance), flags


def _with_point(trend: Trend | None, at_us: int, prior: float | None, level: float | None, fill: float) -> Trend:
    """With the middle one of the last three fills, so that a wrong echo leaves no trace."""
    if trend is None or prior is None or level is None:
        return begun(at_us, fill) if trend is None else extended(trend, at_us, fill)
    if at_us - trend.times_us[-1] < trend.spacing_us:
        return trend
    return extended(trend, at_us, max(min(prior, level), min(max(prior, level), fill)))


def _raised(
    limits: Limits,
    alarms: Alarms,
    *,
    raw: float | None,
    is_full: bool | None,
    tilted: bool | None,
    celsius: float | None,
    suspected: bool,
) -> Sequence[str]:
    """The rules whose condition is on: what a frame does not speak of stays as it was."""
    raised: list[str] = []
    if is_full:
        raised.append(FULL)
    if raw is None:
        if alarms and is_on(alarms, OVERFULL):
            raised.append(OVERFULL)
    elif raw >= limits.overfull_ratio or (raw >= limits.overfull_resolved_ratio and is_on(alarms, OVERFULL)):
        raised.append(OVERFULL)
    if tilted or (tilted is None and alarms and is_on(alarms, TILTED)):
        raised.append(TILTED)
    if celsius is None:
        if alarms and is_on(alarms, HOT):
            raised.append(HOT)
    elif celsius >= limits.hot_celsius or (celsius >= limits.hot_resolved_celsius and is_on(alarms, HOT)):
        raised.append(HOT)
    if suspected:
        raised.append(SUSPECTED)
    return [rule for rule in raised if rule in limits.timings] if raised else raised
