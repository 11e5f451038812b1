"""Reads and writes alerts, and tells of them, in the transaction of whoever found them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import psycopg

from pipeline.core.clock import from_us
from pipeline.core.identity import Id
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.runtime import outbox, rows
from topologies.runtime.alert_events import event_data
from topologies.runtime.alerts import OPEN, Alert, Reconciled, Told
from topologies.runtime.batch import Wanted
from topologies.runtime.model import Rule

_QUERIES = load_queries("topologies.runtime")


class AlertRows:
    """The alerts of some rules in one transaction."""

    def __init__(
        self,
        cursor: psycopg.AsyncCursor[Any],
        settings: Settings,
        *,
        rules: Sequence[Rule],
        family: str,
        source: str,
    ) -> None:
        """Bind them.

        Args:
            cursor: of the transaction.
            settings: of the installation.
            rules: whose alerts these are.
            family: of the rules.
            source: who tells of them, in their events.
        """
        self._cursor = cursor
        self._settings = settings
        self._rules = {rule.name: rule for rule in rules}
        self._family = family
        self._source = source

    async def load(self, wanted: Sequence[Wanted]) -> Sequence[Alert]:
        """Alerts of a rule and device that were not over at a time."""
        await self._cursor.execute(
            _QUERIES["load_alerts"],
            {
                "rules": [rule for rule, _, _ in wanted],
                "devices": [device for _, device, _ in wanted],
                "begins": [from_us(begin_us) for _, _, begin_us in wanted],
            },
        )
        return [_read_alert(row) for row in await self._cursor.fetchall()]

    async def taken(self, ids: Collection[Id]) -> Collection[Id]:
        """Those of some ids that an alert has."""
        await self._cursor.execute(_QUERIES["taken_alerts"], {"ids": [UUID(bytes=each) for each in ids]})
        return [rows.identity(identity) for (identity,) in await self._cursor.fetchall()]

    async def write(self, outcome: Reconciled) -> None:
        """Write alerts and tell of them, in this order."""
        if outcome.deleted:
            await self._cursor.execute(
                _QUERIES["delete_alerts"], {"ids": [UUID(bytes=each) for each in outcome.deleted]}
            )
        if outcome.stored:
            await self._cursor.executemany(
                _QUERIES["store_alert"],
                [_alert_row(alert, self._rules[alert.rule], self._family) for alert in outcome.stored],
            )
        events = [
            self._event(told, self._rules[told.alert.rule], topic)
            for told in outcome.told
            if (topic := self._rules[told.alert.rule].topic_of(told.alert.alert_class)) is not None
        ]
        await outbox.post(self._cursor, events, suppressed=self._settings.replay)

    def _event(self, told: Told, rule: Rule, topic: str) -> outbox.Event:
        return outbox.Event(
            topic=self._settings.namespace + topic,
            subject=told.alert.subject,
            source=self._source,
            time_us=_time_of(told),
            data=event_data(rule, self._family, told),
        )


def _read_alert(row: Sequence[Any]) -> Alert:
    identity, rule, subject, site, device, since, resolved_at, opened_event, *rest = row
    value, limit, retrospective, silenced, message_de, message_en, alert_class, cause = rest
    return Alert(
        id=rows.identity(identity),
        rule=rule,
        subject=subject,
        site=site,
        device=device,
        since_us=rows.known_us(since),
        resolved_us=rows.time_us(resolved_at),
        opened_event=rows.identity(opened_event),
        value=value,
        limit=limit,
        retrospective=retrospective,
        silenced=silenced,
        message_de=message_de,
        message_en=message_en,
        alert_class=alert_class,
        cause=None if cause is None else rows.identity(cause),
    )


def _time_of(told: Told) -> int:
    resolved_us = told.alert.resolved_us
    return told.alert.since_us if told.kind == OPEN or resolved_us is None else resolved_us


def _alert_row(alert: Alert, rule: Rule, family: str) -> dict[str, Any]:
    return {
        "id": UUID(bytes=alert.id),
        "rule": rule.name,
        "family": family,
        "subject": alert.subject,
        "severity": rule.severity,
        "status": alert.status,
        "since": from_us(alert.since_us),
        "resolved_at": None if alert.resolved_us is None else from_us(alert.resolved_us),
        "opened_event": UUID(bytes=alert.opened_event),
        "value": alert.value,
        "limit": alert.limit,
        "device": alert.device,
        "site": alert.site,
        "retrospective": alert.retrospective,
        "silenced": alert.silenced,
        "message_de": alert.message_de,
        "message_en": alert.message_en,
        "class": alert.alert_class,
        "cause": None if alert.cause is None else UUID(bytes=alert.cause),
    }
