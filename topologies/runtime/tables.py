"""Reads and writes a topology's rows, set-wise, in the transaction of its ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple

import psycopg
from psycopg import sql

from pipeline.core.clock import from_us
from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.runtime import binary, rows
from topologies.runtime.alert_rows import AlertRows
from topologies.runtime.alerts import Alert, Reconciled
from topologies.runtime.batch import Request, Wanted
from topologies.runtime.cache import Cache, Known
from topologies.runtime.fold import Folded, Folder, Late, schedule_all
from topologies.runtime.model import F, I, Mark, S, Table, Topology
from topologies.runtime.places import Places, build_places

_QUERIES = load_queries("topologies.runtime")
_FACTS_KEY: Final = ("device", "observed_at")
_NOW_KEY: Final = ("device",)
_MARKS: Final = sql.SQL("COPY mark (what, subject, bucket) FROM STDIN (FORMAT binary)")
Cursor = psycopg.AsyncCursor[Any]


class _Writing(NamedTuple):
    """How rows come into one table."""

    stage: sql.Composed
    """Creates the table of this connection that rows are staged in."""
    append: sql.Composed
    """COPY of rows that are not there yet."""
    copy: sql.Composed
    """COPY into the staging table …"""
    replace: sql.Composed
    """… from where each row is inserted, or replaced as a whole. Sorted, so that two of us lock in one order."""


def _writing(table: Table, key: Sequence[str]) -> _Writing:
    staged = sql.Identifier(f"staged_{table.name}")
    name, columns = sql.Identifier(table.name), _names(table.columns)
    others = [column for column in table.columns if column not in key]
    return _Writing(
        sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {}) ON COMMIT DELETE ROWS").format(staged, name),
        sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(name, columns),
        sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(staged, columns),
        sql.SQL(
            "INSERT INTO {name} ({columns}) SELECT {columns} FROM {staged} ORDER BY {key}"
            " ON CONFLICT ({key}) DO UPDATE SET {changes}"
        ).format(
            name=name,
            columns=columns,
            staged=staged,
            key=_names(key),
            changes=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(each)) for each in others),
        ),
    )


def _mark_row(mark: Mark) -> bytes:
    bucket = binary.MINUS_INFINITY if mark.bucket_us is None else binary.time(mark.bucket_us)
    return binary.row(binary.text(mark.what), binary.text(mark.subject), bucket)


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


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
        self._facts = _writing(topology.facts, _FACTS_KEY)
        self._now = _writing(topology.now, _NOW_KEY)

    async def prepare(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Create the staging tables of a connection."""
        for writing in (self._facts, self._now):
            await connection.execute(writing.stage)

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

    def bound_to(self, cursor: Cursor, partition: int, *, replacing: bool = False) -> TransactionStore[I, F, S]:
        """The rows as one transaction of one partition sees and changes them.

        Args:
            cursor: of the transaction.
            partition: its number.
            replacing: facts that are new to the cache may be there all the same.
        """
        return TransactionStore(
            self._topology,
            self._settings,
            cursor,
            partition,
            facts=self._facts,
            now=self._now,
            replacing=replacing,
        )


class TransactionStore(Generic[I, F, S]):
    """A `Store` in one transaction."""

    def __init__(
        self,
        topology: Topology[I, F, S],
        settings: Settings,
        cursor: Cursor,
        partition: int,
        *,
        facts: _Writing,
        now: _Writing,
        replacing: bool,
    ) -> None:
        self._topology = topology
        self._cursor = cursor
        self._partition = partition
        self._facts = facts
        self._now = now
        self._replacing = replacing
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

    async def alerts(self, wanted: Sequence[Wanted]) -> Sequence[Alert]:
        """See the port."""
        return await self._alerts.load(wanted)

    async def taken(self, ids: Collection[Id]) -> Collection[Id]:
        """See the port."""
        return await self._alerts.taken(ids)

    async def write(self, folded: Folded[F, S]) -> None:
        """See the port."""
        topology, partition = self._topology, self._partition
        appended, changed = folded.appended, folded.changed
        if self._replacing:
            appended, changed = [], [*appended, *changed]
        await self._copy(self._facts.append, map(topology.fact_row, appended))
        await self._replace(self._facts, map(topology.fact_row, changed))
        now_row = topology.now_row
        await self._replace(self._now, [now_row(partition, fact, shown) for fact, shown in folded.known.values()])
        await self._copy(_MARKS, map(_mark_row, sorted(folded.marks, key=attrgetter("order"))))
        if topology.beside is not None and (facts := [*appended, *changed]):
            # Last: other partitions may write the same rows, and wait for each other from here on.
            await self._cursor.execute(topology.queries["store_beside"], topology.beside(facts))

    async def _replace(self, writing: _Writing, lines: Iterable[bytes]) -> None:
        if await self._copy(writing.copy, lines):
            await self._cursor.execute(writing.replace)

    async def _copy(self, statement: sql.Composed | sql.SQL, lines: Iterable[bytes]) -> bool:
        content = b"".join(lines)
        if content:
            async with self._cursor.copy(statement) as copy:
                await copy.write(binary.BEGIN + content + binary.END)
        return bool(content)

    async def write_alerts(self, outcome: Reconciled) -> None:
        """See the port."""
        await self._alerts.write(outcome)
