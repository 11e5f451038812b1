"""What subscribers are told of an alert: that it was opened, that somebody knows of it, and that it is over.

One shape for all families and rules, so that a subscriber who knows one alert topic can read them all.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Generic, Literal, TypeVar
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from pipeline.core.clock import from_us
from pipeline.core.cloudevents import DevEuiText, EventData, Publication, Time, Uuid
from topologies.runtime.alerts import RESOLVED, Told
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
    opened_event: Annotated[Uuid, Meta(description="the frame that opened it; where time did, the last before it")]
    value: Annotated[float | None, Meta(description="what was measured when it began, in the unit of the rule")]
    limit: Annotated[float | None, Meta(description="the limit that the value passed, in the same unit")]
    message: Sentence
    cause: Annotated[Uuid | UnsetType, Meta(description="the alert that explained this one until now")] = UNSET


class AlertOpened(_Alert[Literal["open"]], frozen=True, kw_only=True):
    """Something is wrong from now on."""

    event_type: ClassVar[str] = "de.silkstream.alert.opened.v1"


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
    withdrawn: Annotated[bool, Meta(description="data that came late say that it never began")]


EVENTS: Final = (AlertOpened, AlertAcknowledged, AlertResolved)


def publication(topic: str) -> Publication:
    """What is said on a topic of alerts."""
    return Publication(topic, EVENTS)


def event_data(rule: Rule, family: str, told: Told) -> AlertOpened | AlertResolved:
    """The `data` of an alert's CloudEvent."""
    alert = told.alert
    identity = str(UUID(bytes=alert.id))
    since = from_us(alert.since_us).isoformat()
    opened_event = str(UUID(bytes=alert.opened_event))
    message = Sentence(de=alert.message_de, en=alert.message_en)
    cause = UNSET if alert.cause is None else str(UUID(bytes=alert.cause))
    if told.kind != RESOLVED:
        return AlertOpened(
            alert=identity,
            rule=rule.name,
            family=family,
            severity=rule.severity,
            status="open",
            site=alert.site,
            device=alert.device,
            since=since,
            opened_event=opened_event,
            value=alert.value,
            limit=alert.limit,
            message=message,
            cause=cause,
        )
    return AlertResolved(
        alert=identity,
        rule=rule.name,
        family=family,
        severity=rule.severity,
        status="resolved",
        site=alert.site,
        device=alert.device,
        since=since,
        opened_event=opened_event,
        value=alert.value,
        limit=alert.limit,
        message=message,
        cause=cause,
        # A withdrawn one was never over: data that came late say that it never began.
        resolved_at=since if alert.resolved_us is None else from_us(alert.resolved_us).isoformat(),
        withdrawn=told.withdrawn,
    )
