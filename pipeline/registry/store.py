"""Sites and assignments in the database.

A change is read, worked out and written in one transaction, together with the requests to recompute: a site that was
corrected without its devices being run again would leave results that no longer follow from what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from pipeline.core.errors import SettingsError
from pipeline.database.connection import Connection
from pipeline.database.queries import load_queries
from pipeline.registry.change import Difference, State, difference
from pipeline.registry.sites import SiteVersion

_QUERIES = load_queries("pipeline.registry")


async def change(connection: Connection, alter: Callable[[State], State], *, dry_run: bool = False) -> Difference:
    """Bring the database from what it says to what `alter` makes of it; commits.

    Args:
        connection: outside a transaction.
        alter: pure; it may raise, and then nothing is written.
        dry_run: work out the difference only.

    Returns:
        What was written, or would be.
    """
    async with connection.transaction():
        if not dry_run:
            await _run(connection, "lock")
        before = await read(connection)
        found = difference(before, alter(before))
        if found and not dry_run:
            await _write(connection, found)
    return found


async def read(connection: Connection) -> State:
    """All sites and assignments.

    Raises:
        SettingsError: the tables are not there.
    """
    sites: dict[str, dict[datetime, SiteVersion]] = {}
    for site, valid_from, family, name, group, attributes, data_class in await _run(connection, "read_sites"):
        version = SiteVersion(family=family, name=name, group=group, attributes=attributes, data_class=data_class)
        sites.setdefault(site, {})[valid_from] = version
    assignments: dict[str, dict[datetime, str | None]] = {}
    for device, valid_from, site in await _run(connection, "read_assignments"):
        assignments.setdefault(device, {})[valid_from] = site
    return State(sites, assignments)


async def _run(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    try:
        cursor = await connection.execute(_QUERIES[query])
    except psycopg.errors.UndefinedTable as missing:
        raise SettingsError("the database has no table of sites; run `silkstream migrate` first") from missing
    return list(await cursor.fetchall()) if cursor.description else []


async def _write(connection: Connection, found: Difference) -> None:
    async with connection.cursor() as cursor:
        await _write_each(
            cursor,
            "write_site",
            (
                {
                    "site": each.site,
                    "valid_from": each.valid_from,
                    "family": each.new.family,
                    "name": each.new.name,
                    "group": each.new.group,
                    "attributes": Jsonb(dict(each.new.attributes)),
                    "class": each.new.data_class,
                }
                for each in found.versions
            ),
        )
        await _write_each(
            cursor,
            "write_assignment",
            ({"device": e.device, "valid_from": e.valid_from, "site": e.new} for e in found.assignments),
        )
        await _write_each(
            cursor, "write_recompute", ({"device": e.device, "from_at": e.from_at} for e in found.recompute)
        )


async def _write_each(cursor: psycopg.AsyncCursor[Any], query: str, rows: Iterable[dict[str, object]]) -> None:
    await cursor.executemany(_QUERIES[query], list(rows))
