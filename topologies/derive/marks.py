"""Marks of one kind: taken in the transaction that does them, oldest first, and exactly those deleted at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from pipeline.database.queries import load_queries

_QUERIES = load_queries("topologies.derive")
Cursor = psycopg.AsyncCursor[Any]


class Marked(NamedTuple):
    """A mark as it was read."""

    id: int
    subject: str
    bucket: datetime
    """Begin of the stretch of time that it concerns; the year 9999 for the state now."""


@asynccontextmanager
async def taken(
    connection: psycopg.AsyncConnection[Any], what: str, most: int
) -> AsyncIterator[tuple[Cursor, Sequence[Marked]]]:
    """A transaction with marks of a kind, which are gone when it is committed.

    Marks are read first and facts second, each statement seeing what is committed by then: a mark that comes in
    between is left for the next time, and its facts may be counted twice, which is the same as once.
    """
    async with connection.transaction(), connection.cursor() as cursor:
        marks = await read(cursor, what, most)
        yield cursor, marks
        if marks:
            await delete(cursor, [mark.id for mark in marks])


async def read(cursor: Cursor, what: str, most: int) -> Sequence[Marked]:
    """The oldest marks of a kind."""
    await cursor.execute(_QUERIES["read_marks"], {"what": what, "most": most})
    return [Marked(*row) for row in await cursor.fetchall()]


async def delete(cursor: Cursor, ids: Sequence[int]) -> None:
    """Say that marks are done."""
    await cursor.execute(_QUERIES["delete_marks"], {"ids": ids})
