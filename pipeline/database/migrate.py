"""Builds the database from nothing and from any earlier version.

Fixed tables come from schemas/sql; the wide tables follow the installed decoders, so that a plugin's new quantity
becomes a column without a file of ours being touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql

from decoders.api import Decoder
from decoders.quantities import Quantity
from decoders.registry import vocabulary
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.database.families import IDENTITY, quantities_by_family, table_of
from pipeline.database.queries import load_queries

_QUERIES = load_queries("pipeline.database")
_LOCK = 0x51_1C_57


def migrations() -> dict[str, str]:
    """The migrations that lead from any earlier version here: name -> SQL, in order."""
    folder = resources.files("schemas").joinpath("sql/migrations")
    return {
        entry.name.removesuffix(".sql"): entry.read_text()
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".sql")
    }


async def migrate(settings: Settings, decoders: Iterable[Decoder], *, upto: str | None = None) -> list[str]:
    """Bring the database to this version; safe to repeat and to run twice at once.

    Args:
        settings: which database, which schema.
        decoders: whose quantities become columns.
        upto: stop behind this migration: for the tests of "from any earlier version".

    Returns:
        What was done, one line each; empty where nothing was to do.
    """
    async with connected(settings, "migrate") as connection:
        await connection.set_autocommit(True)
        await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        await connection.execute("SET client_min_messages = warning")
        await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(settings.schema_name)))
        await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public")
        done = await _fixed_tables(connection, upto)
        if upto is None:
            done += await _wide_tables(connection, decoders)
        return done


async def drop(settings: Settings) -> None:
    """Delete a namespace's schema with all that is in it.

    Raises:
        SettingsError: it is not a namespace's: the live schema is never dropped.
    """
    if not settings.namespace:
        raise SettingsError("setting namespace: only the schema of a namespace is dropped, never the live one")
    async with connected(settings, "migrate") as connection:
        await connection.execute("SET client_min_messages = warning")
        await connection.execute(
            sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(settings.schema_name))
        )
        await connection.commit()


async def _fixed_tables(connection: psycopg.AsyncConnection[Any], upto: str | None) -> list[str]:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    cursor = await connection.execute("SELECT name FROM migration")
    applied = {name for (name,) in await cursor.fetchall()}
    known = migrations()
    if strangers := applied - known.keys():
        raise SettingsError(
            f"the database has migration {min(strangers)}, unknown to this version: it is of a newer silkstream"
        )
    wanted = [name for name in known if upto is None or name <= upto]
    if not applied and upto is None:
        async with connection.transaction():
            await connection.execute(resources.files("schemas").joinpath("sql/schema.sql").read_bytes())
            for name in wanted:
                await connection.execute("INSERT INTO migration (name) VALUES (%s)", (name,))
        return ["built the schema from nothing"]
    done = []
    for name in wanted:
        if name not in applied:
            async with connection.transaction():
                await connection.execute(known[name].encode())
                await connection.execute("INSERT INTO migration (name) VALUES (%s)", (name,))
            done.append(f"applied {name}")
    return done


async def _wide_tables(connection: psycopg.AsyncConnection[Any], decoders: Iterable[Decoder]) -> list[str]:
    done = []
    decoders = tuple(decoders)
    known = vocabulary(decoders)
    for family, quantities in quantities_by_family(decoders).items():
        table = table_of(family)
        present = (await columns(connection, [table])).get(table, {})
        async with connection.transaction():
            # A lock that is not had at once is given up again: it would queue every reader behind itself.
            await connection.execute("SET LOCAL lock_timeout = '5s'")
            if not present:
                await _create_wide(connection, family)
                done.append(f"created {table}")
            for quantity, kind in quantities.items():
                if quantity not in present:
                    await _add_quantity(connection, table, known[quantity], kind)
                    done.append(f"added {table}.{quantity}")
    return done


async def _create_wide(connection: psycopg.AsyncConnection[Any], family: str) -> None:
    table = sql.Identifier(table_of(family))
    body = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in IDENTITY.items()
    )
    await connection.execute(
        sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY (device, observed_at, channel))").format(table, body)
    )
    await connection.execute(
        "SELECT create_hypertable(%s, 'observed_at', chunk_time_interval => interval '7 days',"
        " create_default_indexes => false)",
        (table_of(family),),
    )
    await connection.execute(
        sql.SQL("CREATE INDEX {} ON {} (observed_at DESC)").format(
            sql.Identifier(f"{table_of(family)}_observed_at"), table
        )
    )
    await connection.execute(
        sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(f"What {family} sensors measured"))
    )


async def _add_quantity(connection: psycopg.AsyncConnection[Any], table: str, quantity: Quantity, kind: str) -> None:
    await connection.execute(
        sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
            sql.Identifier(table), sql.Identifier(quantity.name), sql.SQL(kind)
        )
    )
    await connection.execute(
        sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
            sql.Identifier(table), sql.Identifier(quantity.name), sql.Literal(f"{quantity.help} [{quantity.unit}]")
        )
    )


async def columns(connection: psycopg.AsyncConnection[Any], tables: Iterable[str]) -> Mapping[str, dict[str, str]]:
    """Columns of tables as the database has them: table -> column -> SQL type."""
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
