"""A rule's condition, carried from fact to fact: since when, when that has been long enough, and whether it returned.

Minimum duration and flap damping have to be functions of the facts, so that late data come to the same alerts. So each
fact says what it knows of every condition that is on or has just ended, and the next fact goes on from there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from topologies.runtime.binary import NULL, jsonb


class Timing(NamedTuple):
    """What tells an alert from a passing moment."""

    minimum_us: int
    """How long a condition has to last before it is an alert."""
    damping_us: int
    """Back within this time of its end it is the same alert, which has not been over."""


class Alarm(NamedTuple):
    """A condition that is on, or that has ended so recently that its return would be the same alert."""

    rule: str
    since_us: int
    """When it began."""
    opens_us: int
    """When it will have lasted, or has lasted, long enough."""
    ended_us: int | None = None
    """When it ended; None while it is on."""
    over_us: int | None = None
    """From when on a return is another alert."""

    def times(self) -> Iterator[int]:
        """When time alone changes what follows from it."""
        yield self.opens_us
        if self.over_us is not None:
            yield self.over_us


Alarms = tuple[Alarm, ...]
NONE: Final[Alarms] = ()


def is_on(alarms: Alarms, rule: str) -> bool:
    """Whether a rule's condition is on, be it long enough or not."""
    for alarm in alarms:
        if alarm.rule == rule:
            return alarm.ended_us is None
    return False


def follow(before: Alarms, raised: Collection[str], timings: Mapping[str, Timing], at_us: int) -> Alarms:
    """The alarms of a fact from those of the fact before it; the very same object where nothing changes.

    Args:
        before: empty at the beginning of an assignment.
        raised: the rules whose condition is on now.
        timings: by rule.
        at_us: the fact's time.
    """
    if not before and not raised:
        return NONE
    found: list[Alarm] = []
    for alarm in before:
        rule, since_us, opens_us, ended_us, over_us = alarm
        returned = over_us is None or at_us < over_us
        if rule in raised:
            if ended_us is None:
                found.append(alarm)
            elif returned:
                found.append(Alarm(rule, since_us, opens_us))
            else:
                found.append(_begun(rule, timings, at_us))
        elif ended_us is None:
            damping_us = timings[rule].damping_us if rule in timings else 0
            # What was too short to be an alert is not continued either.
            if damping_us and at_us >= opens_us:
                found.append(Alarm(rule, since_us, opens_us, at_us, at_us + damping_us))
        elif returned:
            found.append(alarm)
    if raised:
        known = [alarm.rule for alarm in before]
        found += [_begun(rule, timings, at_us) for rule in raised if rule not in known]
    after = tuple(found)
    return before if after == before else after


def _begun(rule: str, timings: Mapping[str, Timing], at_us: int) -> Alarm:
    return Alarm(rule, at_us, at_us + timings[rule].minimum_us)


@lru_cache(maxsize=20_000)
def alarms_field(alarms: Alarms) -> bytes:
    """A field for a jsonb column; null where there are none."""
    if not alarms:
        return NULL
    names = Alarm._fields
    return jsonb(msgspec.json.encode([dict(zip(names, alarm, strict=True)) for alarm in alarms]))


def read_alarms(value: Sequence[Mapping[str, Any]] | None) -> Alarms:
    """Alarms from a jsonb column."""
    return tuple(Alarm(**alarm) for alarm in value) if value else NONE
