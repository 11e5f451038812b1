"""Occupancy of parking zones, recomputed from their bays.

A zone's bays are on several workers, so nobody adds up changes: whoever changes a bay leaves a mark, and the zones
that are marked are counted anew. A count that comes out as before writes nothing and tells nobody. Display boards are
told of a change at once, and of those that follow it closely in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final

import psycopg
from msgspec import Meta

from pipeline.core import topics
from pipeline.core.clock import to_us
from pipeline.core.cloudevents import Count, EventData, Publication, Time
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.derive.derivation import Derivation, Done
from topologies.derive.marks import taken
from topologies.parking.logic import ZONE_MARK
from topologies.runtime import outbox

_QUERIES = load_queries("topologies.derive")
_SOURCE: Final = "/silkstream/derive/parking"
_LOOK_SECONDS: Final = 2.0


class ParkingZone(EventData, frozen=True, kw_only=True):
    """How many bays of a parking zone are taken now, told when one of the counts has changed."""

    event_type: ClassVar[str] = "de.silkstream.parking.zone.v1"

    zone: Annotated[str, Meta(description="also the event's subject")]
    bays: Annotated[Count, Meta(description="occupied + free + unknown; 0 where the zone has no bay any more")]
    occupied: Count
    free: Count
    unknown: Annotated[Count, Meta(description="never heard of, or silent for too long")]
    changed_at: Annotated[Time | None, Meta(description="when a bay last changed; null while none was heard")]


async def derive_zones(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
    """Recompute what is marked, in one transaction."""
    async with taken(connection, ZONE_MARK, settings.derive.batch_marks) as (cursor, marks):
        if not marks:
            return Done()
        as_of = await as_of_bays(cursor)
        wanted = {"zones": sorted({mark.subject for mark in marks}), "as_of": as_of}
        await cursor.execute(_QUERIES["recompute_zones"], wanted)
        # Nothing is left of them that could wait for its turn to be told.
        gone = [(zone, 0, 0, 0, 0, changed_at) for zone, changed_at in await cursor.fetchall()]
        await outbox.post(cursor, _events(gone, as_of, settings.namespace), suppressed=settings.replay)
    return Done(len(marks))


async def tell_zones(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
    """Tell display boards what has changed, each zone at most once in `derive.zone_event_seconds`.

    What was told is kept with the counts, so what is held back is told in the end, also by a successor.
    """
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.execute(_QUERIES["tell_zones"], {"seconds": settings.derive.zone_event_seconds})
        if rows := await cursor.fetchall():
            events = _events(rows, await as_of_bays(cursor), settings.namespace)
            await outbox.post(cursor, events, suppressed=settings.replay)
    return Done()


def _events(rows: Iterable[Sequence[Any]], as_of: datetime, namespace: str) -> list[outbox.Event]:
    return [
        outbox.Event(
            topic=namespace + topics.city("parking"),
            subject=zone,
            source=_SOURCE,
            time_us=to_us(changed_at or as_of),
            data=ParkingZone(
                zone=zone,
                bays=bays,
                occupied=occupied,
                free=free,
                unknown=unknown,
                changed_at=None if changed_at is None else changed_at.isoformat(),
            ),
        )
        for zone, bays, occupied, free, unknown, changed_at in rows
    ]


async def as_of_bays(cursor: psycopg.AsyncCursor[Any]) -> datetime:
    """How far time has come in the stream of bays; the clock's time while no tick has come."""
    await cursor.execute(_QUERIES["as_of"])
    row = await cursor.fetchone()
    assert row is not None, "an aggregate has a row"  # noqa: S101  # for the type checker
    return row[0]  # type: ignore[no-any-return]  # the query's only column is a timestamp


def watch_sites() -> Derivation:
    """Marks all zones when other sites or assignments hold: nobody else knows of bays that were never heard.

    The first look marks in any case.
    """
    seen: str | None = None

    async def look(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
        nonlocal seen
        del settings
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.execute(_QUERIES["sites_version"], {"as_of": await as_of_bays(cursor)})
            row = await cursor.fetchone()
            version = None if row is None else str(row[0])
            if version != seen:
                await cursor.execute(_QUERIES["mark_all_zones"])
        seen = version
        return Done()

    return Derivation(name="sites", run=look, rest_seconds=_LOOK_SECONDS)


ZONES: Final = Derivation(name="zones", run=derive_zones)
BOARDS: Final = Derivation(
    name="boards", run=tell_zones, publishes=(Publication(topics.city("parking"), (ParkingZone,)),)
)
