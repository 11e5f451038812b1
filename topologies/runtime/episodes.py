"""Finds in a stretch of facts from when to when something was wrong; pure.

An episode is a condition that lasted long enough. When it opens, when it is over and when it is told are functions of
the facts and of how far time has come, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple

from pipeline.city.model import Maintenance
from pipeline.core.identity import Id
from topologies.runtime.alarms import NONE, Alarm
from topologies.runtime.model import F, Logic, Opened, Place, Rule
from topologies.runtime.places import Places

NEVER_US: Final = -1


class Window(NamedTuple, Generic[F]):
    """A stretch of a device's facts up to its newest one, and what was known before."""

    facts: Sequence[F]
    """The first is the last one that nothing has changed, where there is one."""
    begins_us: int
    """Episodes that were over by then are not looked at."""
    known_us: int
    """The newest fact's time before this batch; -1 where there was none."""
    as_of_us: int | None
    rules: Collection[str]
    """Those that may have something to say, by these facts or by what they were before."""

    @property
    def horizon_us(self) -> int:
        """How far time has come."""
        newest_us = self.facts[-1].observed_at_us
        return newest_us if self.as_of_us is None else max(newest_us, self.as_of_us)


class Episode(NamedTuple):
    """From when to when something was wrong."""

    site: str
    since_us: int
    opens_us: int
    """When it had lasted long enough."""
    ended_us: int | None
    """When its condition ended; None while it is on."""
    resolved_us: int | None
    """The same, but None as long as a return would be the same alert."""
    settled_us: int
    """When that was certain."""
    tells_us: int
    """When people hear of it: when it opens, or when the maintenance or the cause is over that keeps it quiet."""
    opened_event: Id
    """The last frame before it opened."""
    opened: Opened
    site_class: str = ""
    """Of the site when it opened."""
    is_earlier: bool = False
    """It opened before the window: then `opened` and `site_class` are only the best that the window knows."""
    cause: Id | None = None
    """The alert that explains it; then it is told when that no longer does (`tells_us`)."""

    def is_silent(self, horizon_us: int) -> bool:
        """Whether it is not told: until what keeps it from that is over, or for ever where it ends before."""
        if horizon_us < self.tells_us:
            return True
        return self.tells_us > self.opens_us and self.ended_us is not None and self.ended_us <= self.tells_us


@dataclass(slots=True)
class _Running(Generic[F]):
    alarm: Alarm
    place: Place
    fact: F
    """The last one before it opens."""
    is_earlier: bool


def begins_us(window: Window[F], logic: Logic[Any, F, Any], rule: str) -> int:
    """From when on a rule's stored alerts are needed.

    One that has ended, but whose return would be the same alert, may be stored as over before the window begins.
    """
    if window.begins_us == NEVER_US:
        return NEVER_US
    for alarm in logic.alarms(window.facts[0]):
        if alarm.rule == rule and alarm.ended_us is not None:
            return min(window.begins_us, alarm.ended_us - 1)
    return window.begins_us


def episodes(
    logic: Logic[Any, F, Any],
    window: Window[F],
    places: Places,
    rules: Mapping[str, Rule],
    maintenance: Maintenance,
) -> dict[str, list[Episode]]:
    """The episodes in a window by rule, each in order."""
    found: dict[str, list[Episode]] = {}
    running: dict[str, _Running[F]] = {}
    horizon_us = window.horizon_us

    def close(rule: str, end_us: int | None, *, certain: bool) -> None:
        run = running.pop(rule)
        alarm = run.alarm
        ended_us = end_us if alarm.ended_us is None else alarm.ended_us
        if (horizon_us if ended_us is None else ended_us) < alarm.opens_us:
            return
        resolved_us = ended_us if certain or (alarm.over_us is not None and horizon_us >= alarm.over_us) else None
        place = run.place
        found.setdefault(rule, []).append(
            Episode(
                site=place.site,
                since_us=alarm.since_us,
                opens_us=alarm.opens_us,
                ended_us=ended_us,
                resolved_us=resolved_us,
                settled_us=alarm.over_us or ended_us or horizon_us,
                tells_us=maintenance.after(place.group, place.site, alarm.opens_us),
                opened_event=run.fact.event_id,
                opened=logic.opened(rules[rule], run.fact, place),
                site_class=place.site_class,
                is_earlier=run.is_earlier,
            )
        )

    place: Place | None = None
    for index, fact in enumerate(window.facts):
        at_us = fact.observed_at_us
        here = places.at(fact.device, at_us)
        if running and place is not None and not same_assignment(place, here):
            for rule in list(running):
                close(rule, place.until_us or at_us, certain=True)
        place = here
        now = {alarm.rule: alarm for alarm in (NONE if here is None else logic.alarms(fact)) if alarm.rule in rules}
        for rule in list(running):
            if rule not in now or now[rule].since_us != running[rule].alarm.since_us:
                close(rule, at_us, certain=True)
        for rule, alarm in now.items():
            run = running.get(rule)
            if run is None:
                assert here is not None, "there is no alarm without a place"  # noqa: S101  # for the type checker
                running[rule] = _Running(alarm, here, fact, index == 0 and alarm.opens_us < at_us)
            else:
                run.alarm = alarm
                if at_us <= alarm.opens_us and here is not None:
                    run.fact, run.place = fact, here
    end_us = None if place is None else place.until_us
    if end_us is not None and (window.as_of_us is None or end_us > window.as_of_us):
        end_us = None
    for rule in list(running):
        close(rule, end_us, certain=end_us is not None)
    return found


def same_assignment(one: Place | None, other: Place | None) -> bool:
    """Whether two places are one site in one assignment, be it in different versions."""
    if one is None or other is None:
        return one is other
    return one.since_us == other.since_us and one.site == other.site
