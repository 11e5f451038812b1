"""Roll-ups of every quantity of every family, recomputed from the wide tables by what is marked.

The store marks the hours of devices that it wrote into. A quarter of an hour, hour or day is never added to: what the
marked hours bear on is computed anew from the readings, by the kind of each quantity, so neither the age of a reading
nor its repetition is a special case, and a plugin's quantity comes out like ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from decoders.api import Decoder
from decoders.quantities import Quantity
from decoders.registry import vocabulary
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.database.families import quantities_by_family, table_of
from pipeline.database.queries import load_queries

RESOLUTIONS: Final = {
    15: "rollup_quarter_hour",
    60: "rollup_hour",
    1440: "rollup_day",
}
"""In minutes, each with its table: so each has chunks of its own size, and may have a retention of its own."""
SINCE_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)

_QUERIES: Final = {
    name: sql.SQL(query.decode())
    for file in ("touched.sql", "rollups.sql")
    for name, query in load_queries("topologies.derive", file).items()
}
_KEEPING: Final = ("keep_changed", "find_lost", "drop_lost")
_CONNECTED: Final = frozenset({"state", "counter"})
"""Kinds of which a sample says something about the time up to the one before it."""
_MOST_NUMBER: Final = 1e100
_MOST_DECIBELS: Final = 3000.0


class Mark(NamedTuple):
    """An hour of a device that was written into, or a day whose hours were recomputed."""

    device: str
    bucket: datetime
    id: int


class Pass(NamedTuple):
    """What is recomputed by marks of one kind."""

    minutes: int
    """The length of what is marked: the readings are read by it."""
    resolutions: tuple[int, ...]
    at_most: timedelta


_FIRST: Final = Mark("", SINCE_EVER, 0)
_HOURS: Final = Pass(60, (15, 60), timedelta(hours=1))
_DAYS: Final = Pass(1440, (1440,), timedelta(hours=27))
_DAYS_SHARE: Final = 8
"""A day is some eight times the work of an hour."""


def rolled_up(decoders: Iterable[Decoder]) -> dict[str, tuple[Quantity, ...]]:
    """The quantities of each family that can be rolled up: all but texts."""
    decoders = tuple(decoders)
    known = vocabulary(decoders)
    return {
        family: tuple(known[name] for name in names if known[name].value_type != "text")
        for family, names in quantities_by_family(decoders).items()
    }


class Rollups:
    """Recomputes what is marked, family by family."""

    def __init__(
        self,
        families: Mapping[str, Sequence[Quantity]],
        settings: Settings,
        *,
        facts_from: Mapping[str, datetime] | None = None,
    ) -> None:
        """Compose the queries of each family.

        Args:
            families: their quantities, as `rolled_up` finds them.
            settings: time zone, gaps and the size of a batch.
            facts_from: since when each family's readings are whole; a bucket that begins earlier stays as it is.
        """
        self._settings = settings.derive
        self._facts_from = facts_from or {}
        self._families = families
        self._after: dict[tuple[str, Pass], Mark] = {}
        self._state_gap = timedelta(hours=settings.derive.state_gap_hours)
        self._counter_gap = timedelta(days=settings.derive.counter_gap_days)
        self._keep = {
            resolution: {name: _QUERIES[name].format(rollup=sql.Identifier(table)) for name in _KEEPING}
            for resolution, table in RESOLUTIONS.items()
        }

    async def prepare(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Create what the connection needs.

        Raises:
            SettingsError: the database does not know the time zone.
        """
        zone = self._settings.time_zone
        cursor = await connection.execute(_QUERIES["knows_zone"], {"zone": zone})
        if not (await cursor.fetchall())[0][0]:
            raise SettingsError(
                f"setting derive.time_zone: the database knows no such time zone; expected: a name such as "
                f"Europe/Berlin; given: {zone!r}"
            )
        await connection.execute("SET client_min_messages = warning")
        for statement in _QUERIES["stage"].as_string().split(";"):
            if statement.strip():
                await connection.execute(statement.encode())

    @property
    def families(self) -> Sequence[str]:
        """Whose marks it works off."""
        return tuple(self._families)

    async def derive(self, connection: psycopg.AsyncConnection[Any], family: str) -> tuple[int, bool]:
        """Recompute a batch of a family's hours, and of its days where no hour is left.

        Returns:
            How many marks were done, and whether there may be more.
        """
        most = self._settings.rollup_marks
        hours = await self._work_off(connection, family, _HOURS, most)
        if hours == most:
            return hours, True
        most = max(most // _DAYS_SHARE, 1)
        days = await self._work_off(connection, family, _DAYS, most)
        return hours + days, days == most

    async def _work_off(self, connection: psycopg.AsyncConnection[Any], family: str, which: Pass, most: int) -> int:
        """Marks first, facts second, in one transaction; exactly the marks that were read are deleted."""
        async with connection.transaction(), connection.cursor() as cursor:
            marks = await self._next_marks(cursor, family, which, most)
            if not marks:
                return 0
            if self._families[family]:
                await self._recompute(cursor, family, which, marks)
            devices, buckets, ids = map(list, zip(*marks, strict=True))
            values = {"family": family, "minutes": which.minutes, "devices": devices, "buckets": buckets, "ids": ids}
            await cursor.execute(_QUERIES["delete_marks"], values)
        # Go round, so that a device that speaks all the time does not keep others waiting.
        self._after[family, which] = marks[-1] if len(marks) == most else _FIRST
        return len(marks)

    async def _next_marks(
        self, cursor: psycopg.AsyncCursor[Any], family: str, which: Pass, most: int
    ) -> Sequence[Mark]:
        for after in dict.fromkeys((self._after.get((family, which), _FIRST), _FIRST)):
            values = {"family": family, "minutes": which.minutes, "most": most, **after._asdict()}
            await cursor.execute(_QUERIES["read_marks"], values)
            if marks := [Mark(*row) for row in await cursor.fetchall()]:
                return marks
        return ()

    async def _recompute(
        self, cursor: psycopg.AsyncCursor[Any], family: str, which: Pass, marks: Sequence[Mark]
    ) -> None:
        quantities = self._families[family]
        values: dict[str, Any] = {
            "family": family,
            "minutes": which.minutes,
            "resolutions": list(which.resolutions),
            "devices": [mark.device for mark in marks],
            "buckets": [mark.bucket for mark in marks],
            "quantities": [quantity.name for quantity in quantities],
            "kinds": [quantity.kind for quantity in quantities],
            "zone": self._settings.time_zone,
            "state_gap": self._state_gap,
            "counter_gap": self._counter_gap,
            "facts_from": self._facts_from.get(family, SINCE_EVER),
        }

        async def run(query: sql.SQL | sql.Composed, begin: datetime, end: datetime, **more: Any) -> int:
            # The outermost times of a query, as values, tell the planner which chunks it can leave out.
            await cursor.execute(query, {**values, "begin": begin, "end": end, **more})
            return cursor.rowcount

        gap = max(self._state_gap, self._counter_gap)
        begin, end = min(mark.bucket for mark in marks), max(mark.bucket for mark in marks) + which.at_most
        await run(_composed("touch", family, quantities), begin, end)
        await cursor.execute(_QUERIES["touched_quantities"])
        names = {name for (name,) in await cursor.fetchall()}
        if not names:
            return
        # A family has dozens of columns, a device some of them: only those are read again.
        touched = [quantity for quantity in quantities if quantity.name in names]
        if which is _HOURS:
            await run(_composed("reach", family, touched), begin - gap, end + gap)
            await run(_QUERIES["mark_days"], begin, end)
        else:
            await run(_QUERIES["reach_days"], begin, end)
        await cursor.execute(_QUERIES["extent"])
        begin, end = (await cursor.fetchall())[0]
        await cursor.execute(_QUERIES["join_by_hash"])
        edges = {"edges_begin": begin - gap, "edges_end": end + gap}
        await run(_composed("recompute", family, touched), begin, end, **edges)
        for resolution in which.resolutions:
            await run(self._keep[resolution]["keep_changed"], begin, end, resolution=resolution)
            if await run(self._keep[resolution]["find_lost"], begin, end, resolution=resolution):
                await cursor.execute(_QUERIES["join_freely"])
                await run(self._keep[resolution]["drop_lost"], begin, end, resolution=resolution)
                await cursor.execute(_QUERIES["join_by_hash"])
        await cursor.execute(_QUERIES["join_freely"])


def _composed(query: str, family: str, quantities: Sequence[Quantity]) -> sql.Composed:
    """A query with the family's table and columns."""
    measured = [
        sql.SQL("({}, {}, {})").format(sql.Literal(each.name), sql.Literal(each.kind), _value_of(each))
        for each in quantities
    ]
    branches = [
        sql.SQL("WHEN {} THEN {}").format(sql.Literal(each.name), _value_of(each))
        for each in quantities
        if each.kind in _CONNECTED
    ]
    return _QUERIES[query].format(
        readings=sql.Identifier(table_of(family)),
        measured=sql.SQL(", ").join(measured),
        picked=sql.SQL("(CASE touched.quantity {} ELSE NULL::double precision END)").format(sql.SQL(" ").join(branches))
        if branches
        else sql.SQL("NULL::double precision"),
    )


def _value_of(quantity: Quantity) -> sql.Composed:
    """The column as a number; NULL where it is no measurement, so that no nonsense breaks a sum."""
    column = sql.SQL("reading.{}").format(sql.Identifier(quantity.name))
    if quantity.value_type == "flag":
        return sql.SQL("{}::integer::double precision").format(column)
    most = _MOST_DECIBELS if quantity.kind == "level" else _MOST_NUMBER
    return sql.SQL("CASE WHEN {0} BETWEEN {1} AND {2} THEN {0}::double precision END").format(
        column, sql.Literal(max(quantity.low, -most)), sql.Literal(min(quantity.high, most))
    )
