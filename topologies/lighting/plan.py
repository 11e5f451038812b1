"""When a lamp should burn, and how brightly: a segment's plan, laid out once for each night.

A night is from noon to noon of Europe/Berlin and has the date of its evening, so that no switching lies on its border;
it has 23 or 25 hours when the clocks change. The sun's times are those of the package astral (the formulas of the NOAA
Solar Calculator, after J. Meeus, *Astronomical Algorithms*).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from astral import Observer, SunDirection
from astral.sun import time_at_elevation

from pipeline.core.clock import DAY_US, HOUR_US, MINUTE_US, to_us
from topologies.lighting.parameters import LightingParameters

ZONE: Final = ZoneInfo("Europe/Berlin")
_NOON: Final = time(12)
_DAY: Final = timedelta(days=1)
_EARLIEST_NOON_US: Final = 10 * HOUR_US
"""Local noon is at 10 or 11 o'clock UTC."""
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_NIGHTS: Final = 800


class Expected(NamedTuple):
    """What a plan says for a time."""

    burning: bool | None
    """None: it is not judged."""
    ratio: float | None
    """The level, 0 to 1; None: it is not judged."""


NOT_JUDGED: Final = Expected(None, None)
_LIT: Final = Expected(True, None)
_OFF: Final = Expected(False, None)
_OVERRIDES: Final = {"any": NOT_JUDGED, "on": _LIT, "off": _OFF}


class Span(NamedTuple):
    """From when to when."""

    from_us: int
    until_us: int


class Night:
    """A plan's night, with the grace around each switching."""

    __slots__ = ("_states", "_times", "begin_us", "burns", "due", "end_us")

    def __init__(
        self, begin_us: int, end_us: int, spans: Sequence[tuple[int, Expected]], burns: Sequence[Span]
    ) -> None:
        self.begin_us = begin_us
        self.end_us = end_us
        times, states = zip(*spans, strict=True)
        self._times: tuple[int, ...] = times
        self._states: tuple[Expected, ...] = states
        self.burns = tuple(burns)
        """When it should burn, without any grace."""
        ends = (*times[1:], end_us)
        self.due = tuple(Span(a, b) for a, b, state in zip(times, ends, states, strict=True) if state.burning)
        """When it has to burn."""

    def at(self, at_us: int) -> Expected:
        """What is expected at a time of the night."""
        return self._states[bisect_right(self._times, at_us) - 1]

    def off_after_us(self, at_us: int) -> int | None:
        """When it should be switched off, if it should burn at a time."""
        return next((until_us for from_us, until_us in self.burns if from_us <= at_us < until_us), None)


class Plan:
    """A plan at a place of the earth; its nights are laid out when they are asked for, once."""

    __slots__ = ("_last", "_nights", "_observer", "parameters")

    def __init__(self, parameters: LightingParameters, *, latitude: float, longitude: float) -> None:
        self.parameters = parameters
        self._observer = Observer(latitude, longitude)
        self._nights: dict[int, Night] = {}
        self._last: Night | None = None

    def night(self, at_us: int) -> Night:
        """The night that a time belongs to."""
        last = self._last
        if last is not None and last.begin_us <= at_us < last.end_us:
            return last
        begin_us = night_begin_us(at_us)
        found = self._nights.get(begin_us)
        if found is None:
            if len(self._nights) > _NIGHTS:
                self._nights.clear()
            found = self._nights[begin_us] = self._laid_out(begin_us)
        self._last = found
        return found

    def _laid_out(self, begin_us: int) -> Night:
        parameters = self.parameters
        evening = date_of(begin_us)
        end_us = _local_us(evening + _DAY, _NOON)
        switches = self._switches(evening)
        if switches is None:
            return Night(begin_us, end_us, [(begin_us, NOT_JUDGED)], [])
        steps = sorted((_of_night_us(evening, step.at), step.ratio) for step in parameters.dimming)
        overrides = [(to_us(each.from_), to_us(each.until), _OVERRIDES[each.state]) for each in parameters.overrides]
        first_lit = not switches[0][1]

        def state(at_us: int) -> Expected:
            for from_us, until_us, instead in overrides:
                if from_us <= at_us < until_us:
                    return instead
            if not _last_before(switches, at_us, first_lit):
                return _OFF
            if not steps:
                return _LIT
            ratio = _last_before(steps, at_us, 1.0)
            return Expected(True, ratio) if ratio else _OFF

        events = sorted(
            {at_us for at_us, _ in switches}
            | {at_us for at_us, _ in steps}
            | {at_us for from_us, until_us, _ in overrides for at_us in (from_us, until_us)}
        )
        grace_us = round(parameters.grace_minutes * MINUTE_US)
        cuts = {at_us + around for at_us in events for around in (-grace_us, 0, grace_us)}
        times = [begin_us, *sorted(at_us for at_us in cuts if begin_us < at_us < end_us), end_us]
        spans: list[tuple[int, Expected]] = []
        burns: list[Span] = []
        for from_us, until_us in pairwise(times):
            middle_us = (from_us + until_us) // 2
            near = [each for each in events if middle_us - grace_us < each <= middle_us + grace_us]
            spans.append((from_us, _common([state(middle_us - grace_us), *map(state, near)])))
            if state(middle_us).burning:
                begins_us = burns.pop().from_us if burns and burns[-1].until_us == from_us else from_us
                burns.append(Span(begins_us, until_us))
        return Night(begin_us, end_us, spans, burns)

    def _switches(self, evening: date) -> list[tuple[int, bool]] | None:
        """On and off of a night, in order; None where there are none to know of."""
        parameters = self.parameters
        if parameters.switching == "clock":
            if parameters.on_at is None or parameters.off_at is None:
                return None
            return sorted(
                [(_of_night_us(evening, parameters.on_at), True), (_of_night_us(evening, parameters.off_at), False)]
            )
        if parameters.switching == "none":
            return None
        elevation = 90 - parameters.zenith_degrees
        try:
            on, off = (
                time_at_elevation(self._observer, elevation, day, direction, ZONE, with_refraction=False)
                for day, direction in ((evening, SunDirection.SETTING), (evening + _DAY, SunDirection.RISING))
            )
        except ValueError:
            # Beyond the polar circles the sun does not pass every angle every day.
            return None
        return [(to_us(on), True), (to_us(off), False)]


def _common(states: list[Expected]) -> Expected:
    """What holds whichever of the states it is in."""
    burning = {state.burning for state in states}
    ratios = {state.ratio for state in states}
    return Expected(burning.pop() if len(burning) == 1 else None, ratios.pop() if len(ratios) == 1 else None)


def _last_before(events: Sequence[tuple[int, float]], at_us: int, otherwise: float) -> float:
    """What the last event up to a time has set; a switching sets true or false."""
    found = otherwise
    for event_us, value in events:
        if event_us > at_us:
            break
        found = value
    return found


def _of_night_us(evening: date, local: time) -> int:
    """A local time of a night: before noon it is that of the next day."""
    return _local_us(evening if local >= _NOON else evening + _DAY, local)


@lru_cache(maxsize=10_000)
def _local_us(day: date, local: time) -> int:
    """A time that the clocks show twice is the first one; one that they leave out is as long after midnight."""
    return to_us(datetime.combine(day, local, ZONE))


def night_begin_us(at_us: int) -> int:
    """The noon with which the night of a time begins."""
    day = date.fromordinal(_EPOCH_DAY + (at_us - _EARLIEST_NOON_US) // DAY_US)
    begin_us = _local_us(day, _NOON)
    return begin_us if begin_us <= at_us else _local_us(day - _DAY, _NOON)


def nights_between(from_us: int, until_us: int) -> Iterator[int]:
    """The beginnings of the nights that a stretch of time touches."""
    begin_us = night_begin_us(from_us)
    while begin_us <= until_us:
        yield begin_us
        begin_us = _local_us(date_of(begin_us) + _DAY, _NOON)


def date_of(begin_us: int) -> date:
    """The date of a night's evening."""
    return date.fromordinal(_EPOCH_DAY + begin_us // DAY_US)
