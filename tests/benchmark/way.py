"""The whole way: every stage a process, from the MQTT publish to the row and to the alert."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import psycopg

from infra.local.layout import REPOSITORY
from pipeline.core import topics
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.installed import configured_stages
from pipeline.simulator import CityPlan, sites_csv
from pipeline.supervisor import free_ports
from tests.benchmark.inputs import Published
from tests.benchmark.installation import build, demolish, ends_of, environment_of, import_sites
from tests.benchmark.load import keep_session, open_loader
from tests.benchmark.machine import peak_bytes
from tests.chaos.settle import consumed_by

READY_SECONDS: Final = 90.0
STILL_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.05
_GLANCE_SECONDS: Final = 0.01
_AT_ONCE: Final = 500


@dataclass(slots=True)
class System:
    """All stages of one namespace, each a process."""

    settings: Settings
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def peaks(self) -> dict[str, int]:
        """The most memory that each process has had."""
        return {name: peak_bytes(process.pid) for name, process in self.processes.items()}

    def cpu_seconds(self) -> dict[str, float]:
        """What each process has used so far, in steps of 10 ms."""
        found = {}
        for name, process in self.processes.items():
            with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:  # noqa: PTH123  # no path of ours
                ticks = stat.read().rpartition(")")[2].split()[11:13]
            found[name] = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        return found

    async def until_ready(self) -> None:
        """Wait until every stage says that it gets on."""
        deadline = time.monotonic() + READY_SECONDS
        async with aiohttp.ClientSession() as http:
            for name, port in self.ports.items():
                while not await _ready(http, port):
                    if time.monotonic() > deadline or self.processes[name].returncode is not None:
                        raise RuntimeError(f"{name} is not ready after {READY_SECONDS:.0f} s")
                    await asyncio.sleep(0.1)

    async def until_done(self, frames: int) -> None:
        """Wait until every record has become rows, facts and events.

        Args:
            frames: how many records the frame topic will have.
        """
        async with connected(self.settings, "benchmark") as connection:
            await connection.set_autocommit(True)
            await _reach(connection, "store", self.settings.namespace + topics.FRAME, frames)
            for consumer, names in consumed_by(list(self.processes)).items():
                ends = await ends_of(self.settings, names)
                for name in names:
                    full = self.settings.namespace + name
                    end = sum(at for partition, at in ends.items() if partition.topic == full)
                    await _reach(connection, consumer, full, end)


async def _reach(connection: psycopg.AsyncConnection[Any], consumer: str, name: str, end: int) -> None:
    """Wait until a consumer has done so many records of a topic."""
    moved_at, before = time.monotonic(), -1
    while (done := await _ledger(connection, consumer, name)) < end:
        if done != before:
            moved_at, before = time.monotonic(), done
        if time.monotonic() - moved_at > STILL_SECONDS:
            raise RuntimeError(f"{consumer} does not move any more at {done} of {end} records of {name}")
        await asyncio.sleep(_LOOK_SECONDS)


async def _ready(http: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, OSError):
        return False


async def _ledger(connection: psycopg.AsyncConnection[Any], consumer: str, name: str) -> int:
    cursor = await connection.execute(
        "SELECT coalesce(sum(greatest(next_offset, 0)), 0)::bigint FROM ledger WHERE consumer = %s AND topic = %s",
        (consumer, name),
    )
    ((done,),) = await cursor.fetchall()
    return int(done)


@asynccontextmanager
async def open_system(settings: Settings, city: CityPlan) -> AsyncIterator[System]:
    """Every configured stage, ready; taken down and away at the end."""
    await build(settings)
    await import_sites(settings, sites_csv(city))
    system = System(settings)
    names = list(configured_stages(settings))
    system.ports = dict(zip(names, free_ports(len(names)), strict=True))
    try:
        for name, port in system.ports.items():
            system.processes[name] = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "pipeline.cli", name),
                cwd=REPOSITORY,
                env={**environment_of(settings), "SILKSTREAM_HTTP_PORT": str(port)},
            )
        await system.until_ready()
        yield system
    finally:
        for process in system.processes.values():
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
        for process in system.processes.values():
            await process.wait()
        keep_session(settings, expiry_seconds=0)
        await demolish(settings)


async def full_speed(system: System, messages: Sequence[Published]) -> float:
    """Publish everything at once; seconds until the last row is in."""
    began = time.perf_counter()
    async with open_loader(system.settings) as loader:
        await loader.publish_all([(each.topic, each.payload) for each in messages])
        await system.until_done(len(messages))
    return time.perf_counter() - began
