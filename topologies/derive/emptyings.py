"""Emptyings of containers, recomputed from the facts of the devices that are marked.

Late data may find an emptying, move it or take it away; the table is held against the facts each time, and what
differs is told: once as emptied, or as withdrawn.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

import psycopg
from msgspec import Meta

from pipeline.core import topics
from pipeline.core.clock import to_us
from pipeline.core.cloudevents import DevEuiText, EventData, Publication, Time
from pipeline.core.settings import Settings
from pipeline.database.facts_from import facts_from
from pipeline.database.queries import load_queries
from topologies.container.logic import EMPTYING_MARK
from topologies.derive.derivation import Derivation, Done
from topologies.derive.marks import taken
from topologies.runtime import outbox

_QUERIES = load_queries("topologies.derive")
_SOURCE: Final = "/silkstream/derive/container"
_FACTS: Final = "container_level"


class ContainerEmptied(EventData, frozen=True, kw_only=True):
    """A container was emptied; or, withdrawn, data that came late say that it was not."""

    event_type: ClassVar[str] = "de.silkstream.container.emptied.v1"

    kind: Literal["emptied"]
    site: Annotated[str, Meta(description="which container; also the event's subject")]
    device: DevEuiText
    emptied_at: Annotated[Time, Meta(description="the first measurement after it; RFC 3339, UTC")]
    emptying_ratio: Annotated[float, Meta(description="by how much the fill fell, 0 to 1")]
    withdrawn: Annotated[bool, Meta(description="it was told before, and was none")]


async def derive_emptyings(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
    """Recompute what is marked, in one transaction. Marks first, facts second."""
    async with taken(connection, EMPTYING_MARK, settings.derive.batch_marks) as (cursor, marks):
        if not marks:
            return Done()
        begins = await facts_from(cursor, {_FACTS})
        wanted = {"devices": sorted({mark.subject for mark in marks}), "whole_from": begins[_FACTS]}
        await cursor.execute(_QUERIES["recompute_emptyings"], wanted)
        events = [
            outbox.Event(
                topic=settings.namespace + topics.city("container"),
                subject=site,
                source=_SOURCE,
                time_us=to_us(emptied_at),
                data=ContainerEmptied(
                    kind="emptied",
                    site=site,
                    device=device,
                    emptied_at=emptied_at.isoformat(),
                    emptying_ratio=ratio,
                    withdrawn=withdrawn,
                ),
            )
            for device, emptied_at, site, ratio, withdrawn in await cursor.fetchall()
        ]
        await outbox.post(cursor, events, suppressed=settings.replay)
    return Done(len(marks))


EMPTYINGS: Final = Derivation(
    name="emptyings", run=derive_emptyings, publishes=(Publication(topics.city("container"), (ContainerEmptied,)),)
)
