"""Alerts as episodes: what is wrong from when to when, as a function of the facts; and how that meets what is stored.

An episode is found in the facts each time anew. The alert is the row that was stored for it: it keeps its id and its
acknowledgement while late data move its ends, and its subscribers are told only of what changes now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from pipeline.core.identity import Id, derived_id
from pipeline.core.topics import INTERNAL
from topologies.runtime.episodes import Episode
from topologies.runtime.model import Opened, Rule

OPEN: Final = "open"
UPDATED: Final = "updated"
RESOLVED: Final = "resolved"


class Alert(NamedTuple):
    """A row of the table `alert`, without what topologies do not touch."""

    id: Id
    rule: str
    subject: str
    site: str
    device: str
    since_us: int
    resolved_us: int | None
    opened_event: Id
    value: float | None
    limit: float | None
    retrospective: bool
    silenced: bool
    message_de: str
    message_en: str
    alert_class: str = INTERNAL
    """`internal` or `personal`: who may read of it."""
    cause: Id | None = None
    """The alert that explains this one: as long as that is so, nobody is told."""

    @property
    def status(self) -> str:
        """`open` or `resolved`."""
        return OPEN if self.resolved_us is None else RESOLVED

    @property
    def is_told(self) -> bool:
        """Whether anybody has heard of it."""
        return not (self.retrospective or self.silenced)

    @property
    def said(self) -> tuple[object, ...]:
        """What people were told of it, if they were: another one is news to them."""
        return self.since_us, self.resolved_us, self.value, self.limit, self.message_de, self.message_en


class Told(NamedTuple):
    """An event for subscribers."""

    kind: str
    """`open`, `updated` or `resolved`."""
    alert: Alert
    withdrawn: bool = False
    at_us: int = 0
    """When it was due: the order of telling."""


class Reconciled(NamedTuple):
    """What has to be written."""

    stored: list[Alert]
    """New or changed."""
    deleted: list[Id]
    told: list[Told]


class Stretch(NamedTuple):
    """What was found of a rule and a device in a window, and what is stored of them."""

    rule: Rule
    device: str
    found: Sequence[Episode]
    stored: Sequence[Alert]
    """Those that were not over when the window begins."""
    known_us: int
    """The newest fact's time before this batch. What was over by then is news to nobody."""
    horizon_us: int
    """How far time has come."""


def by_rule_and_device(alerts: Iterable[Alert]) -> Mapping[tuple[str, str], Sequence[Alert]]:
    """The alerts of each rule and device that has any."""
    found: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        found.setdefault((alert.rule, alert.device), []).append(alert)
    return found


class Ids(Protocol):
    """Knows which ids alerts have."""

    async def taken(self, ids: Collection[Id]) -> Collection[Id]:
        """Those of them that a stored alert has."""
        ...


async def reconcile_all(stretches: Sequence[Stretch], alerts: Ids) -> Reconciled:
    """Give each episode of several stretches its alert.

    An alert keeps its id while its ends move: one that lies outside of a stretch by now may have been opened by a
    frame that opens another one in it. So it is asked which ids are free.
    """
    known = frozenset(alert.id for stretch in stretches for alert in stretch.stored)
    taken: set[Id] = set()
    while True:
        outcome = Reconciled([], [], [])
        for stretch in stretches:
            one = reconcile(stretch, taken)
            outcome.stored.extend(one.stored)
            outcome.deleted.extend(one.deleted)
            outcome.told.extend(one.told)
        new = {alert.id for alert in outcome.stored} - known
        others = await alerts.taken(new) if new else ()
        if not others:
            return outcome
        taken.update(others)


def reconcile(stretch: Stretch, taken: Collection[Id] = ()) -> Reconciled:
    """Give each episode its alert.

    Args:
        stretch: episodes and alerts.
        taken: ids that alerts outside of the stretch have.
    """
    rule, device, found, stored, known_us, horizon_us = stretch
    ids = {*taken, *(alert.id for alert in stored)}
    outcome = Reconciled([], [], [])
    pairs, left = _paired([_with_opening(episode, stored) for episode in found], stored)
    for gone in left:
        outcome.deleted.append(gone.id)
        if gone.is_told:
            outcome.told.append(Told(RESOLVED, gone, withdrawn=True, at_us=horizon_us))
    for episode, before in pairs:
        was_told = before is not None and before.is_told
        past = episode.ended_us is not None and episode.ended_us <= known_us
        retrospective = past and (before is None or before.retrospective)
        silenced = episode.is_silent(horizon_us) and not was_told
        if before is None:
            identity = _free_id(rule, episode, ids)
            ids.add(identity)
            after = _new_alert(identity, rule, device, episode)
        else:
            after = _moved(rule, before, episode)
        after = after._replace(retrospective=retrospective, silenced=silenced, cause=episode.cause)
        if after != before:
            outcome.stored.append(after)
        if after.is_told:
            outcome.told.extend(_news(before if was_told else None, after, episode, horizon_us))
    return outcome


def _news(before: Alert | None, after: Alert, episode: Episode, horizon_us: int) -> Iterator[Told]:
    """What subscribers have to hear of an alert.

    Args:
        before: as they know it; None where nobody has heard of it.
        after: as it is now.
        episode: from which it is.
        horizon_us: how far time has come.
    """
    was_open = before is not None and before.resolved_us is None
    if before is None or (not was_open and after.resolved_us is None):
        yield Told(OPEN, after, at_us=episode.tells_us)
    if after.resolved_us is not None and (before is None or was_open):
        yield Told(RESOLVED, after, at_us=episode.settled_us)
    # Whoever hears that it opens again or is over hears with it what else is new.
    if before is not None and before.status == after.status and before.said != after.said:
        yield Told(UPDATED, after, at_us=horizon_us)


def _paired(
    found: Sequence[Episode], stored: Sequence[Alert]
) -> tuple[list[tuple[Episode, Alert | None]], list[Alert]]:
    """Each episode with the alert that goes on in it, and the alerts that are left."""
    left = sorted(stored, key=lambda alert: alert.since_us)
    pairs: list[tuple[Episode, Alert | None]] = [(episode, None) for episode in found]
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
    return pairs, left


def _with_opening(episode: Episode, stored: Sequence[Alert]) -> Episode:
    """The episode with what opened it: where it opened before the window, the alert of that opening knows.

    That alert may itself go on in another episode by now: late data cut one in two, or made one of two.
    """
    if not episode.is_earlier:
        return episode
    for alert in stored:
        if (alert.site, alert.since_us) == (episode.site, episode.since_us):
            return episode._replace(
                is_earlier=False,
                opened=Opened(alert.value, alert.limit, alert.message_de, alert.message_en),
                opened_event=alert.opened_event,
                site_class=alert.alert_class,
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


def _new_alert(identity: Id, rule: Rule, device: str, episode: Episode) -> Alert:
    return Alert(
        id=identity,
        rule=rule.name,
        subject=episode.site,
        site=episode.site,
        device=device,
        since_us=episode.since_us,
        resolved_us=episode.resolved_us,
        opened_event=episode.opened_event,
        value=episode.opened.value,
        limit=episode.opened.limit,
        retrospective=False,
        silenced=False,
        message_de=episode.opened.message_de,
        message_en=episode.opened.message_en,
        alert_class=rule.class_at(episode.site_class),
    )


def _moved(rule: Rule, alert: Alert, episode: Episode) -> Alert:
    after = alert._replace(since_us=episode.since_us, resolved_us=episode.resolved_us)
    if episode.is_earlier:
        return after
    opened = episode.opened
    return after._replace(
        value=opened.value,
        limit=opened.limit,
        message_de=opened.message_de,
        message_en=opened.message_en,
        alert_class=rule.class_at(episode.site_class),
    )
