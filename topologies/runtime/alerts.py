"""Alerts as episodes: what is wrong from when to when, as a function of the facts; and how that meets what is stored.

An episode is found in the facts each time anew. The alert is the row that was stored for it: it keeps its id and its
acknowledgement while late data moves its ends, and its subscribers are told only of what changes now.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, Generic, NamedTuple
from uuid import UUID

from pipeline.core.identity import Id, derived_id
from topologies.runtime.model import F, Logic, Opened, Place, Rule
from topologies.runtime.places import Places

OPEN: Final = "open"
RESOLVED: Final = "resolved"


class Window(NamedTuple, Generic[F]):
    """A stretch of a device's facts up to its newest one, and what was known before."""

    facts: Sequence[F]
    """The first is the last one that nothing has changed, where there is one."""
    begins_us: int
    """Episodes that were over by then are not looked at."""
    known_us: int
    """The newest fact's time before this batch; -1 where there was none."""
    as_of_us: int | None


class Episode(NamedTuple):
    """From when to when something was wrong."""

    site: str
    since_us: int
    resolved_us: int | None
    opened_event: Id
    opened: Opened | None
    """None where it began before the window."""


class Alert(NamedTuple):
    """A row of the table `alert`, without what topologies do not touch."""

    id: Id
    subject: str
    site: str
    device: str
    since_us: int
    resolved_us: int | None
    opened_event: Id
    value: float | None
    limit: float | None
    retrospective: bool
    message_de: str
    message_en: str

    @property
    def status(self) -> str:
        """`open` or `resolved`."""
        return OPEN if self.resolved_us is None else RESOLVED


class Told(NamedTuple):
    """An event for subscribers."""

    kind: str
    alert: Alert
    withdrawn: bool = False


class Reconciled(NamedTuple):
    """What has to be written."""

    stored: list[Alert]
    """New or changed."""
    deleted: list[Id]
    told: list[Told]


def episodes(logic: Logic[Any, F, Any], window: Window[F], places: Places) -> list[Episode]:
    """The episodes in a window, in order."""
    found: list[Episode] = []
    open_place: Place | None = None
    running: Episode | None = None
    for index, fact in enumerate(window.facts):
        place = places.at(fact.device, fact.observed_at_us)
        if running is not None and open_place is not None and not _same(open_place, place):
            found.append(running._replace(resolved_us=open_place.until_us or fact.observed_at_us))
            running = None
        if not logic.raised(fact):
            if running is not None:
                found.append(running._replace(resolved_us=fact.observed_at_us))
                running = None
        elif running is None and place is not None:
            since_us = fact.observed_at_us if fact.since_us is None else fact.since_us
            earlier = index == 0 and since_us < fact.observed_at_us
            opened = None if earlier else logic.opened(fact, place)
            running, open_place = Episode(place.site, since_us, None, fact.event_id, opened), place
    if running is not None and open_place is not None:
        end_us = open_place.until_us
        if end_us is not None and window.as_of_us is not None and end_us <= window.as_of_us:
            running = running._replace(resolved_us=end_us)
        found.append(running)
    return found


def _same(one: Place, other: Place | None) -> bool:
    return other is not None and (one.site, one.since_us) == (other.site, other.since_us)


def reconcile(
    rule: Rule,
    device: str,
    *,
    found: Sequence[Episode],
    stored: Sequence[Alert],
    known_us: int,
    taken: Collection[Id] = (),
) -> Reconciled:
    """Give each episode its alert.

    Args:
        rule: whose alerts these are.
        device: whose.
        found: the episodes of a window.
        stored: the device's alerts that were not over when the window begins.
        known_us: the newest fact's time before this batch. What was over by then is news to nobody.
        taken: ids that are other alerts' already.
    """
    ids = {*taken, *(alert.id for alert in stored)}
    left = sorted(stored, key=lambda alert: alert.since_us)
    outcome = Reconciled([], [], [])
    pairs: list[tuple[Episode, Alert | None]] = [(_with_opening(episode, stored), None) for episode in found]
    # The alert that people see as open now goes on in the episode that is.
    for index, (episode, _) in enumerate(pairs):
        if episode.resolved_us is None:
            mine = next((a for a in left if a.resolved_us is None and a.site == episode.site), None)
            if mine is not None:
                left.remove(mine)
                pairs[index] = (episode, mine)
    for index, (episode, found_already) in enumerate(pairs):
        if found_already is None:
            mine = next((a for a in left if a.site == episode.site and _overlap(a, episode)), None)
            if mine is not None:
                left.remove(mine)
                pairs[index] = (episode, mine)
    for gone in left:
        outcome.deleted.append(gone.id)
        if gone.resolved_us is None and not gone.retrospective:
            outcome.told.append(Told(RESOLVED, gone, withdrawn=True))
    for episode, before in pairs:
        past = episode.resolved_us is not None and episode.resolved_us <= known_us
        retrospective = past and (before is None or before.retrospective)
        if before is None:
            after = _new_alert(_free_id(rule, episode, ids), device, episode, retrospective=retrospective)
            ids.add(after.id)
        else:
            after = _moved(before, episode, retrospective=retrospective)
        if after != before:
            outcome.stored.append(after)
        if after.retrospective:
            continue
        was_open = before is not None and not before.retrospective and before.resolved_us is None
        was_told = before is not None and not before.retrospective
        if after.resolved_us is None and not was_open:
            outcome.told.append(Told(OPEN, after))
        elif after.resolved_us is not None and was_open:
            outcome.told.append(Told(RESOLVED, after))
        elif after.resolved_us is not None and not was_told:
            outcome.told.extend((Told(OPEN, after), Told(RESOLVED, after)))
    return outcome


def _with_opening(episode: Episode, stored: Sequence[Alert]) -> Episode:
    """The episode with what opened it: where it began before the window, the alert of that beginning knows.

    That alert may itself go on in another episode by now: late data cut one in two, or made one of two.
    """
    if episode.opened is not None:
        return episode
    for alert in stored:
        if (alert.site, alert.since_us) == (episode.site, episode.since_us):
            return episode._replace(
                opened=Opened(alert.value, alert.limit, alert.message_de, alert.message_en),
                opened_event=alert.opened_event,
            )
    return episode


def _overlap(alert: Alert, episode: Episode) -> bool:
    return (alert.resolved_us is None or alert.resolved_us > episode.since_us) and (
        episode.resolved_us is None or episode.resolved_us > alert.since_us
    )


def _free_id(rule: Rule, episode: Episode, taken: Collection[Id]) -> Id:
    """From the rule, the subject and the frame that opened it.

    That frame may have opened another one before, of which late data have cut this one off.
    """
    fields = [rule.name, episode.site, str(UUID(bytes=episode.opened_event))]
    found = derived_id("alert", *fields)
    cuts = 0
    while found in taken:
        cuts += 1
        found = derived_id("alert", *fields, str(cuts))
    return found


def _new_alert(identity: Id, device: str, episode: Episode, *, retrospective: bool) -> Alert:
    opened = episode.opened or Opened(None, None, "", "")
    return Alert(
        id=identity,
        subject=episode.site,
        site=episode.site,
        device=device,
        since_us=episode.since_us,
        resolved_us=episode.resolved_us,
        opened_event=episode.opened_event,
        value=opened.value,
        limit=opened.limit,
        retrospective=retrospective,
        message_de=opened.message_de,
        message_en=opened.message_en,
    )


def _moved(alert: Alert, episode: Episode, *, retrospective: bool) -> Alert:
    after = alert._replace(since_us=episode.since_us, resolved_us=episode.resolved_us, retrospective=retrospective)
    if episode.opened is None:
        return after
    opened = episode.opened
    return after._replace(
        value=opened.value, limit=opened.limit, message_de=opened.message_de, message_en=opened.message_en
    )
