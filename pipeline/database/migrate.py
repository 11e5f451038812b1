"""Builds the database from nothing and from any earlier version.

Fixed tables come from schemas/sql, wide ones from the installed decoders (`wide`); who may do what comes last
(`roles`), so that a table is nobody's until its rights are those of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql

from decoders.api import Decoder
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.database.queries import load_queries
from pipeline.database.roles import become_owner, drop_roles, grant_rights
from pipeline.database.wide import build_wide_tables

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
        cursor = await connection.execute(_QUERIES["has_schema"], {"schema": settings.schema_name})
        if not await cursor.fetchone():
            # Asked for first: `IF NOT EXISTS` wants the right to create one also where there is one.
            await connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(settings.schema_name)))
        await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public")
        with_roles, told = await become_owner(connection, settings)
        done = await _fixed_tables(connection, upto)
        if upto is None:
            done += await build_wide_tables(connection, decoders)
        if with_roles:
            done += await grant_rights(connection, settings)
        return [*told, *done]


async def drop(settings: Settings) -> None:
    """Delete a namespace's schema with all that is in it, and its roles.

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
        await drop_roles(connection, settings)
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
