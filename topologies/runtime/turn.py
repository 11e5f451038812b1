"""One active worker of a kind: the others wait, and take over when its database session ends."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from pipeline.core.retry import sleep_unless
from pipeline.core.stage import Context

_ASK_SECONDS: Final = 0.5


async def wait_for_turn(connection: psycopg.AsyncConnection[Any], query: bytes, context: Context) -> bool:
    """Wait for an advisory lock of the session.

    Args:
        connection: what is done under the lock has to be done on it: it goes with the session.
        query: asks for the lock; one row with one boolean.
        context: of the stage. One that stands by is ready.

    Returns:
        False where the stage was told to stop first.
    """
    while True:
        cursor = await connection.execute(query)
        row = await cursor.fetchone()
        if row is not None and row[0]:
            return True
        context.progress.moved()
        if await sleep_unless(context.stop, _ASK_SECONDS):
            return False
