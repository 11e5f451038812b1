"""Keeps retention: drops what is older than the settings say, and says first from when on facts are whole.

A command for a timer and no stage: it looks at a clock, works once and ends. Killed anywhere it has dropped less than
it could have, and the next run drops the rest: what it says (`facts_from`) is committed before what it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from pipeline.core.errors import SettingsError
from pipeline.core.settings import Retention, Settings
from pipeline.database.catalogue import entry_of
from pipeline.database.connection import connected
from pipeline.database.facts_from import raise_facts_from, wait_for_readers
from pipeline.database.queries import load_queries

_QUERIES = load_queries("pipeline.database", "retention.sql")
LOCK_TIMEOUT: Final = "5s"
"""Whoever comes behind us in the queue for a chunk waits as long as we do."""
STEP_ROWS: Final = 5_000
"""Rows that one statement deletes from a plain table, so that nobody waits for it."""


class Limit(NamedTuple):
    """Up to when a table is kept."""

    table: str
    days: int
    before: datetime
    """What is older goes."""
    by: str
    chunked: bool
    class_by: str = ""
    """The column by which only personal rows are meant; empty: all."""


class Chunk(NamedTuple):
    """A part of a hypertable."""

    begin: datetime
    end: datetime
    size_bytes: int


class Dropped(NamedTuple):
    """What went of a table, or would."""

    limit: Limit
    chunks: tuple[Chunk, ...] = ()
    rows: int = 0
    """Deleted one by one; those of chunks are not counted."""
    busy: bool = False
    """Somebody uses what should go; the next run tries again."""

    @property
    def size_bytes(self) -> int:
        """Of the chunks."""
        return sum(chunk.size_bytes for chunk in self.chunks)


def limits_of(tables: Mapping[str, bool], retention: Retention, now: datetime) -> list[Limit]:
    """What is to be kept how long.

    Args:
        tables: what there is: name -> whether it is a hypertable.
        retention: days by setting.
        now: aware.
    """
    found = []
    for table, chunked in sorted(tables.items()):
        entry = entry_of(table)
        if entry is None or entry.kept is None:
            continue
        if days := getattr(retention, entry.kept):
            found.append(Limit(table, days, now - timedelta(days=days), entry.by, chunked))
        if entry.class_by and (days := retention.personal_days):
            found.append(Limit(table, days, now - timedelta(days=days), entry.by, chunked, entry.class_by))
    return found


async def maintain(settings: Settings, now: datetime, *, dry_run: bool = False) -> list[Dropped] | None:
    """Drop what is older than the settings say; safe to repeat, and to run twice at once.

    Returns:
        What went, or with `dry_run` would go, by table; None where another one is at work.

    Raises:
        SettingsError: this is a replay, the tables are not there, or they are not ours to drop from.
    """
    if settings.replay:
        raise SettingsError("setting replay: a replay's rows are of the past by nature, nothing of them is dropped")
    async with connected(settings, "maintain") as connection:
        await connection.set_autocommit(True)
        try:
            if not dry_run and not await _alone(connection):
                return None
            tables = dict(await _rows(connection, "tables", {}))
            if "facts_from" not in tables:
                raise SettingsError("the database lacks facts_from; the remedy: silkstream migrate")
            return [
                await _keep(connection, limit, dry_run=dry_run) for limit in limits_of(tables, settings.retention, now)
            ]
        except psycopg.errors.InsufficientPrivilege as refused:
            said = refused.diag.message_primary or str(refused)
            raise SettingsError(f"only a member of the owner's role may drop rows ({said})") from refused


async def _alone(connection: psycopg.AsyncConnection[Any]) -> bool:
    ((alone,),) = await _rows(connection, "lock_maintain", {})
    return bool(alone)


async def _keep(connection: psycopg.AsyncConnection[Any], limit: Limit, *, dry_run: bool) -> Dropped:
    if not limit.chunked:
        return Dropped(limit, rows=await _delete(connection, limit, dry_run=dry_run))
    old = [
        Chunk(begin, end, size)
        for begin, end, size in await _rows(
            connection, "old_chunks", {"table": limit.table, "before": limit.before.astimezone(UTC)}
        )
    ]
    if dry_run or not old:
        return Dropped(limit, tuple(old))
    await raise_facts_from(connection, [limit.table], old[-1].end)
    return await _drop(connection, limit, old)


async def _drop(connection: psycopg.AsyncConnection[Any], limit: Limit, old: Sequence[Chunk]) -> Dropped:
    """Oldest first, one a transaction; gives way to whoever holds a chunk for longer than a moment."""
    gone: list[Chunk] = []
    for chunk in old:
        try:
            async with connection.transaction():
                await connection.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
                await wait_for_readers(connection, limit.table)
                await connection.execute(_QUERIES["drop_chunk"], {"table": limit.table, "end": chunk.end})
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            return Dropped(limit, tuple(gone), busy=True)
        gone.append(chunk)
    return Dropped(limit, tuple(gone))


async def _delete(connection: psycopg.AsyncConnection[Any], limit: Limit, *, dry_run: bool) -> int:
    table, old = sql.Identifier(limit.table), sql.SQL("{} < %s").format(sql.Identifier(limit.by))
    if limit.class_by:
        old += sql.SQL(" AND {} = 'personal'").format(sql.Identifier(limit.class_by))
    if dry_run:
        count = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(table, old)
        cursor = await connection.execute(count, [limit.before])
        ((rows,),) = await cursor.fetchall()
        return int(rows)
    step = sql.SQL("DELETE FROM {0} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {0} WHERE {1} LIMIT %s))").format(
        table, old
    )
    rows = 0
    while True:
        cursor = await connection.execute(step, [limit.before, STEP_ROWS])
        rows += cursor.rowcount
        if cursor.rowcount < STEP_ROWS:
            return rows


async def _rows(
    connection: psycopg.AsyncConnection[Any], query: str, parameters: Mapping[str, Any]
) -> Iterable[tuple[Any, ...]]:
    cursor = await connection.execute(_QUERIES[query], parameters)
    return await cursor.fetchall()
