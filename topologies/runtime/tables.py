"""Reads and writes a topology's rows, set-wise, in the transaction of its ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Generic
from uuid import UUID

import psycopg

from pipeline.core.clock import from_us
from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.runtime import outbox, rows
from topologies.runtime.alert_events import event_data
from topologies.runtime.alerts import OPEN, Alert, Reconciled, Told
from topologies.runtime.batch import Request, Wanted
from topologies.runtime.cache import Cache, Known
from topologies.runtime.fold import Folded, Folder, Late, schedule_all
from topologies.runtime.model import F, I, Rule, S, Topology
from topologies.runtime.places import Places, build_places

_QUERIES = load_queries("topologies.runtime")
Cursor = psycopg.AsyncCursor[Any]


async def load_places(cursor: Cursor) -> Places:
    """The snapshot of all sites and assignments."""
    await cursor.execute(_QUERIES["load_assignments"])
    assignments = await cursor.fetchall()
    await cursor.execute(_QUERIES["load_sites"])
    return build_places(assignments, await cursor.fetchall())


class Tables(Generic[I, F, S]):
    """The rows of one topology."""

    def __init__(self, topology: Topology[I, F, S], settings: Settings) -> None:
        self._topology = topology
        self._settings = settings

    async def prepare(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Create the staging tables of a connection."""
        await connection.execute(self._topology.queries["create_staging"])

    async def load_caches(
        self, cursor: Cursor, partitions: Collection[int], folder: Folder[I, F, S]
    ) -> dict[int, Cache[F, S]]:
        """What is known of the devices of partitions."""
        topology = self._topology
        await cursor.execute(topology.queries["load_now"], {"partitions": sorted(partitions)})
        devices: dict[int, dict[DevEui, Known[F, S]]] = {number: {} for number in partitions}
        for row in await cursor.fetchall():
            fact, shown = topology.read_now(row)
            devices[row[-1]][fact.device] = Known(fact, shown)
        caches = {number: Cache(mine) for number, mine in devices.items()}
        for cache in caches.values():
            schedule_all(cache, folder)
        return caches

    def bound_to(self, cursor: Cursor, partition: int) -> TransactionStore[I, F, S]:
        """The rows as one transaction of one partition sees and changes them."""
        return TransactionStore(self._topology, self._settings, cursor, partition)


class TransactionStore(Generic[I, F, S]):
    """A `Store` in one transaction."""

    def __init__(self, topology: Topology[I, F, S], settings: Settings, cursor: Cursor, partition: int) -> None:
        self._topology = topology
        self._settings = settings
        self._cursor = cursor
        self._partition = partition
        self._requests: list[Request] | None = None

    async def requests(self) -> Sequence[Request]:
        """See the port; asked for once in a transaction."""
        if self._requests is None:
            await self._cursor.execute(self._topology.queries["load_recompute"], {"partition": self._partition})
            self._requests = [
                Request(identity, DevEui(device), rows.known_us(from_at))
                for identity, device, from_at in await self._cursor.fetchall()
            ]
        return self._requests

    async def delete_requests(self, requests: Sequence[Request]) -> None:
        """See the port."""
        await self._cursor.execute(_QUERIES["delete_recompute"], {"ids": [request.id for request in requests]})

    async def facts(self, late: Sequence[Late]) -> Mapping[DevEui, Sequence[F]]:
        """See the port."""
        found: dict[DevEui, list[F]] = {each.device: [] for each in late}
        await self._cursor.execute(
            self._topology.queries["load_facts"],
            {"devices": [each.device for each in late], "from": [from_us(max(each.from_us, 0)) for each in late]},
        )
        for row in await self._cursor.fetchall():
            fact = self._topology.read_fact(row)
            found[fact.device].append(fact)
        return found

    async def surroundings(self, queries: Sequence[str], since_us: int) -> Mapping[str, Sequence[Sequence[Any]]]:
        """See the port."""
        found = {}
        for query in queries:
            await self._cursor.execute(self._topology.queries[query], {"from": from_us(max(since_us, 0))})
            found[query] = await self._cursor.fetchall()
        return found

    async def alerts(self, wanted: Sequence[Wanted], events: Collection[Id]) -> Sequence[Alert]:
        """See the port."""
        await self._cursor.execute(
            _QUERIES["load_alerts"],
            {
                "rules": [rule for rule, _, _ in wanted],
                "devices": [device for _, device, _ in wanted],
                "begins": [from_us(begin_us) for _, _, begin_us in wanted],
                "events": [UUID(bytes=each) for each in sorted(events)],
            },
        )
        return [_read_alert(row) for row in await self._cursor.fetchall()]

    async def write(self, folded: Folded[F, S]) -> None:
        """See the port."""
        topology = self._topology
        await self._copy("facts", map(topology.fact_line, folded.facts))
        await self._copy(
            "now", (topology.now_line(self._partition, fact, shown) for fact, shown in folded.known.values())
        )
        if folded.marks:
            whats, subjects, buckets = zip(*folded.marks, strict=True)
            await self._cursor.execute(
                _QUERIES["store_marks"],
                {
                    "whats": list(whats),
                    "subjects": list(subjects),
                    "buckets": [None if at_us is None else from_us(at_us) for at_us in buckets],
                },
            )

    async def _copy(self, what: str, lines: Iterable[str]) -> None:
        content = "".join(lines)
        if content:
            async with self._cursor.copy(self._topology.queries[f"stage_{what}"]) as copy:
                await copy.write(content)
            await self._cursor.execute(self._topology.queries[f"store_{what}"])

    async def write_alerts(self, outcome: Reconciled) -> None:
        """See the port."""
        topology = self._topology
        rules = {rule.name: rule for rule in topology.rules}
        if outcome.deleted:
            await self._cursor.execute(
                _QUERIES["delete_alerts"], {"ids": [UUID(bytes=each) for each in outcome.deleted]}
            )
        if outcome.stored:
            await self._cursor.executemany(
                _QUERIES["store_alert"],
                [_alert_row(alert, rules[alert.rule], topology.family) for alert in outcome.stored],
            )
        events = [
            self._event(told, rules[told.alert.rule], topic)
            for told in outcome.told
            if (topic := rules[told.alert.rule].topic_of(told.alert.alert_class)) is not None
        ]
        await outbox.post(self._cursor, events, suppressed=self._settings.replay)

    def _event(self, told: Told, rule: Rule, topic: str) -> outbox.Event:
        return outbox.Event(
            topic=self._settings.namespace + topic,
            subject=told.alert.subject,
            source=f"/silkstream/topology/{self._topology.name}",
            time_us=_time_of(told),
            data=event_data(rule, self._topology.family, told),
        )


def _read_alert(row: Sequence[Any]) -> Alert:
    identity, rule, subject, site, device, since, resolved_at, opened_event, *rest = row
    value, limit, retrospective, silenced, message_de, message_en, alert_class = rest
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
    }
