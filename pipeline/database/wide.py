"""The wide tables `reading_<family>`: they follow the installed decoders, so that a plugin's new quantity becomes a
column without a file of ours being touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

from decoders.api import Decoder
from decoders.quantities import Quantity
from decoders.registry import vocabulary
from pipeline.core.errors import SettingsError
from pipeline.database.catalogue import is_personal
from pipeline.database.families import IDENTITY, IDENTITY_COMMENTS, quantities_by_family, table_of
from pipeline.database.queries import load_queries

_QUERIES = load_queries("pipeline.database")
_TABLE: Final = ""
"""Where the comment of the table itself stands among those of its columns."""
_CHUNK: Final = timedelta(days=7)
_PERSONAL_CHUNK: Final = timedelta(days=1)
"""What tells of people is dropped on the day it is due, not up to a week later."""


async def build_wide_tables(connection: psycopg.AsyncConnection[Any], decoders: Iterable[Decoder]) -> list[str]:
    """Create what is missing of tables, columns and comments; says what was done, a line each."""
    done: list[str] = []
    decoders = tuple(decoders)
    known = vocabulary(decoders)
    for family, quantities in quantities_by_family(decoders).items():
        table = table_of(family)
        present = (await columns(connection, [table])).get(table, {})
        async with connection.transaction():
            # A lock that is not had at once is given up again: it would queue every reader behind itself.
            await connection.execute("SET LOCAL lock_timeout = '5s'")
            if not present:
                await _create(connection, table)
                done.append(f"created {table}")
            for quantity, kind in quantities.items():
                if quantity not in present:
                    await _add_column(connection, table, quantity, kind)
                    done.append(f"added {table}.{quantity}")
            comments = {_TABLE: f"What {family} sensors measured", **IDENTITY_COMMENTS}
            comments |= {name: comment_of(known[name]) for name in quantities}
            if await _comment(connection, table, comments) & {_TABLE, *present} and present:
                done.append(f"commented {table}")
            if await _narrow(connection, table):
                done.append(f"new chunks of {table} are a day long")
            done += await _show_impersonal(connection, table)
    return done


def comment_of(quantity: Quantity) -> str:
    """What a column's comment says: the meaning, and the unit as a UCUM code where there is one."""
    return f"{quantity.help} [{quantity.unit}]" if quantity.unit else quantity.help


async def _create(connection: psycopg.AsyncConnection[Any], table: str) -> None:
    body = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in IDENTITY.items()
    )
    await connection.execute(
        sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY (device, observed_at, channel))").format(sql.Identifier(table), body)
    )
    await connection.execute(
        "SELECT create_hypertable(%s, 'observed_at', chunk_time_interval => %s::interval,"
        " create_default_indexes => false)",
        (table, _CHUNK),
    )
    await connection.execute(
        sql.SQL("CREATE INDEX {} ON {} (observed_at DESC)").format(
            sql.Identifier(f"{table}_observed_at"), sql.Identifier(table)
        )
    )


async def _add_column(connection: psycopg.AsyncConnection[Any], table: str, quantity: str, kind: str) -> None:
    await connection.execute(
        sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
            sql.Identifier(table), sql.Identifier(quantity), sql.SQL(kind)
        )
    )


async def _comment(connection: psycopg.AsyncConnection[Any], name: str, wanted: Mapping[str, str]) -> set[str]:
    """Set the comments of a table or view that are not there or say something else; returns whose."""
    cursor = await connection.execute(_QUERIES["comments_of"], {"relation": name})
    found = {column or _TABLE: (comment, kind) for column, comment, kind in await cursor.fetchall()}
    differing = {column for column, comment in wanted.items() if found[column][0] != comment}
    for column in sorted(differing):
        if column == _TABLE:
            what = sql.SQL("VIEW {}" if found[column][1] == "v" else "TABLE {}").format(sql.Identifier(name))
        else:
            what = sql.SQL("COLUMN {}.{}").format(sql.Identifier(name), sql.Identifier(column))
        await connection.execute(sql.SQL("COMMENT ON {} IS {}").format(what, sql.Literal(wanted[column])))
    return differing


async def _narrow(connection: psycopg.AsyncConnection[Any], table: str) -> bool:
    """Let the chunks of a table that tells of people be short; those that are there stay as they are."""
    if not is_personal(table):
        return False
    cursor = await connection.execute(_QUERIES["chunk_interval"], {"table": table})
    row = await cursor.fetchone()
    if row is None or row[0] == _PERSONAL_CHUNK:
        return False
    await connection.execute("SELECT set_chunk_time_interval(%s, %s::interval)", (table, _PERSONAL_CHUNK))
    return bool(row[1])


async def _show_impersonal(connection: psycopg.AsyncConnection[Any], table: str) -> list[str]:
    """Keep the view of what is not personal in a table that also tells of people."""
    view = f"internal_{table}"
    if not is_personal(table) or table.endswith("_personal"):
        return []
    present = await columns(connection, [table, view])
    shown = list(present.get(view, ()))
    missing = [name for name in present[table] if name not in shown]
    if not missing:
        return []
    # A view that others build upon can be replaced by one with more columns at its end, and only by that.
    await connection.execute(
        sql.SQL(
            "CREATE OR REPLACE VIEW {} WITH (security_barrier) AS SELECT {} FROM {}"
            " WHERE device NOT IN (SELECT device FROM personal_device)"
        ).format(
            sql.Identifier(view), sql.SQL(", ").join(map(sql.Identifier, [*shown, *missing])), sql.Identifier(table)
        )
    )
    cursor = await connection.execute(_QUERIES["comments_of"], {"relation": table})
    comments = {column: comment for column, comment, _ in await cursor.fetchall() if column and comment}
    comments[_TABLE] = f"{table} without the sensors of personally assigned sites: for operations"
    await _comment(connection, view, comments)
    return [] if shown else [f"created {view}"]


async def columns(connection: psycopg.AsyncConnection[Any], tables: Iterable[str]) -> Mapping[str, dict[str, str]]:
    """Columns of tables as the database has them, in its order: table -> column -> SQL type."""
    cursor = await connection.execute(_QUERIES["columns_of"], {"tables": list(tables)})
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in await cursor.fetchall():
        found.setdefault(table, {})[column] = kind
    return found


async def check_wide_tables(connection: psycopg.AsyncConnection[Any], decoders: Iterable[Decoder]) -> None:
    """Refuse to work on a database that lacks a column.

    Raises:
        SettingsError: names the first one and the remedy.
    """
    wanted = quantities_by_family(decoders)
    present = await columns(connection, [table_of(family) for family in wanted])
    for family, quantities in wanted.items():
        table = table_of(family)
        for column in ("device", *quantities):
            if column not in present.get(table, {}):
                raise SettingsError(f"the database lacks {table}.{column}; the remedy: silkstream migrate")
