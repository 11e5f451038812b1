"""From the facts of a bay's sensors to its phases: from when to when it was taken or free, and how surely; pure.

A fact says what is held of its bay, and what will be if nothing else comes: when the sensor's last word has lasted
long enough, and when the sensor is silent. So the phases of one sensor are laid side by side, and those of its
successor behind them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

SENSOR: Final = "sensor"
HEARTBEAT: Final = "heartbeat"
SILENCE: Final = "silence"
REPLACED: Final = "replaced"
UNASSIGNED: Final = "unassigned"


class Span(NamedTuple):
    """A stretch of time for which a sensor serves the bay."""

    device: str
    from_us: int
    until_us: int | None


class BayFact(NamedTuple):
    """What a fact says of the bay; see `topologies.parking.facts.Bay`."""

    device: str
    at_us: int
    zone: str | None
    occupied: bool | None
    since_us: int
    earliest_us: int | None
    settles_us: int | None
    held: bool | None
    held_since_us: int
    held_earliest_us: int | None
    silent_us: int


class Phase(NamedTuple):
    """The bay was taken, or free."""

    begin_us: int
    zone: str | None
    device: str
    occupied: bool
    earliest_us: int | None
    """When it may have begun at the earliest; None = not known."""
    end_us: int | None
    """None while it goes on."""
    end_earliest_us: int | None
    ended_by: str | None


class _Turn(NamedTuple):
    at_us: int
    state: bool | None
    earliest_us: int | None
    by: str
    zone: str | None
    device: str


def phases(facts: Sequence[BayFact], spans: Sequence[Span], as_of_us: Mapping[str, int]) -> list[Phase]:
    """The phases of a bay.

    Args:
        facts: of all its sensors, in order.
        spans: when they serve it. Of two at once the one that came later speaks.
        as_of_us: how far time has come for a device.
    """
    turns: list[_Turn] = []
    last: BayFact | None = None
    for span in _one_at_a_time(spans):
        mine = [fact for fact in facts if fact.device == span.device and _holds(span, fact.at_us)]
        following = list(_turns(mine, span, as_of_us.get(span.device))) if mine else []
        if turns and turns[-1].by == UNASSIGNED:
            following = _joined(turns, following, last)
        for turn in following:
            if not turns or turn.state != turns[-1].state:
                turns.append(turn)
        last = mine[-1] if mine else last
    return list(_between(turns))


def from_known(found: Sequence[Phase], known: Phase | None) -> list[Phase]:
    """The phases from a known one on, whose beginning may lie before the facts they were found from."""
    if known is None:
        return list(found)
    rest = [phase for phase in found if phase.end_us is None or phase.end_us > known.begin_us]
    goes_on = bool(rest) and rest[0].occupied == known.occupied and known.begin_us <= rest[0].begin_us
    if goes_on and (known.end_us is None or rest[0].begin_us < known.end_us):
        rest[0] = rest[0]._replace(
            begin_us=known.begin_us, earliest_us=known.earliest_us, zone=known.zone, device=known.device
        )
    return rest


def _one_at_a_time(spans: Sequence[Span]) -> Iterator[Span]:
    ordered = sorted(spans, key=lambda span: (span.from_us, span.device))
    for span, following in zip_longest(ordered, ordered[1:]):
        until_us = None if following is None else following.from_us
        if until_us is None or (span.until_us is not None and span.until_us <= until_us):
            yield span
        else:
            yield span._replace(until_us=until_us)


def _holds(span: Span, at_us: int) -> bool:
    return span.from_us <= at_us and (span.until_us is None or at_us < span.until_us)


def _turns(facts: Sequence[BayFact], span: Span, as_of_us: int | None) -> Iterator[_Turn]:
    """Where the state turns, and may turn to what it is already."""
    newest_us = facts[-1].at_us
    horizon_us = newest_us if as_of_us is None else max(newest_us, as_of_us)
    is_over = span.until_us is not None and span.until_us <= horizon_us
    end_us = span.until_us if is_over and span.until_us is not None else horizon_us
    for index, fact in enumerate(facts):
        zone, device = fact.zone, fact.device
        stop_us = facts[index + 1].at_us if index + 1 < len(facts) else end_us
        by = _by(fact.held_since_us, fact.held_earliest_us)
        yield _Turn(fact.held_since_us, fact.held, fact.held_earliest_us, by, zone, device)
        if fact.settles_us is not None and fact.settles_us <= min(stop_us, fact.silent_us):
            by = _by(fact.since_us, fact.earliest_us)
            yield _Turn(fact.since_us, fact.occupied, fact.earliest_us, by, zone, device)
        if fact.silent_us <= stop_us:
            yield _Turn(fact.silent_us, None, fact.at_us, SILENCE, zone, device)
    if is_over:
        yield _Turn(end_us, None, newest_us, UNASSIGNED, facts[-1].zone, span.device)


def _by(since_us: int, earliest_us: int | None) -> str:
    """Who told of a change: the frame that came with it, or a later one that found it missed."""
    return SENSOR if earliest_us == since_us else HEARTBEAT


def _joined(turns: list[_Turn], following: list[_Turn], last: BayFact | None) -> list[_Turn]:
    """What a successor says behind what its predecessor left: the same phase, where it finds what was there."""
    left = turns[-1]
    first = next((turn for turn in following if turn.state is not None), None)
    stood = turns[-2].state if len(turns) > 1 else None
    if first is not None and last is not None and first.state == stood and first.at_us < last.silent_us:
        turns.pop()
        return following[following.index(first) :]
    turns[-1] = left._replace(by=REPLACED)
    return following


def _between(turns: Sequence[_Turn]) -> Iterator[Phase]:
    for index, turn in enumerate(turns):
        if turn.state is None:
            continue
        following = turns[index + 1] if index + 1 < len(turns) else None
        yield Phase(
            turn.at_us,
            turn.zone,
            turn.device,
            turn.state,
            turn.earliest_us,
            None if following is None else following.at_us,
            None if following is None else following.earliest_us,
            None if following is None else following.by,
        )
