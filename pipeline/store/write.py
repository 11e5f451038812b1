"""Writes rows: COPY into a staging table, one upsert, and bisection where the database refuses a row.

A refusal is SQLSTATE class 22 or 23 and speaks of the row; anything else speaks of the server and holds the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from pipeline.core.clock import DAY_US, HOUR_US, MINUTE_US
from pipeline.core.model import Record
from pipeline.database.connection import is_about_the_row
from pipeline.database.families import IDENTITY, is_rolled_up, table_of
from pipeline.database.queries import load_queries
from pipeline.store.rows import Key, Row, Rows, Table, sorted_rows

QUERIES: Final = load_queries("pipeline.store")
_QUARTER_US: Final = 15 * MINUTE_US
_WEATHER: Final = "weather"
_PRESSURE: Final = "air_pressure_hectopascals"
_DAYS: Final = range(47_482)
"""From 1970 to 2100."""
_TIMES: Final = frozenset({"observed_at", "ingested_at"})


class Upsert(NamedTuple):
    """How rows come into one table."""

    table: str
    copy: sql.Composed | sql.SQL
    move: sql.Composed | bytes
    clear: sql.Composed


class Refusal(NamedTuple):
    """A row that the database refused."""

    table: str
    origin: Record
    detail: str


def _upsert(table: str, move: sql.Composed | bytes) -> Upsert:
    staged = sql.Identifier(f"staged_{table}")
    return Upsert(
        table,
        sql.SQL("COPY {} FROM STDIN").format(staged),
        move,
        sql.SQL("TRUNCATE {}").format(staged),
    )


FIXED: Final = {
    name: _upsert(name, QUERIES[f"upsert_{name}"])
    for name in ("frame", "link_quality", "device", "device_latest", "dead_letter")
}


def wide_upsert(family: str, quantities: Sequence[str]) -> Upsert:
    """The upsert of a wide table: a later decoder fills what was missing, and takes nothing away."""
    table = table_of(family)
    names = [*IDENTITY, *quantities]
    selected = sql.SQL(", ").join(
        sql.SQL("timestamptz 'epoch' + {} * interval '1 microsecond'").format(sql.Identifier(name))
        if name in _TIMES
        else sql.Identifier(name)
        for name in names
    )
    kept = sql.Identifier("kept")
    replaced = [name for name in IDENTITY if name not in {"device", "observed_at", "channel"}]
    assignments = sql.SQL(", ").join(
        [
            *(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in replaced),
            *(
                sql.SQL("{0} = coalesce(excluded.{0}, {1}.{0})").format(sql.Identifier(name), kept)
                for name in quantities
            ),
        ]
    )
    move = sql.SQL(
        "INSERT INTO {table} AS kept ({columns}) SELECT {selected} FROM {staged}"
        " ON CONFLICT (device, observed_at, channel) DO UPDATE SET {assignments}"
    ).format(
        table=sql.Identifier(table),
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
        selected=selected,
        staged=sql.Identifier(f"staged_{table}"),
        assignments=assignments,
    )
    return _upsert(table, move)


async def create_staging(connection: psycopg.AsyncConnection[Any], families: Mapping[str, Mapping[str, str]]) -> None:
    """Create the staging tables of this connection; commits."""
    await connection.execute("SET client_min_messages = warning")
    await connection.execute(QUERIES["stage"])
    for family, quantities in families.items():
        columns = [
            sql.SQL("{} {}").format(
                sql.Identifier(name),
                sql.SQL("bigint" if name in _TIMES else kind.split(" COLLATE ")[0].split(" NOT NULL")[0]),
            )
            for name, kind in (*IDENTITY.items(), *quantities.items())
        ]
        await connection.execute(
            sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} ({}) ON COMMIT DELETE ROWS").format(
                sql.Identifier(f"staged_{table_of(family)}"), sql.SQL(", ").join(columns)
            )
        )
    await connection.commit()


async def write_rows(
    connection: psycopg.AsyncConnection[Any], rows: Rows, upserts: Mapping[str, Upsert]
) -> list[Refusal]:
    """Write all rows inside the caller's transaction; tables and keys in sorted order.

    Returns:
        The rows that the database refused; all others are written.
    """
    refusals: list[Refusal] = []
    for name, table in _tables(rows):
        if table.rows:
            await _write(connection, upserts[name], table, sorted_rows(table), refusals)
    return refusals


async def mark_days(connection: psycopg.AsyncConnection[Any], rows: Rows) -> None:
    """Mark the days that devices' frames were written into, and the batteries that came with readings."""
    days = {(row[2], row[1] // DAY_US) for row in rows.frame.rows.values()}
    days |= {(row[3], row[2] // DAY_US) for row in rows.link_quality.rows.values()}
    days |= {(device, at // DAY_US) for table in rows.readings.values() for device, at, _ in table.rows}
    # A row that was refused may have a time that is none.
    days = {(device, day) for device, day in days if day in _DAYS}
    if days:
        devices, numbers = zip(*sorted(days), strict=True)
        await connection.execute(QUERIES["mark_days"], {"devices": list(devices), "days": list(numbers)})


async def mark_hours(connection: psycopg.AsyncConnection[Any], rows: Rows) -> None:
    """Mark the hours that readings were written into."""
    hours = sorted({(family, at // HOUR_US) for family, _, at in _measured(rows)})
    if hours:
        families, numbers = zip(*hours, strict=True)
        await connection.execute(QUERIES["mark_hours"], {"families": list(families), "hours": list(numbers)})


async def mark_rollups(connection: psycopg.AsyncConnection[Any], rows: Rows) -> None:
    """Mark the quarters of an hour that each device's readings were written into; none of what tells of people."""
    marks = sorted(
        {(family, device, at // _QUARTER_US) for family, device, at in _measured(rows) if is_rolled_up(family)}
    )
    if marks:
        families, devices, quarters = map(list, zip(*marks, strict=True))
        values = {"families": families, "devices": devices, "quarters": quarters}
        await connection.execute(QUERIES["mark_rollups"], values)


async def mark_pressures(
    connection: psycopg.AsyncConnection[Any], rows: Rows, families: Mapping[str, Mapping[str, str]]
) -> None:
    """Mark what weather stations said of the pressure: levels of wells are counted with it."""
    table, quantities = rows.readings.get(_WEATHER), list(families.get(_WEATHER, ()))
    if table is None or _PRESSURE not in quantities:
        return
    column = len(IDENTITY) + quantities.index(_PRESSURE)
    told = sorted(
        {
            (device, at)
            for (device, at, _), row in table.rows.items()
            if row[column] is not None and at // DAY_US in _DAYS
        }
    )
    if told:
        devices, times = zip(*told, strict=True)
        await connection.execute(QUERIES["mark_pressures"], {"devices": list(devices), "times": list(times)})


def _measured(rows: Rows) -> Iterator[tuple[str, str, int]]:
    """Family, device and time of each reading; without times that are none: the database has refused such rows."""
    for family, table in rows.readings.items():
        for device, at, _ in table.rows:
            if at // DAY_US in _DAYS:
                yield family, device, at


def _tables(rows: Rows) -> Iterator[tuple[str, Table]]:
    yield "dead_letter", rows.dead_letter
    yield "device", rows.device
    yield "device_latest", rows.device_latest
    yield "frame", rows.frame
    yield "link_quality", rows.link_quality
    for family in sorted(rows.readings):
        yield table_of(family), rows.readings[family]


async def _write(
    connection: psycopg.AsyncConnection[Any],
    upsert: Upsert,
    table: Table,
    rows: Sequence[tuple[Key, Row]],
    refusals: list[Refusal],
) -> None:
    try:
        # A savepoint: a refusal undoes this table's rows alone.
        async with connection.transaction(), connection.cursor() as cursor:
            async with cursor.copy(upsert.copy) as copy:
                write_row = copy.write_row
                for _, row in rows:
                    await write_row(row)
            await cursor.execute(upsert.move)
    except psycopg.Error as fault:
        if not is_about_the_row(fault):
            raise
        if len(rows) == 1:
            key, _ = rows[0]
            refusals.append(Refusal(upsert.table, table.origins[key], " ".join(str(fault).split())))
            return
        middle = len(rows) // 2
        for half in (rows[:middle], rows[middle:]):
            # What the half before has staged was moved already.
            await connection.execute(upsert.clear)
            await _write(connection, upsert, table, half, refusals)
