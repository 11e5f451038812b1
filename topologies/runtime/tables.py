"""Reads and writes a topology's rows, set-wise, in the transaction of its ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple
from uuid import UUID

import psycopg

from pipeline.core.clock import from_us
from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from pipeline.database.queries import load_queries
from topologies.runtime import outbox, rows
from topologies.runtime.alerts import OPEN, Alert, Told, event_data
from topologies.runtime.fold import Cache, Known, Late
from topologies.runtime.model import F, I, Mark, Rule, S, Topology
from topologies.runtime.places import Places, build_places

_QUERIES = load_queries("topologies.runtime")
Cursor = psycopg.AsyncCursor[Any]


class Request(NamedTuple):
    """Somebody changed the sites of a device."""

    id: int
    device: DevEui
    from_us: int


async def load_places(cursor: Cursor) -> Places:
    """The snapshot of all sites and assignments."""
    await cursor.execute(_QUERIES["load_assignments"])
    assignments = await cursor.fetchall()
    await cursor.execute(_QUERIES["load_sites"])
    return build_places(assignments, await cursor.fetchall())


class Tables(Generic[I, F, S]):
    """The rows of one topology."""

    def __init__(self, topology: Topology[I, F, S], *, namespace: str) -> None:
        self._topology = topology
        self._queries = topology.queries
        self._namespace = namespace

    async def prepare(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Create the staging tables of a connection."""
        await connection.execute(self._queries["create_staging"])

    async def load_caches(self, cursor: Cursor, partitions: Collection[int], places: Places) -> dict[int, Cache[F, S]]:
        """What is known of the devices of partitions."""
        await cursor.execute(self._queries["load_now"], {"partitions": sorted(partitions)})
        devices: dict[int, dict[DevEui, Known[F, S]]] = {number: {} for number in partitions}
        for row in await cursor.fetchall():
            fact, shown = self._topology.read_now(row)
            devices[row[-1]][fact.device] = Known(fact, shown)
        caches = {number: Cache(mine) for number, mine in devices.items()}
        for cache in caches.values():
            for device, known in cache.devices.items():
                cache.schedule(device, self._topology.logic.deadline_us(known.fact))
                place = places.at(device, known.fact.observed_at_us)
                cache.schedule(device, None if place is None else place.until_us)
        return caches

    async def load_requests(self, cursor: Cursor, partition: int) -> list[Request]:
        """Requests to run devices of a partition again."""
        await cursor.execute(self._queries["load_recompute"], {"partition": partition})
        return [
            Request(identity, DevEui(device), rows.known_us(from_at))
            for identity, device, from_at in await cursor.fetchall()
        ]

    async def delete_requests(self, cursor: Cursor, requests: Iterable[Request]) -> None:
        """Say that they are done."""
        await cursor.execute(_QUERIES["delete_recompute"], {"ids": [request.id for request in requests]})

    async def load_facts(self, cursor: Cursor, late: Sequence[Late]) -> dict[DevEui, list[F]]:
        """Facts of devices, each from the last one before a time on, in order."""
        found: dict[DevEui, list[F]] = {each.device: [] for each in late}
        if late:
            await cursor.execute(
                self._queries["load_facts"],
                {"devices": [each.device for each in late], "from": [from_us(max(each.from_us, 0)) for each in late]},
            )
            for row in await cursor.fetchall():
                fact = self._topology.read_fact(row)
                found[fact.device].append(fact)
        return found

    async def store_facts(self, cursor: Cursor, facts: Sequence[F]) -> None:
        """Insert or replace facts."""
        await self._store(cursor, "facts", map(self._topology.fact_line, facts))

    async def store_now(self, cursor: Cursor, partition: int, known: Iterable[Known[F, S]]) -> None:
        """Insert or replace what is shown of devices."""
        line = self._topology.now_line
        await self._store(cursor, "now", (line(partition, fact, shown) for fact, shown in known))

    async def _store(self, cursor: Cursor, what: str, lines: Iterable[str]) -> None:
        content = "".join(lines)
        if content:
            async with cursor.copy(self._queries[f"stage_{what}"]) as copy:
                await copy.write(content)
            await cursor.execute(self._queries[f"store_{what}"])

    async def store_marks(self, cursor: Cursor, marks: Collection[Mark]) -> None:
        """Append marks."""
        if marks:
            ordered = sorted(marks)
            await cursor.execute(
                _QUERIES["store_marks"],
                {"whats": [mark.what for mark in ordered], "subjects": [mark.subject for mark in ordered]},
            )

    async def load_alerts(
        self, cursor: Cursor, rule: Rule, begins_us: Mapping[DevEui, int], events: Collection[Id]
    ) -> dict[str, list[Alert]]:
        """Alerts of devices that were not over at a time, and those that certain frames opened."""
        devices = sorted(begins_us)
        await cursor.execute(
            _QUERIES["load_alerts"],
            {
                "rule": rule.name,
                "devices": devices,
                "begins": [from_us(begins_us[device]) for device in devices],
                "events": [UUID(bytes=each) for each in sorted(events)],
            },
        )
        found: dict[str, list[Alert]] = {}
        for row in await cursor.fetchall():
            identity, subject, site, device, since, resolved_at, opened_event, *rest = row
            value, limit, retrospective, message_de, message_en = rest
            alert = Alert(
                id=rows.identity(identity),
                subject=subject,
                site=site,
                device=device,
                since_us=rows.known_us(since),
                resolved_us=rows.time_us(resolved_at),
                opened_event=rows.identity(opened_event),
                value=value,
                limit=limit,
                retrospective=retrospective,
                message_de=message_de,
                message_en=message_en,
            )
            found.setdefault(alert.device, []).append(alert)
        return found

    async def store_alerts(
        self, cursor: Cursor, rule: Rule, *, stored: Sequence[Alert], deleted: Sequence[Id], told: Sequence[Told]
    ) -> None:
        """Write alerts and tell of them."""
        topology = self._topology
        if deleted:
            await cursor.execute(_QUERIES["delete_alerts"], {"ids": [UUID(bytes=each) for each in deleted]})
        if stored:
            await cursor.executemany(
                _QUERIES["store_alert"], [_alert_row(alert, rule, topology.family) for alert in stored]
            )
        events = [
            outbox.Event(
                topic=self._namespace + rule.topic,
                subject=each.alert.subject,
                type=f"de.silkstream.alert.{'opened' if each.kind == OPEN else 'resolved'}.v1",
                source=f"/silkstream/topology/{topology.name}",
                time_us=_time_of(each),
                data=event_data(rule, topology.family, each),
            )
            for each in told
        ]
        await outbox.post(cursor, events, suppressed=bool(self._namespace))


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
        "message_de": alert.message_de,
        "message_en": alert.message_en,
    }
