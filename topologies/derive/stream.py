"""How far time has come in the stream of a topology."""

from __future__ import annotations

from typing import Any

import psycopg

from pipeline.database.queries import load_queries
from topologies.runtime import rows
from topologies.runtime.model import stage_name

_QUERIES = load_queries("topologies.derive")


async def complete_us(cursor: psycopg.AsyncCursor[Any], topology: str) -> int | None:
    """Up to when all partitions that a topology reads are complete; None while one of them has not begun to tell."""
    await cursor.execute(_QUERIES["complete"], {"stage": stage_name(topology)})
    row = await cursor.fetchone()
    return None if row is None else rows.time_us(row[0])
