"""Reads and writes a topology's rows, set-wise, in the transaction of its ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Generic

import psycopg

from pipeline.core.clock import from_us
from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.runtime import rows
from topologies.runtime.alert_rows import AlertRows
from topologies.runtime.alerts import Alert, Reconciled
from topologies.runtime.batch import Request, Wanted
from topologies.runtime.cache import Cache, Known
from topologies.runtime.fold import Folded, Folder, Late, schedule_all
from topologies.runtime.model import F, I, S, Topology
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
        self._cursor = cursor
        self._partition = partition
        self._alerts = AlertRows(
            cursor,
            settings,
            rules=topology.rules,
            family=topology.family,
            source=f"/silkstream/topology/{topology.name}",
        )
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
        own = self._topology.queries.get("delete_recompute", _QUERIES["delete_recompute"])
        await self._cursor.execute(own, {"ids": [request.id for request in requests]})

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
        return await self._alerts.load(wanted, events)

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
        await self._alerts.write(outcome)
