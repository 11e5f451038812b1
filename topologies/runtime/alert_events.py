"""What subscribers are told of an alert: that it was opened, or changed, that somebody knows of it, that it is over.

One shape for all families and rules, so that a subscriber who knows one alert topic can read them all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Final, Generic, Literal, TypedDict, TypeVar
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from pipeline.core.clock import from_us
from pipeline.core.cloudevents import DevEuiText, EventData, Publication, Time, Uuid
from topologies.runtime.alerts import RESOLVED, UPDATED, Told
from topologies.runtime.model import Rule

Status = TypeVar("Status", bound=str)


class Sentence(Struct, frozen=True, kw_only=True):
    """What to tell people."""

    de: str
    en: str


class _Alert(EventData, Generic[Status], frozen=True, kw_only=True):
    alert: Annotated[Uuid, Meta(description="the alert, the same for its whole life")]
    rule: Annotated[str, Meta(description="which rule raised it: container_full")]
    family: str
    severity: Annotated[str, Meta(description="warning; others may come")]
    status: Status
    site: Annotated[str, Meta(description="where; also the event's subject")]
    device: DevEuiText
    since: Annotated[Time, Meta(description="when it began, as known now: late data may move it; RFC 3339, UTC")]
    opened_event: Annotated[
        Uuid,
        Meta(
            description="the frame that opened it first; where time did, the last before it. The condition began with "
            "the device's frame at `since`, where it is one that frames show"
        ),
    ]
    value: Annotated[float | None, Meta(description="what was measured when it began, in the unit of the rule")]
    limit: Annotated[float | None, Meta(description="the limit that the value passed, in the same unit")]
    message: Sentence
    cause: Annotated[Uuid | UnsetType, Meta(description="the alert that explained this one until now")] = UNSET


class AlertOpened(_Alert[Literal["open"]], frozen=True, kw_only=True):
    """Something is wrong from now on."""

    event_type: ClassVar[str] = "de.silkstream.alert.opened.v1"


class AlertUpdated(_Alert[Literal["open", "resolved"]], frozen=True, kw_only=True):
    """What was told of an alert is no longer so: data came late, its site was corrected, or other rules hold."""

    event_type: ClassVar[str] = "de.silkstream.alert.updated.v1"

    resolved_at: Annotated[Time | UnsetType, Meta(description="where it is over: since when; RFC 3339, UTC")] = UNSET


class AlertAcknowledged(_Alert[Literal["open", "resolved"]], frozen=True, kw_only=True):
    """Somebody knows of an alert; its status stays what it is."""

    event_type: ClassVar[str] = "de.silkstream.alert.acknowledged.v1"

    acknowledged_at: Annotated[Time, Meta(description="when; RFC 3339, UTC")]
    acknowledged_by: Annotated[str, Meta(description="who said so")]
    note: Annotated[str | None, Meta(description="what they had to say")]
    resolved_at: Annotated[Time | UnsetType, Meta(description="where it is over: since when; RFC 3339, UTC")] = UNSET
    withdrawn: Annotated[bool | UnsetType, Meta(description="where it is over: always false here")] = UNSET


class AlertResolved(_Alert[Literal["resolved"]], frozen=True, kw_only=True):
    """An alert is over."""

    event_type: ClassVar[str] = "de.silkstream.alert.resolved.v1"

    resolved_at: Annotated[Time, Meta(description="when it was over; RFC 3339, UTC")]
    withdrawn: Annotated[bool, Meta(description="data that came late say that it never was, or belongs to another one")]


EVENTS: Final = (AlertOpened, AlertUpdated, AlertAcknowledged, AlertResolved)


def publication(topic: str) -> Publication:
    """What is said on a topic of alerts."""
    return Publication(topic, EVENTS)


class Common(TypedDict):
    """What all events say of an alert, as the fields of `_Alert`."""

    alert: str
    rule: str
    family: str
    severity: str
    site: str
    device: str
    since: str
    opened_event: str
    value: float | None
    limit: float | None
    message: Sentence
    cause: str | UnsetType


def common(
    *,
    alert: UUID,
    rule: str,
    family: str,
    severity: str,
    site: str,
    device: str,
    since: datetime,
    opened_event: UUID,
    value: float | None,
    limit: float | None,
    message_de: str,
    message_en: str,
    cause: UUID | None,
) -> Common:
    """What every event says, from an alert's values as the database has them."""
    return Common(
        alert=str(alert),
        rule=rule,
        family=family,
        severity=severity,
        site=site,
        device=device,
        since=since.isoformat(),
        opened_event=str(opened_event),
        value=value,
        limit=limit,
        message=Sentence(de=message_de, en=message_en),
        cause=UNSET if cause is None else str(cause),
    )


def event_data(rule: Rule, family: str, told: Told) -> AlertOpened | AlertUpdated | AlertResolved:
    """The `data` of an alert's CloudEvent."""
    alert = told.alert
    same = common(
        alert=UUID(bytes=alert.id),
        rule=rule.name,
        family=family,
        severity=rule.severity,
        site=alert.site,
        device=alert.device,
        since=from_us(alert.since_us),
        opened_event=UUID(bytes=alert.opened_event),
        value=alert.value,
        limit=alert.limit,
        message_de=alert.message_de,
        message_en=alert.message_en,
        cause=None if alert.cause is None else UUID(bytes=alert.cause),
    )
    resolved_at = None if alert.resolved_us is None else from_us(alert.resolved_us).isoformat()
    if told.kind == RESOLVED:
        # A withdrawn one that was not over has no end: data that came late say that it never began.
        return AlertResolved(
            status="resolved", resolved_at=resolved_at or same["since"], withdrawn=told.withdrawn, **same
        )
    if told.kind == UPDATED:
        if resolved_at is None:
            return AlertUpdated(status="open", **same)
        return AlertUpdated(status="resolved", resolved_at=resolved_at, **same)
    return AlertOpened(status="open", **same)
