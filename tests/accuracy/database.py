"""Questions to the database whose times are answered in microseconds since 1970, as the simulator counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from pipeline.core.clock import to_us

Connection = psycopg.AsyncConnection[Any]


async def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query of ours."""
    found = await (await connection.execute(query.encode())).fetchall()
    return [tuple(to_us(value) if isinstance(value, datetime) else value for value in row) for row in found]
