"""Rows of what was heard and of what is to be told, in the transaction of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg

from topologies.notify.changes import Change, Decided
from topologies.notify.deliver import QUERIES


async def read_heard(cursor: psycopg.AsyncCursor[Any], changes: Sequence[Change]) -> Mapping[tuple[str, str], int]:
    """The highest sequence of the changes' subjects so far."""
    places = sorted({(change.topic, change.event.subject) for change in changes})
    if not places:
        return {}
    topics, subjects = zip(*places, strict=True)
    await cursor.execute(QUERIES["read_heard"], {"topics": list(topics), "subjects": list(subjects)})
    return {(topic, subject): sequence for topic, subject, sequence in await cursor.fetchall()}


async def store(cursor: psycopg.AsyncCursor[Any], decided: Decided) -> None:
    """Write what was heard and what is to be told."""
    if decided.heard:
        places = sorted(decided.heard)
        await cursor.execute(
            QUERIES["store_heard"],
            {
                "topics": [topic for topic, _ in places],
                "subjects": [subject for _, subject in places],
                "sequences": [decided.heard[place] for place in places],
            },
        )
    if decided.notifications:
        told = decided.notifications
        await cursor.execute(
            QUERIES["store_notifications"],
            {
                "ids": [UUID(bytes=each.id) for each in told],
                "channels": [each.channel for each in told],
                "alerts": [each.change.event.data.alert for each in told],
                "topics": [each.change.topic for each in told],
                "subjects": [each.change.event.subject for each in told],
                "sequences": [each.change.sequence for each in told],
                "changes": [each.change.kind for each in told],
                "events": [each.change.text for each in told],
            },
        )
