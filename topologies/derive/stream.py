"""How far time has come in the stream of a stage."""

from __future__ import annotations

from typing import Any

import psycopg

from pipeline.database.queries import load_queries
from topologies.runtime import rows

_QUERIES = load_queries("topologies.derive")


async def complete_us(cursor: psycopg.AsyncCursor[Any], stage: str) -> int | None:
    """Up to when all partitions of a stage are complete; None while one of them has not begun to tell."""
    await cursor.execute(_QUERIES["complete"], {"stage": stage})
    row = await cursor.fetchone()
    return None if row is None else rows.time_us(row[0])
