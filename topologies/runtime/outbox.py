"""Events on their way to Kafka: written with the change they tell of, published by the relay.

CloudEvents 1.0 in JSON. A subject's events are counted in its row, under its lock; a consumer leaves out what is not
above the highest sequence it has seen, which makes the relay's repetitions harmless.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import psycopg

from pipeline.core import identity
from pipeline.core.clock import from_us
from pipeline.core.cloudevents import CloudEvent, EventData
from pipeline.database.queries import load_queries

_QUERIES = load_queries("topologies.runtime")


class Event(NamedTuple):
    """Something to tell."""

    topic: str
    """With the namespace."""
    subject: str
    """Also the record's key."""
    source: str
    time_us: int
    data: EventData
    """Its class says of which type the event is."""


def cloud_event(event: Event, sequence: int) -> bytes:
    """The JSON of an event; its id is the place it has among its subject's events."""
    envelope = CloudEvent(
        specversion="1.0",
        id=identity.text(identity.derived_id("outgoing event", event.topic, event.subject, str(sequence))),
        source=event.source,
        type=event.data.event_type,
        subject=event.subject,
        time=from_us(event.time_us).isoformat(),
        datacontenttype="application/json",
        sequence=str(sequence),
        data=event.data,
    )
    return msgspec.json.encode(envelope)


async def post(cursor: psycopg.AsyncCursor[Any], events: Sequence[Event], *, suppressed: bool) -> None:
    """Put events into the outbox, in their order; part of the caller's transaction.

    Args:
        cursor: of the transaction.
        events: what to tell.
        suppressed: in a replay: keep them, publish none.
    """
    if not events:
        return
    counts = Counter((event.topic, event.subject) for event in events)
    subjects = sorted(counts)
    await cursor.execute(
        _QUERIES["count_events"],
        {
            "topics": [topic for topic, _ in subjects],
            "keys": [key for _, key in subjects],
            "counts": [counts[each] for each in subjects],
        },
    )
    following = {(topic, key): last - counts[topic, key] for topic, key, last in await cursor.fetchall()}
    sequences = []
    for event in events:
        place = (event.topic, event.subject)
        following[place] += 1
        sequences.append(following[place])
    await cursor.execute(
        _QUERIES["store_events"],
        {
            "topics": [event.topic for event in events],
            "keys": [event.subject for event in events],
            "sequences": sequences,
            "events": [
                cloud_event(event, sequence).decode() for event, sequence in zip(events, sequences, strict=True)
            ],
            "suppressed": suppressed,
        },
    )
