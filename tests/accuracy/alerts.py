"""Alerts of every topology, as spans by rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tests.accuracy.database import Connection, rows
from tests.accuracy.matching import Span


class AlertRow(NamedTuple):
    """An alert, open or over."""

    rule: str
    subject: str
    since_us: int
    resolved_us: int | None


async def read(connection: Connection) -> list[AlertRow]:
    """Every alert that there was."""
    found = await rows(connection, "SELECT rule, subject, since, resolved_at FROM alert ORDER BY since, rule, subject")
    return [AlertRow(*row) for row in found]


def alert_spans(alerts: Iterable[AlertRow], rule: str) -> list[Span]:
    """The alerts of a rule."""
    return [Span(alert.subject, alert.since_us, alert.resolved_us) for alert in alerts if alert.rule == rule]
