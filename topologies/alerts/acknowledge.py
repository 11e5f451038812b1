"""Acknowledging an alert: somebody says that they know of it, once, and whoever reads the topic is told.

The row and the event are written in one transaction, so that nobody hears of an acknowledgement that is not there,
and none is there that nobody hears of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg
from msgspec import UNSET

from pipeline.core import topics
from pipeline.core.clock import to_us
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.database.connection import Connection
from pipeline.database.queries import load_queries
from topologies.runtime import outbox
from topologies.runtime.alert_events import AlertAcknowledged, common

QUERIES: Final = load_queries("topologies.alerts")
SOURCE: Final = "/silkstream/alerts"
_LEAST_DIGITS: Final = 4


class Alert(NamedTuple):
    """An alert as people see it."""

    id: UUID
    family: str
    rule: str
    severity: str
    subject: str
    site: str
    device: str
    status: str
    since: datetime
    resolved_at: datetime | None
    opened_event: UUID
    value: float | None
    limit: float | None
    retrospective: bool
    message_de: str
    message_en: str
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_note: str | None
    alert_class: str = topics.INTERNAL
    cause: UUID | None = None
    """The alert that explains it."""

    @property
    def topic(self) -> str | None:
        """Where its events go; None where it tells of people and its family has no topic for that."""
        personal = self.alert_class == topics.PERSONAL
        if personal and self.family not in topics.PERSONAL_FAMILIES:
            return None
        return topics.alerts(self.family, personal=personal)


class Outcome(NamedTuple):
    """What came of it."""

    alert: Alert
    is_new: bool
    """False where somebody had acknowledged it before."""


def range_of(prefix: str) -> tuple[UUID, UUID]:
    """The ids that begin so.

    Raises:
        SettingsError: no id begins so.
    """
    digits = prefix.strip().lower().replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits) or len(digits) < _LEAST_DIGITS:
        raise SettingsError(
            f"{prefix!r} is no alert's id; expected the {_LEAST_DIGITS} or more hexadecimal digits that it begins with"
        )
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def one_of(prefix: str, found: Sequence[UUID]) -> UUID:
    """The one alert that was meant.

    Raises:
        SettingsError: there is none, or more than one.
    """
    if not found:
        raise SettingsError(f"there is no alert {prefix!r}; see `silkstream alerts list --all`")
    if len(found) > 1:
        raise SettingsError(f"{prefix!r} may be {', '.join(map(str, found))}; give more of its digits")
    return found[0]


def event_data(alert: Alert, at: datetime) -> AlertAcknowledged:
    """The `data` of the event: as in the alert's other events, and who acknowledged it, when, with what words."""
    over = alert.resolved_at
    return AlertAcknowledged(
        status="open" if over is None else "resolved",
        acknowledged_at=(alert.acknowledged_at or at).isoformat(),
        acknowledged_by=alert.acknowledged_by or "",
        note=alert.acknowledged_note,
        resolved_at=UNSET if over is None else over.isoformat(),
        withdrawn=UNSET if over is None else False,
        **common(
            alert=alert.id,
            rule=alert.rule,
            family=alert.family,
            severity=alert.severity,
            site=alert.site,
            device=alert.device,
            since=alert.since,
            opened_event=alert.opened_event,
            value=alert.value,
            limit=alert.limit,
            message_de=alert.message_de,
            message_en=alert.message_en,
            cause=alert.cause,
        ),
    )


async def acknowledge(
    connection: Connection, settings: Settings, prefix: str, *, by: str, note: str | None, at: datetime
) -> Outcome:
    """Acknowledge an alert, open or resolved; commits.

    Args:
        connection: outside a transaction.
        settings: of the installation.
        prefix: the first digits of its id.
        by: who.
        note: what they have to say.
        at: now.

    Raises:
        SettingsError: it is not clear which alert, or the database is of an earlier version.
    """
    least, greatest = range_of(prefix)
    try:
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.execute(QUERIES["find_alerts"], {"least": least, "greatest": greatest})
            identity = one_of(prefix, [found for (found,) in await cursor.fetchall()])
            await cursor.execute(QUERIES["acknowledge"], {"id": identity, "at": at, "by": by, "note": note})
            is_new = cursor.rowcount == 1
            await cursor.execute(QUERIES["read_alert"], {"id": identity})
            row = await cursor.fetchone()
            if row is None:
                raise SettingsError(f"alert {identity} is gone: late data say that it never was")
            alert = Alert(*row)
            # Of a retrospective one nobody was told: there is nobody to tell that it is acknowledged.
            if is_new and not alert.retrospective and (topic := alert.topic) is not None:
                await outbox.post(cursor, [_event(settings, topic, alert, at)], suppressed=settings.replay)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as missing:
        raise SettingsError("the database has no such table; run `silkstream migrate` first") from missing
    return Outcome(alert, is_new)


def _event(settings: Settings, topic: str, alert: Alert, at: datetime) -> outbox.Event:
    return outbox.Event(
        topic=settings.namespace + topic,
        subject=alert.subject,
        source=SOURCE,
        time_us=to_us(at),
        data=event_data(alert, at),
    )
