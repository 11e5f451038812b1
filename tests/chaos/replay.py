"""The strongest witness: the same raw log once more, in a namespace beside, without a single failure.

Its records keep partition, offset, time and headers, so every result column must come out equal: whatever the live
system went through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from pipeline.core import topics
from pipeline.core.model import Outgoing
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.kafka.consumer import open_log
from pipeline.kafka.producer import open_sink
from tests.chaos.settle import partitions_of, settle
from tests.chaos.streams import CHUNK
from tests.chaos.system import System, demolish, open_system, stages_but

NOT_RESULTS: Final = frozenset(
    {"ledger", "outbox", "subject", "mark", "rollup_mark", "recompute", "fleet_recompute", "migration"}
)
NOT_COMPARED: Final = {
    "*": {"stored_at", "updated_at", "acknowledged_at", "acknowledged_by", "revision"},
    # Where a dead letter lies depends on how often decode had to repeat itself; its id names the topic it came from.
    "dead_letter": {"id", "origin_topic", "dead_partition", "dead_offset"},
    # Boards are told by the clock.
    "parking_zone": {"told_at", "told"},
    # Which frame opened an alert *first* depends on what had arrived by then, and the id on that frame.
    # And a sentence names a gateway's devices by where they served when it was told.
    "alert": {"id", "opened_event", "cause", "message_de", "message_en"},
    "internal_alert": {"id", "opened_event", "cause", "message_de", "message_en"},
}
_GIVEN: Final = ("site", "assignment")
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of a table that only one side has."""

    table: str
    live_only: int
    replay_only: int
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many rows each table has, and where the two sides differ."""

    rows: dict[str, int]
    differences: Sequence[Difference]
    seconds: float


async def replay_and_compare(system: System) -> Comparison:
    """Run the raw log of a system once more beside it, and compare all tables of results."""
    live = system.settings
    namespace = f"{system.namespace.rstrip('.')}_again."
    folder = system.folder / "again"
    async with open_system(system.layout, folder, namespace=namespace, replay=True) as again:
        settings = again.settings
        await _copy_raw(live, settings)
        await _copy_given(live, settings)
        stages = stages_but("bridge", "relay")
        for stage in stages:
            await again.start(stage)
        seconds = await settle(settings, stages, last=None)
        comparison = await compare(live, settings, seconds)
    if not comparison.differences:
        await demolish(settings)
    return comparison


async def _copy_raw(live: Settings, again: Settings) -> None:
    async with open_log(live) as log, open_sink(again) as sink:
        for partition in partitions_of(live, topics.RAW):
            bounds = (await log.bounds([partition]))[partition]
            for start in range(bounds.beginning, bounds.end, CHUNK):
                records = await log.read(partition, start, min(start + CHUNK, bounds.end))
                await sink.send(
                    [
                        Outgoing(again.namespace + topics.RAW, r.partition, r.timestamp, r.key, r.value, r.headers)
                        for r in records
                    ]
                )


async def _copy_given(live: Settings, again: Settings) -> None:
    """What people told the system: sites, and which device serves them."""
    async with connected(again, "chaos") as connection:
        for table in _GIVEN:
            await connection.execute(
                sql.SQL("INSERT INTO {} SELECT * FROM {}").format(
                    sql.Identifier(again.schema_name, table), sql.Identifier(live.schema_name, table)
                )
            )
        await connection.commit()


async def compare(live: Settings, again: Settings, seconds: float) -> Comparison:
    """Compare all tables of two schemas, without the columns that are no results."""
    rows: dict[str, int] = {}
    differences: list[Difference] = []
    async with connected(live, "chaos") as connection:
        cursor = await connection.execute(
            "SELECT table_name::text, array_agg(column_name::text ORDER BY ordinal_position)"
            " FROM information_schema.columns WHERE table_schema = %s GROUP BY table_name ORDER BY table_name",
            (live.schema_name,),
        )
        for table, columns in await cursor.fetchall():
            if table in NOT_RESULTS:
                continue
            without = NOT_COMPARED["*"] | NOT_COMPARED.get(table, set())
            chosen = sql.SQL(", ").join(sql.Identifier(c) for c in columns if c not in without)
            here, there = (
                sql.SQL("SELECT {} FROM {}").format(chosen, sql.Identifier(schema, table))
                for schema in (live.schema_name, again.schema_name)
            )
            rows[table] = (await _rows(connection, sql.SQL("SELECT count(*) FROM ({}) AS t").format(here)))[0][0]
            mine = await _except(connection, here, there)
            theirs = await _except(connection, there, here)
            if mine or theirs:
                examples = [f"live: {r}" for r in mine[:_SHOWN]] + [f"replay: {r}" for r in theirs[:_SHOWN]]
                differences.append(Difference(table, len(mine), len(theirs), examples))
    return Comparison(rows, differences, seconds)


async def _except(
    connection: psycopg.AsyncConnection[Any], here: sql.Composed, there: sql.Composed
) -> list[tuple[Any, ...]]:
    query = sql.SQL("SELECT t::text FROM ({} EXCEPT ALL {}) AS t ORDER BY 1").format(here, there)
    return await _rows(connection, query)


async def _rows(connection: psycopg.AsyncConnection[Any], query: sql.Composed) -> list[tuple[Any, ...]]:
    return list(await (await connection.execute(query)).fetchall())
