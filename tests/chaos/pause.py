"""How long results stood still: the longest gap between two moves of a consumer's ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from pipeline.core.errors import Transient
from pipeline.core.settings import Settings
from pipeline.database.connection import connected

LOOK_SECONDS: Final = 0.05


@dataclass(slots=True)
class Pauses:
    """The longest gap of each consumer, in seconds."""

    longest: dict[str, float] = field(default_factory=dict)
    moved: dict[str, tuple[int, float]] = field(default_factory=dict)

    def see(self, consumer: str, total: int, now: float) -> None:
        """Take note of how far a consumer is."""
        before = self.moved.get(consumer)
        if before is None or before[0] != total:
            self.moved[consumer] = (total, now)
            since = now if before is None else before[1]
        else:
            since = before[1]
        self.longest[consumer] = max(self.longest.get(consumer, 0.0), now - since)


@asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator[Pauses]:
    """Watch the ledger for the time of a block."""
    pauses = Pauses()
    watcher = asyncio.create_task(_watch(settings, pauses))
    try:
        yield pauses
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher


async def _watch(settings: Settings, pauses: Pauses) -> None:
    while True:
        # While the database is away nothing moves: the gap counts once it is back.
        with suppress(Transient):
            async with connected(settings, "chaos") as connection:
                await connection.set_autocommit(True)
                while True:
                    cursor = await connection.execute("SELECT consumer, sum(next_offset) FROM ledger GROUP BY consumer")
                    now = time.monotonic()
                    for consumer, total in await cursor.fetchall():
                        pauses.see(str(consumer), int(str(total)), now)
                    await asyncio.sleep(LOOK_SECONDS)
        await asyncio.sleep(LOOK_SECONDS)
