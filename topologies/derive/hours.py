"""How much came from each family in each hour, recomputed from the wide tables.

The store marks the hours that a batch wrote into; counting them anew is right however late a reading was, and however
often a batch came. An hour that has lost readings to retention is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

from pipeline.core.settings import Settings
from pipeline.database.facts_from import facts_from
from pipeline.database.families import table_of
from pipeline.database.queries import load_queries
from topologies.derive.derivation import Derivation, Done
from topologies.derive.marks import taken

_QUERIES = load_queries("topologies.derive")
_MARK: Final = "reading_hour"
_HOUR: Final = timedelta(hours=1)
_COUNT: Final = sql.SQL(
    "SELECT count(*), count(DISTINCT device) FROM {} WHERE observed_at >= %(begin)s AND observed_at < %(end)s"
)


async def derive_hours(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
    """Recompute what is marked, in one transaction. Marks first, facts second."""
    async with taken(connection, _MARK, settings.derive.batch_marks) as (cursor, marks):
        if not marks:
            return Done()
        begins = await facts_from(cursor, {table_of(mark.subject) for mark in marks})
        whole = [(mark.subject, mark.bucket) for mark in marks if mark.bucket >= begins[table_of(mark.subject)]]
        if hours := sorted(set(whole)):
            counts = [await _count(cursor, family, bucket) for family, bucket in hours]
            await cursor.execute(_QUERIES["keep_hours"], _columns(hours, counts))
    return Done(len(marks), len(marks) - len(whole))


async def _count(cursor: psycopg.AsyncCursor[Any], family: str, bucket: datetime) -> tuple[int, int]:
    await cursor.execute(_COUNT.format(sql.Identifier(table_of(family))), {"begin": bucket, "end": bucket + _HOUR})
    row = await cursor.fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def _columns(hours: Iterable[tuple[str, datetime]], counts: Iterable[tuple[int, int]]) -> dict[str, list[Any]]:
    families, buckets = zip(*hours, strict=True)
    readings, devices = zip(*counts, strict=True)
    return {
        "families": list(families),
        "buckets": list(buckets),
        "readings": list(readings),
        "devices": list(devices),
    }


HOURS: Final = Derivation(name="hours", run=derive_hours)
