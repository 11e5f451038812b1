"""A luminaire's night in figures, from its facts and the plan; pure.

A counter tells what was used between two readings of it, and that is spread evenly over the time between them; so the
hours of a night add up to what the counter says, whatever frames were lost. What a state is worth is the time until
the next one, or as long as a state holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.core.clock import HOUR_US, SECOND_US
from topologies.lighting.logic import SPREAD_US
from topologies.lighting.plan import Night

_SECONDS_PER_HOUR: Final = 3600
WELL_KNOWN: Final = 0.9
"""Where less of the time is known than this share, a state's burning time is not held against the meter."""


class Said(NamedTuple):
    """Of a fact what a night is counted from."""

    observed_at_us: int
    burning: bool | None
    until_us: int
    used_watt_hours: float | None
    used_since_us: int | None
    lit_seconds: float | None
    lit_since_us: int | None
    rated_watts: float | None
    segment: str | None


class Figures(NamedTuple):
    """What a night of a luminaire came to; units as in `luminaire_night`."""

    segment: str
    energy_watt_hours: float | None
    due_seconds: float
    known_seconds: float
    lit_seconds: float
    burning_seconds: float | None
    rated_watt_hours: float | None
    hours: Mapping[int, float]
    """Energy in watt-hours by the begin of the hour in microseconds."""


class _Stretch(NamedTuple):
    """Something that went on evenly: so much for each microsecond; a lamp that burns goes on with 1."""

    from_us: int
    until_us: int
    rate: float

    def within(self, begin_us: int, end_us: int) -> float:
        """What of it came within a stretch of time."""
        return max(0, min(self.until_us, end_us) - max(self.from_us, begin_us)) * self.rate


def figures_of(said: Sequence[Said], night: Night) -> Figures | None:
    """The figures of a night; None where nothing is said of it.

    Args:
        said: of the luminaire, in the order of time, from `SPREAD_US` before the night to as long after.
        night: by the plan.
    """
    begin_us, end_us = night.begin_us, night.end_us
    mine = [each for each in said if begin_us <= each.observed_at_us < end_us]
    used = _touching(night, _spread((each, each.used_watt_hours, each.used_since_us) for each in said))
    counted = _touching(night, _spread((each, each.lit_seconds, each.lit_since_us) for each in said))
    states = _touching(night, _states(said))
    if not mine and not used and not counted:
        return None
    energy = sum(each.within(begin_us, end_us) for each in used) if used else None
    known_us = sum(each.until_us - each.from_us for each in states)
    burning: float | None = None
    if counted:
        burning = sum(each.within(begin_us, end_us) for each in counted)
    elif states:
        burning = sum(each.within(begin_us, end_us) for each in states) / SECOND_US
    newest = max(mine or said, key=lambda each: each.observed_at_us)
    rated: float | None = None
    is_sure = bool(counted) or known_us >= WELL_KNOWN * (end_us - begin_us)
    if energy is not None and burning is not None and newest.rated_watts and is_sure:
        rated = newest.rated_watts * burning / _SECONDS_PER_HOUR
    return Figures(
        newest.segment or "",
        energy,
        sum(until_us - from_us for from_us, until_us in night.due) / SECOND_US,
        sum(each._replace(rate=1.0).within(*span) for each in states for span in night.due) / SECOND_US,
        sum(each.within(*span) for each in states for span in night.due) / SECOND_US,
        burning,
        rated,
        _by_hour(used, night),
    )


def _states(said: Sequence[Said]) -> Iterator[_Stretch]:
    """From when to when it was known to burn, or not to: whichever device spoke last has the word."""
    ends_us = [*(each.observed_at_us for each in said[1:]), *(each.until_us for each in said[-1:])]
    for each, end_us in zip(said, ends_us, strict=True):
        if each.burning is not None:
            yield _Stretch(each.observed_at_us, min(each.until_us, end_us), float(each.burning))


def _spread(said: Iterable[tuple[Said, float | None, int | None]]) -> Iterator[_Stretch]:
    """What was used between two readings of a counter, over the time between them."""
    for each, amount, since_us in said:
        if amount is not None and since_us is not None:
            until_us = each.observed_at_us
            from_us = max(since_us, until_us - SPREAD_US)
            yield _Stretch(from_us, until_us, amount / (until_us - from_us))


def _touching(night: Night, stretches: Iterable[_Stretch]) -> list[_Stretch]:
    """As much of each as lies in the night."""
    cut = (_Stretch(max(a, night.begin_us), min(b, night.end_us), rate) for a, b, rate in stretches)
    return [each for each in cut if each.from_us < each.until_us]


def _by_hour(used: Sequence[_Stretch], night: Night) -> dict[int, float]:
    """Noon is a full hour, so every hour belongs to one night."""
    hours: dict[int, float] = {}
    for each in used:
        first_us = night.begin_us + (each.from_us - night.begin_us) // HOUR_US * HOUR_US
        for hour_us in range(first_us, each.until_us, HOUR_US):
            hours[hour_us] = hours.get(hour_us, 0.0) + each.within(hour_us, hour_us + HOUR_US)
    return hours
