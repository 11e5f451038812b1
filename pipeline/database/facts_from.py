"""From when on a table has all its facts: what begins earlier is never recomputed, it would come out too small.

`silkstream maintain` raises the time first, then drops. Both sides meet at an advisory lock of the table: who has read
the time keeps it from dropping until the transaction ends, so nobody recomputes from facts that vanish meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from pipeline.database.queries import load_queries

BEYOND_RETENTION: Final = "beyond_retention"
"""The reason by which a mark is counted whose bucket is not recomputed."""
ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_QUERIES = load_queries("pipeline.database", "retention.sql")


async def facts_from(cursor: psycopg.AsyncCursor[Any], tables: Iterable[str]) -> dict[str, datetime]:
    """From when on each table has all its facts; holds off whoever would drop more until the transaction ends.

    Args:
        cursor: of the transaction that recomputes, at READ COMMITTED; call this before facts are read.
        tables: names of tables of facts.

    Returns:
        For each table its time; `ALWAYS` where nothing was ever dropped.
    """
    wanted = sorted(set(tables))
    # Two statements: the second one's snapshot has to be taken when the lock is held.
    await cursor.execute(_QUERIES["hold_facts"], {"tables": wanted})
    await cursor.execute(_QUERIES["read_facts_from"], {"tables": wanted})
    return dict.fromkeys(wanted, ALWAYS) | {str(table): begin for table, begin in await cursor.fetchall()}


async def raise_facts_from(connection: psycopg.AsyncConnection[Any], tables: Collection[str], begin: datetime) -> None:
    """Say that facts before a time may be gone from now on; never lowers what was said. Commits before the drop."""
    await connection.execute(_QUERIES["raise_facts_from"], {"tables": sorted(tables), "begin": begin})


async def wait_for_readers(connection: psycopg.AsyncConnection[Any], table: str) -> None:
    """Wait until nobody recomputes from a table any more who has read an earlier time; part of the dropping."""
    await connection.execute(_QUERIES["seize_facts"], {"table": table})
