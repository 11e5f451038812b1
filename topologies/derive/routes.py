"""Which containers to empty today and which can wait: a list for each morning and material.

A list is made once, when time in the stream has passed the begin of the day's round, from what was measured before.
Facts that come or change later, from before a round, make its list anew: the rows are always what the facts say now.
Crews hear of it while the list is that of today, and only where it sends them elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Annotated, Any, ClassVar, Final

import psycopg
from msgspec import Meta, Struct

from pipeline.city.model import City
from pipeline.city.read import city_at
from pipeline.core import topics
from pipeline.core.clock import from_us, to_us
from pipeline.core.cloudevents import Count, DevEuiText, EventData, Publication, Time
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.facts_from import facts_from
from pipeline.database.queries import load_queries
from topologies.container.limits import FAMILY, Limitations
from topologies.container.route import Known, Reason, Stop, day_of, rounds, stops_of
from topologies.container.trend import read_trend
from topologies.derive import marks
from topologies.derive.derivation import Derivation, Done
from topologies.derive.stream import complete_us
from topologies.runtime import outbox, rows
from topologies.runtime.alarms import read_alarms
from topologies.runtime.tables import load_places

UNSORTED: Final = "unsorted"
"""The subject of the list of containers whose sites name no material."""
_QUERIES = load_queries("topologies.derive", "routes.sql")
_SOURCE: Final = "/silkstream/derive/container"
_FACTS: Final = "container_level"
_MOST_DAYS: Final = 7
"""That are made in one transaction, where days are behind."""
_MOST_STOPS: Final = 1500
"""In one event: a record may have a megabyte."""
_REST_SECONDS: Final = 30.0
Cursor = psycopg.AsyncCursor[Any]


class RouteStop(Struct, frozen=True, kw_only=True):
    """A container of a list."""

    site: str
    name: str
    group: str
    device: DevEuiText
    reason: Annotated[Reason | None, Meta(description="why it is to be emptied; null: it can wait")]
    fill_ratio: Annotated[float | None, Meta(description="the last one before the round, 0 to 1")]
    full_at: Annotated[Time | None, Meta(description="when it will be full if it goes on so; RFC 3339, UTC")]
    full_earliest_at: Annotated[Time | None, Meta(description="at the earliest; RFC 3339, UTC")]
    full_latest_at: Annotated[Time | None, Meta(description="at the latest; null: perhaps never; RFC 3339, UTC")]
    due_at: Annotated[Time | None, Meta(description="when it has to be emptied at the latest; RFC 3339, UTC")]
    observed_at: Annotated[Time, Meta(description="its last measurement before the round; RFC 3339, UTC")]


class ContainerRoute(EventData, frozen=True, kw_only=True):
    """Which containers of a material to empty on a day, the most urgent ones first, and which can wait."""

    event_type: ClassVar[str] = "de.silkstream.container.route.v1"

    day: Annotated[str, Meta(description="in legal time (Europe/Berlin)", extra_json_schema={"format": "date"})]
    material: Annotated[str, Meta(description="as the sites say; `unsorted`: they do not; also the event's subject")]
    begins_at: Annotated[Time, Meta(description="the round; the list is of what was measured before; RFC 3339, UTC")]
    revision: Annotated[int, Meta(ge=1, description="above 1: late data have changed what is to be emptied, or why")]
    to_empty: tuple[RouteStop, ...]
    can_wait: Annotated[tuple[RouteStop, ...], Meta(description="until the next round; the first to be full first")]
    left_out: Annotated[Count, Meta(description="containers that can wait and for which there was no room here")]


async def derive_routes(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
    """Make the lists that are due, and those anew that are marked, in one transaction. Marks first, facts second."""
    async with connection.transaction(), connection.cursor() as cursor:
        as_of_us = await complete_us(cursor, FAMILY)
        if as_of_us is None:
            return Done()
        whole_from = (await facts_from(cursor, {_FACTS}))[_FACTS]
        await cursor.execute(_QUERIES["read_marks"], {"whole_from": whole_from, "most": settings.derive.batch_marks})
        marked_hours = await cursor.fetchall()
        city = _city_of(settings.topology.city)
        oldest_us = min((to_us(bucket) for _, bucket, _ in marked_hours), default=as_of_us)
        due = await _due(cursor, city, oldest_us=oldest_us, whole_us=to_us(whole_from), as_of_us=as_of_us)
        marked = {to_us(begins_at) for _, _, begins in marked_hours for begins_at in begins}
        if begins_us := sorted({*due[:_MOST_DAYS], *marked}):
            places, limitations = await load_places(cursor), Limitations(city)
            for begin_us in begins_us:
                await cursor.execute(_QUERIES["known_before"], {"begins_at": from_us(begin_us)})
                stops = stops_of(map(_known, await cursor.fetchall()), places, limitations, begin_us)
                is_today = next(rounds(city, from_us=begin_us, until_us=as_of_us), None) is None
                events = await _store(cursor, begin_us, stops, settings)
                await outbox.post(cursor, events if is_today else [], suppressed=settings.replay)
        await marks.delete(cursor, [identity for identity, _, _ in marked_hours])
    return Done(len(marked_hours))


@lru_cache(maxsize=4)
def _city_of(file: str) -> City:
    """The city as the process has found it: like a topology, it takes another file at its next start."""
    return city_at(file)


async def _value(cursor: Cursor, query: str) -> datetime | None:
    await cursor.execute(_QUERIES[query])
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def _due(cursor: Cursor, city: City, *, oldest_us: int, whole_us: int, as_of_us: int) -> list[int]:
    """The rounds, in order, whose lists were not made: every day from the first fact on, as far as facts are whole."""
    await cursor.execute(_QUERIES["made_days"])
    row = await cursor.fetchone()
    first_us, last_us = map(rows.time_us, row or (None, None))
    if first_us is None or last_us is None:
        first_fact_us = rows.time_us(await _value(cursor, "first_fact"))
        if first_fact_us is None:
            return []
        return list(rounds(city, from_us=max(first_fact_us, whole_us), until_us=as_of_us))
    first_day, last_day = day_of(first_us), day_of(last_us)
    before = rounds(city, from_us=max(oldest_us, whole_us), until_us=first_us)
    behind = rounds(city, from_us=last_us, until_us=as_of_us)
    # A round that was moved to another hour is still that day's only one.
    return [each for each in before if day_of(each) < first_day] + [each for each in behind if day_of(each) > last_day]


async def _store(cursor: Cursor, begin_us: int, stops: Sequence[Stop], settings: Settings) -> list[outbox.Event]:
    """Write the lists of a day where they differ from what is stored; what crews have to hear of that."""
    key = {"day": day_of(begin_us), "begins_at": from_us(begin_us)}
    await cursor.execute(_QUERIES["store_day"], key)
    await cursor.execute(_QUERIES["read_stops"], key)
    stored = [_read_stop(row) for row in await cursor.fetchall()]
    if stops == stored:
        return []
    await cursor.execute(_QUERIES["read_revisions"], key)
    revisions: dict[str, int] = dict(await cursor.fetchall())
    before, after = _by_material(stored), _by_material(stops)
    told = sorted(m for m in before | after if m not in before or _orders(before[m]) != _orders(after.get(m, ())))
    revisions |= {material: revisions.get(material, 0) + 1 for material in told}
    await cursor.execute(_QUERIES["delete_routes"], key)
    await cursor.execute(_QUERIES["delete_stops"], key)
    await cursor.executemany(
        _QUERIES["store_route"],
        [
            {**key, "material": material, "revision": revisions[material], **_counts(mine)}
            for material, mine in after.items()
        ],
    )
    await cursor.executemany(
        _QUERIES["store_stop"],
        [
            {**key, "position": position, **_columns(stop)}
            for mine in after.values()
            for position, stop in enumerate(mine, start=1)
        ],
    )
    return [_event(begin_us, each, revisions[each], after.get(each, ()), settings) for each in told]


def _by_material(stops: Iterable[Stop]) -> dict[str, list[Stop]]:
    return {material: list(mine) for material, mine in groupby(stops, key=lambda stop: stop.material)}


def _orders(stops: Iterable[Stop]) -> set[tuple[str, str]]:
    """What a crew is sent for. That another order or a later estimate is no news keeps late data from nagging."""
    return {(stop.site, stop.reason) for stop in stops if stop.reason is not None}


def _counts(stops: Sequence[Stop]) -> dict[str, int]:
    to_empty = sum(stop.reason is not None for stop in stops)
    return {"to_empty": to_empty, "can_wait": len(stops) - to_empty}


def _known(row: Sequence[Any]) -> Known:
    device, observed_at, fill_ratio, is_full, due_at, trend, alarms, flags = row
    return Known(
        DevEui(device),
        rows.known_us(observed_at),
        fill_ratio,
        is_full,
        rows.time_us(due_at),
        read_trend(trend),
        read_alarms(alarms),
        rows.names(flags),
    )


def _read_stop(row: Sequence[Any]) -> Stop:
    material, site, name, group, device, reason, fill_ratio, *times, observed_at = row
    full_us, earliest_us, latest_us, due_us = map(rows.time_us, times)
    return Stop(
        material,
        site,
        name,
        group,
        DevEui(device),
        reason,
        fill_ratio,
        full_us,
        earliest_us,
        latest_us,
        due_us,
        rows.known_us(observed_at),
    )


def _columns(stop: Stop) -> dict[str, Any]:
    """By the names of the fields; times under theirs without `_us`."""
    return {
        name.removesuffix("_us"): from_us(value) if name.endswith("_us") and value is not None else value
        for name, value in stop._asdict().items()
    } | {"observed": from_us(stop.observed_at_us)}


def _event(begin_us: int, material: str, revision: int, stops: Sequence[Stop], settings: Settings) -> outbox.Event:
    to_empty = [stop for stop in stops if stop.reason is not None]
    can_wait = [stop for stop in stops if stop.reason is None]
    room = max(0, _MOST_STOPS - len(to_empty))
    return outbox.Event(
        topic=settings.namespace + topics.city("container"),
        subject=material or UNSORTED,
        source=_SOURCE,
        time_us=begin_us,
        data=ContainerRoute(
            day=day_of(begin_us).isoformat(),
            material=material or UNSORTED,
            begins_at=from_us(begin_us).isoformat(),
            revision=revision,
            to_empty=tuple(map(_told_stop, to_empty)),
            can_wait=tuple(map(_told_stop, can_wait[:room])),
            left_out=max(0, len(can_wait) - room),
        ),
    )


def _told_stop(stop: Stop) -> RouteStop:
    def text(at_us: int | None) -> str | None:
        return None if at_us is None else from_us(at_us).isoformat()

    return RouteStop(
        site=stop.site,
        name=stop.name,
        group=stop.group,
        device=stop.device,
        reason=stop.reason,
        fill_ratio=stop.fill_ratio,
        full_at=text(stop.full_us),
        full_earliest_at=text(stop.full_earliest_us),
        full_latest_at=text(stop.full_latest_us),
        due_at=text(stop.due_us),
        observed_at=from_us(stop.observed_at_us).isoformat(),
    )


ROUTES: Final = Derivation(
    name="routes",
    run=derive_routes,
    publishes=(Publication(topics.city("container"), (ContainerRoute,)),),
    rest_seconds=_REST_SECONDS,
)
