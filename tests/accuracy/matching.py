"""What was found against what was true: which belongs to which, and what that says in figures. Pure.

Times are microseconds since 1970. A thing found belongs to a true one of the same subject when it begins within a
tolerance of it; one belongs to one, so that a stay told as two is one that is right and one too many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline.core.clock import MINUTE_US, from_us
from pipeline.simulator import CityPlan, Device
from pipeline.simulator.breakdowns import death_us

FOR_EVER_US: Final = 1 << 62
_SHOWN: Final = 10


class Span(NamedTuple):
    """Something that lasted, true or found; `until_us` None: it is still so."""

    subject: str
    from_us: int
    until_us: int | None = None
    amount: float | None = None


class Window(NamedTuple):
    """The time within which spans begin that are judged: what began before is not known well enough, and what begins
    just before the end cannot have been found yet.
    """

    from_us: int
    until_us: int

    def holds(self, at_us: int) -> bool:
        """Whether a time lies in it."""
        return self.from_us <= at_us < self.until_us


class Tolerance(NamedTuple):
    """How far before and behind the true beginning the one that is found may lie."""

    before_us: int
    after_us: int


@dataclass(frozen=True, slots=True)
class Pairing:
    """True and found spans that belong together, and those of either side that are alone."""

    pairs: Sequence[tuple[Span, Span]]
    missed: Sequence[Span]
    extra: Sequence[Span]


class Spread(NamedTuple):
    """How large numbers are: how many, their mean, and what 95 of 100 do not exceed."""

    values: int
    mean: float
    p95: float


class Score(NamedTuple):
    """How well the events of one kind were found. A share without anything to count is None."""

    name: str
    true: int
    found: int
    right: int
    precision: float | None
    recall: float | None
    delay_minutes: Spread | None
    """From when it began to when it is said to have begun, without its sign."""
    missed: tuple[str, ...]
    extra: tuple[str, ...]
    """Some of what was missed, and of what is too much: subject and time."""


class Error(NamedTuple):
    """How far a figure is from the true one: the sizes of the differences, and their mean with its sign."""

    name: str
    unit: str
    size: Spread
    bias: float


class Section(NamedTuple):
    """What is said of one topology."""

    topology: str
    scores: tuple[Score, ...]
    errors: tuple[Error, ...]


def pair(true: Iterable[Span], found: Iterable[Span], tolerance: Tolerance) -> Pairing:
    """Pair spans in the order of time, each one that is found with the nearest that no other one is nearer to."""
    mine, theirs = _by_subject(true), _by_subject(found)
    pairs: list[tuple[Span, Span]] = []
    missed: list[Span] = []
    extra: list[Span] = []
    for subject in sorted(mine.keys() | theirs.keys()):
        waiting, candidates = mine.get(subject, []), theirs.get(subject, [])
        place = 0
        for number, candidate in enumerate(candidates):
            following = candidates[number + 1] if number + 1 < len(candidates) else None
            while place < len(waiting) and (
                waiting[place].from_us + tolerance.after_us < candidate.from_us
                or _belongs_to_next(waiting[place : place + 2], candidate, following, tolerance)
            ):
                missed.append(waiting[place])
                place += 1
            if place < len(waiting) and candidate.from_us >= waiting[place].from_us - tolerance.before_us:
                pairs.append((waiting[place], candidate))
                place += 1
            else:
                extra.append(candidate)
        missed += waiting[place:]
    return Pairing(pairs, missed, extra)


def _belongs_to_next(waiting: Sequence[Span], candidate: Span, following: Span | None, tolerance: Tolerance) -> bool:
    """Whether it is nearer to the second of two true ones, and what is found next is not."""
    if len(waiting) < 2 or candidate.from_us < waiting[1].from_us - tolerance.before_us:
        return False
    first, second = (abs(each.from_us - candidate.from_us) for each in waiting)
    return second < first and (following is None or abs(waiting[1].from_us - following.from_us) >= second)


def _by_subject(spans: Iterable[Span]) -> dict[str, list[Span]]:
    sorted_out: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.from_us):
        sorted_out[span.subject].append(span)
    return sorted_out


def judged(pairing: Pairing, window: Window) -> Pairing:
    """The part of it that began in the window: pairs and missed ones in truth, others as they were found."""
    return Pairing(
        [(true, found) for true, found in pairing.pairs if window.holds(true.from_us)],
        [true for true in pairing.missed if window.holds(true.from_us)],
        [found for found in pairing.extra if window.holds(found.from_us)],
    )


def score(name: str, pairing: Pairing) -> Score:
    """What a pairing says in figures."""
    right, missed, extra = len(pairing.pairs), len(pairing.missed), len(pairing.extra)
    delays = [abs(found.from_us - true.from_us) / MINUTE_US for true, found in pairing.pairs]
    return Score(
        name=name,
        true=right + missed,
        found=right + extra,
        right=right,
        precision=right / (right + extra) if right + extra else None,
        recall=right / (right + missed) if right + missed else None,
        delay_minutes=spread(delays),
        missed=_some(pairing.missed),
        extra=_some(pairing.extra),
    )


def _some(spans: Sequence[Span]) -> tuple[str, ...]:
    return tuple(f"{span.subject} {from_us(span.from_us):%Y-%m-%dT%H:%M:%SZ}" for span in spans[:_SHOWN])


def error(name: str, unit: str, differences: Sequence[float]) -> Error | None:
    """What differences (found less true) say; None without any."""
    size = spread([abs(each) for each in differences])
    return None if size is None else Error(name, unit, size, sum(differences) / len(differences))


def spread(numbers: Sequence[float]) -> Spread | None:
    """Mean and 95th percentile (nearest rank) of numbers; None of none."""
    if not numbers:
        return None
    ordered = sorted(numbers)
    rank = max(0, -(-95 * len(ordered) // 100) - 1)
    return Spread(len(ordered), sum(ordered) / len(ordered), ordered[rank])


def while_alive(spans: Iterable[Span], deaths: Mapping[str, int]) -> list[Span]:
    """Those that begin before their subject's device has died: what nobody measures nobody finds."""
    return [span for span in spans if span.from_us < deaths.get(span.subject, FOR_EVER_US)]


def deaths_of(plan: CityPlan, city: Iterable[Device]) -> dict[str, int]:
    """When the devices of sites died, of those that did."""
    died = {device.site: death_us(plan, device) for device in city}
    return {site: at for site, at in died.items() if at is not None}


def present(errors: Iterable[Error | None]) -> tuple[Error, ...]:
    """Those that there are."""
    return tuple(each for each in errors if each is not None)


def spans_above(course: Iterable[tuple[int, float]], subject: str, *, on: float, off: float) -> list[Span]:
    """When a figure, by its values in order, was at or above `on`, until it was below `off`."""
    spans: list[Span] = []
    since: int | None = None
    for at, value in course:
        if since is None and value >= on:
            since = at
        elif since is not None and value < off:
            spans.append(Span(subject, since, at))
            since = None
    return spans if since is None else [*spans, Span(subject, since, None)]
