"""Changes of alerts as they come from the topics, and who is to be told of each; pure.

The event is read for no more than what decides and what a mail says: fields that are added to it pass through to the
webhooks, which get the event as it was on the topic.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from pipeline.core.channels import Channel
from pipeline.core.errors import Reason, Reject
from pipeline.core.identity import Id, derived_id
from pipeline.core.model import Record
from pipeline.core.topics import is_personal

UPDATED: Final = "updated"
_TYPE: Final = re.compile(r"de\.silkstream\.alert\.([a-z_]{1,40})\.v1")
_MOST_SEQUENCE: Final = 2**63 - 1
_MOST_SUBJECT: Final = 500


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of an event's `data`."""

    alert: UUID
    rule: str
    family: str
    severity: str
    since: datetime
    message: dict[str, str]
    site: str = ""
    device: str = ""
    value: float | None = None
    limit: float | None = None
    resolved_at: datetime | None = None
    withdrawn: bool = False
    retrospective: bool = False
    acknowledged_by: str | None = None
    note: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of an alert's CloudEvent."""

    id: str
    type: str
    subject: str
    sequence: str
    data: Data


_DECODER: Final = msgspec.json.Decoder(Event)


class Change(NamedTuple):
    """Something that happened to an alert."""

    topic: str
    published_ms: int
    """When the relay sent it."""
    sequence: int
    kind: str
    """`opened`, `updated`, `acknowledged`, `resolved`: as in the event's type."""
    event: Event
    text: str
    """The event as it was."""


class Notification(NamedTuple):
    """What one channel has to tell."""

    id: Id
    channel: str
    change: Change


class Decided(NamedTuple):
    """What follows from some changes."""

    notifications: list[Notification]
    heard: dict[tuple[str, str], int]
    """The highest sequence of each topic and subject that moved."""
    told_of: int
    """Changes that somebody is told of."""
    discarded: Counter[str]


def read_event(text: str | bytes) -> Event:
    """Read an event.

    Raises:
        ValueError: it is no alert's CloudEvent.
    """
    return _DECODER.decode(text)


def kind_of(event: Event) -> str | None:
    """What happened, from the event's type; None where it is of no type or version that is known here."""
    found = _TYPE.fullmatch(event.type)
    return found[1] if found else None


def read_change(record: Record) -> Change:
    """The change that a record of an alert topic tells of.

    Raises:
        Reject: it tells of none.
    """
    try:
        event = read_event(record.value or b"")
        text = (record.value or b"").decode()
    except ValueError as wrong:
        raise Reject(Reason.RECORD_UNREADABLE, str(wrong)) from wrong
    kind = kind_of(event)
    if kind is None:
        raise Reject(Reason.RECORD_UNREADABLE, f"type {event.type!r} is no change of an alert")
    number = int(event.sequence) if re.fullmatch(r"[0-9]{1,19}", event.sequence) else 0
    if not 0 < number <= _MOST_SEQUENCE:
        raise Reject(Reason.RECORD_UNREADABLE, f"sequence {event.sequence!r} counts nothing")
    if not 0 < len(event.subject) <= _MOST_SUBJECT or "\x00" in event.subject:
        raise Reject(Reason.RECORD_UNREADABLE, "its subject is none")
    if event.data.since.tzinfo is None or (event.data.resolved_at or event.data.since).tzinfo is None:
        raise Reject(Reason.RECORD_UNREADABLE, "its times name no time zone")
    return Change(record.topic, record.timestamp, number, kind, event, text)


def decide(
    changes: Sequence[Change],
    channels: Mapping[str, Channel],
    heard: Mapping[tuple[str, str], int],
    *,
    oldest_ms: int,
) -> Decided:
    """Who is to be told of what.

    Args:
        changes: in the order of their partition.
        channels: by name.
        heard: the highest sequence of each topic and subject so far, where there is one.
        oldest_ms: what was published before then is not told any more.
    """
    decided = Decided([], {}, 0, Counter())
    told_of = 0
    for change in changes:
        event = change.event
        place = (change.topic, event.subject)
        if change.sequence <= decided.heard.get(place, heard.get(place, 0)):
            decided.discarded["repeated"] += 1
            continue
        decided.heard[place] = change.sequence
        if event.data.retrospective:
            decided.discarded["retrospective"] += 1
            continue
        if change.published_ms < oldest_ms:
            decided.discarded["too_old"] += 1
            continue
        data = event.data
        wanting = [
            name
            for name, channel in sorted(channels.items())
            if channel.wants(
                family=data.family, severity=data.severity, rule=data.rule, personal=is_personal(change.topic)
            )
            and (channel.updates or change.kind != UPDATED)
        ]
        if not wanting:
            decided.discarded["filtered"] += 1
            continue
        told_of += 1
        decided.notifications.extend(
            Notification(derived_id("notification", change.topic, event.id, name), name, change) for name in wanting
        )
    return decided._replace(told_of=told_of)
