"""A device's day in numbers: what came, what came twice, what did not come; pure.

Frame counters are the device's own word of what it sent, so they tell losses on the air from losses of ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import median
from typing import Final, NamedTuple

from pipeline.core.clock import MINUTE_US

MOST_GAP: Final = 16_384
"""A larger step of the counter is no gap (MAX_FCNT_GAP, LoRaWAN 1.0.3, 4.3.1.5): it begins anew."""
DISORDER_US: Final = MINUTE_US
"""Frames may overtake one another by so much."""
FEWEST_POINTS: Final = 7
_MOST_POINTS: Final = 30
_MOST_DAYS_LEFT: Final = 3650.0


class Event(NamedTuple):
    """An uplink or a join, as the table `frame` has it."""

    at_us: int
    event: str
    verdict: str
    dev_addr: str
    f_cnt: int


class Session(NamedTuple):
    """A session's part of a day."""

    begins_us: int
    begun_by: str
    dev_addr: str
    first_f_cnt: int
    last_f_cnt: int
    received: int
    copies: int
    missing: int


class Account(NamedTuple):
    """A device's day."""

    received: int
    accepted: int
    no_payload: int
    ignored: int
    rejected: int
    copies: int
    joins: int
    resets: int
    missing: int
    sessions: tuple[Session, ...]


class _Book:
    """Follows a device's counter from event to event."""

    def __init__(self) -> None:
        self.last: Event | None = None
        self.joined = False
        self.gap: tuple[int, int, int] | None = None
        """The last one: from, to, when."""

    def begins(self, event: Event) -> str:
        """How the session of an uplink came to be; empty where it goes on."""
        last = self.last
        if last is None:
            return "first"
        if self.joined:
            return "join"
        if event.dev_addr != last.dev_addr:
            return "address"
        return "reset" if event.f_cnt < last.f_cnt or event.f_cnt - last.f_cnt > MOST_GAP else ""

    def overtaken(self, event: Event) -> bool:
        """Whether an uplink fills the last gap: a later one overtook it."""
        last = self.last
        if last is None or self.gap is None or self.joined or event.dev_addr != last.dev_addr:
            return False
        low, high, at_us = self.gap
        return low <= event.f_cnt <= high and event.at_us - at_us <= DISORDER_US

    def repeats(self, event: Event) -> bool:
        """Whether its counter is the last one again."""
        last = self.last
        return last is not None and not self.joined and (event.dev_addr, event.f_cnt) == (last.dev_addr, last.f_cnt)

    def missing(self, event: Event, begun_by: str) -> int:
        """How many counters are missing before an uplink. A session begins at 0; of the first one nothing is known."""
        if begun_by == "first" or self.last is None:
            return 0
        first = 0 if begun_by else self.last.f_cnt + 1
        count = event.f_cnt - first
        return count if count <= MOST_GAP else 0

    def turn(self, event: Event, missing: int) -> None:
        """Go on to an uplink."""
        self.gap = (event.f_cnt - missing, event.f_cnt - 1, event.at_us) if missing else None
        self.last, self.joined = event, False


def account(earlier: Iterable[Event], events: Iterable[Event]) -> Account:
    """Count a device's day.

    Args:
        earlier: the last uplink before the day, and a join after it, in order of time.
        events: of the day, in order of time.
    """
    book = _Book()
    for event in earlier:
        if event.event == "join":
            book.joined = True
        else:
            book.turn(event, 0)
    verdicts: Counter[str] = Counter()
    joins = resets = 0
    sessions: list[Session] = []
    for event in events:
        if event.event == "join":
            joins += 1
            book.joined = True
            continue
        verdicts[event.verdict] += 1
        if event.verdict == "duplicate" or book.repeats(event):
            if sessions:
                sessions[-1] = sessions[-1]._replace(copies=sessions[-1].copies + 1)
            continue
        if book.overtaken(event) and sessions:
            mine = sessions[-1]
            sessions[-1] = mine._replace(received=mine.received + 1, missing=mine.missing - 1)
            continue
        begun_by = book.begins(event)
        missing = book.missing(event, begun_by)
        resets += begun_by == "reset"
        if begun_by or not sessions:
            first = event.f_cnt
            sessions.append(Session(event.at_us, begun_by or "goes_on", event.dev_addr, first, first, 1, 0, missing))
        else:
            mine = sessions[-1]
            sessions[-1] = mine._replace(
                last_f_cnt=event.f_cnt, received=mine.received + 1, missing=mine.missing + missing
            )
        book.turn(event, missing)
    copies = verdicts.pop("duplicate", 0)
    return Account(
        received=verdicts.total(),
        accepted=verdicts["accepted"],
        no_payload=verdicts["no_payload"],
        ignored=verdicts["ignored"],
        rejected=verdicts["rejected"],
        copies=copies,
        joins=joins,
        resets=resets,
        missing=sum(session.missing for session in sessions),
        sessions=tuple(sessions),
    )


def battery_days_left(points: Sequence[tuple[float, float]]) -> float | None:
    """Days until a battery is empty; None where it does not fall, or too little is known.

    The rate is the median of the slopes between all points (Theil and Sen: P. K. Sen, Estimates of the Regression
    Coefficient Based on Kendall's Tau, JASA 63, 1968).

    Args:
        points: day and charge, 0..1, in order of time.
    """
    if len(points) < FEWEST_POINTS:
        return None
    step = -(-len(points) // _MOST_POINTS)
    points = points[::-1][::step][::-1]
    rate = median((late[1] - early[1]) / (late[0] - early[0]) for early, late in combinations(points, 2))
    if rate >= 0:
        return None
    days = points[-1][1] / -rate
    return round(days, 1) if days <= _MOST_DAYS_LEFT else None


def runs(days: Sequence[tuple[int, bool | None]]) -> list[tuple[int, int | None]]:
    """From when to when something was so, from days in order: begin, and whether it was; None: nothing is known."""
    found: list[tuple[int, int | None]] = []
    for at_us, is_so in days:
        is_on = bool(found) and found[-1][1] is None
        if is_so and not is_on:
            found.append((at_us, None))
        elif is_so is False and is_on:
            found[-1] = (found[-1][0], at_us)
    return found
