"""Looks at a running system from outside: each process's /metrics, and the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from pipeline.core.model import Partition
from pipeline.core.settings import Settings
from pipeline.core.topics import RAW
from pipeline.database.connection import Connection
from pipeline.database.queries import load_queries
from pipeline.kafka.consumer import KafkaLog
from pipeline.kafka.provision import group_lag
from pipeline.supervisor import Child

QUERIES: Final = load_queries("pipeline.demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    """One process as seen from outside. Counters begin again at 0 with each start."""

    name: str
    pid: int | None
    starts: int
    received: float = 0.0
    seconds: float = 0.0
    """CPU time."""
    megabytes: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The whole system at one moment."""

    stages: Sequence[StageView]
    totals: Mapping[str, Any] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)
    zones: Sequence[tuple[str, int, int, int, int]] = ()
    as_of: datetime | None = None


async def ask(connection: Connection, name: str, **values: object) -> list[tuple[Any, ...]]:
    """The rows of a named query."""
    cursor = await connection.execute(QUERIES[name], values or None)
    rows = await cursor.fetchall()
    await connection.commit()
    return list(rows)


async def look(children: Sequence[Child], session: aiohttp.ClientSession, connection: Connection) -> View:
    """Ask every process and the database how they are."""
    stages = await asyncio.gather(*(_stage(child, session) for child in children))
    cursor = await connection.execute(QUERIES["totals"])
    names = [column.name for column in cursor.description or ()]
    (row,) = await cursor.fetchall()
    totals: dict[str, Any] = dict(zip(names, row, strict=True))
    rejects = dict(await ask(connection, "rejects"))
    zones = [(str(z), int(b), int(o), int(f), int(u)) for z, b, o, f, u in await ask(connection, "zones")]
    return View(stages=stages, totals=totals, rejects=rejects, zones=zones, as_of=totals["as_of"])


async def _stage(child: Child, session: aiohttp.ClientSession) -> StageView:
    seen: dict[str, float] = {}
    if child.pid is not None:
        try:
            async with session.get(f"http://127.0.0.1:{child.port}/metrics") as answer:
                for family in text_string_to_metric_families(await answer.text()):
                    for sample in family.samples:
                        seen.setdefault(sample.name, 0.0)
                        seen[sample.name] += sample.value
        except (aiohttp.ClientError, TimeoutError):
            seen = {}
    return StageView(
        name=child.stage.name,
        pid=child.pid,
        starts=child.starts,
        received=seen.get("silkstream_received_events_total", 0.0),
        seconds=seen.get("process_cpu_seconds_total", 0.0),
        megabytes=seen.get("process_resident_memory_bytes", 0.0) / 1e6,
    )


async def unfinished(settings: Settings, log: KafkaLog, connection: Connection) -> str:
    """What is still on its way, in a few words; empty when everything has arrived."""
    undecoded = await group_lag(settings, "decode", settings.namespace + RAW)
    if undecoded:
        return f"{undecoded:,} events to decode"
    positions = {
        Partition(str(topic), int(number)): int(at)
        for topic, number, at in await ask(connection, "positions")
        if str(topic).startswith(settings.namespace)
    }
    if not positions:
        return "nothing has begun"
    bounds = await log.bounds(list(positions))
    behind = sum(max(bounds[p].end - max(at, 0), 0) for p, at in positions.items())
    if behind:
        return f"{behind:,} records to store and to compute with"
    cursor = await connection.execute(QUERIES["totals"])
    totals = dict(zip([c.name for c in cursor.description or ()], (await cursor.fetchall())[0], strict=True))
    await connection.commit()
    if totals["marks"]:
        return f"{totals['marks']:,} marks to recompute"
    if totals["unsent"]:
        return f"{totals['unsent']:,} events to publish"
    return ""
