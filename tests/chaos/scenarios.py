"""The experiments: what is done to a running system under load. Judging is the caller's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from infra.local.layout import Layout
from pipeline.simulator import Ledger
from tests.chaos.driver import Driver, targets_of, way_of
from tests.chaos.load import Load, last_tick, playing
from tests.chaos.pause import watching
from tests.chaos.settle import settle
from tests.chaos.system import ChaosError, System, fresh_namespace, open_system, stages_but

RATE: Final = 300.0
"""Messages per second that keep every stage busy on two processors, and leave it room to catch up."""
FLOOD_RATE: Final = 4000.0
QUEUED: Final = 20_000
WARM_SECONDS: Final = 3.0
SHARED: Final = ("decode", "store")
"""Stages whose partitions several workers share; the topologies are, too."""


@asynccontextmanager
async def running(layout: Layout, folder: Path, *, purpose: str) -> AsyncIterator[System]:
    """A system with one process of each installed stage, ready."""
    async with open_system(layout, folder, namespace=fresh_namespace(purpose)) as system:
        for stage in stages_but():
            await system.start(stage)
        await system.until_ready()
        yield system


async def finish(system: System, load: Load) -> Ledger:
    """End a load and wait until all of it is worked off."""
    ledger = await load.stop()
    await settle(system.settings, system.stages, last=last_tick(system, ledger))
    return ledger


async def kill_each(system: System, *, seed: int) -> tuple[Ledger, Driver]:
    """Kill every stage and every server once, in a random order, under load."""
    driver = Driver(system, seed=seed)
    async with playing(system, seed=f"kill-{seed}", rate=RATE) as load:
        targets = targets_of(system)
        driver.shuffle(targets)
        for target in targets:
            await driver.strike(target, how=way_of(target))
        return await finish(system, load), driver


def shared_stages() -> list[str]:
    """The stages that may have several workers at work."""
    return [stage for stage in stages_but() if stage in SHARED or stage.startswith("topology-")]


async def come_and_go(system: System) -> tuple[Ledger, dict[str, float]]:
    """Two workers of each stage; under load a third joins, one leaves, and then all are restarted one by one.

    Returns:
        The ledger, and the longest pause of each consumer while they were restarted, in seconds.
    """
    shared = shared_stages()
    standing_by = [stage for stage in ("derive", "relay") if stage in system.children]
    for stage in (*shared, *standing_by):
        await system.start(stage, name=f"{stage}-2")
    await system.until_ready()
    async with playing(system, seed="come-and-go", rate=RATE) as load:
        await asyncio.sleep(WARM_SECONDS)
        thirds = [f"{stage}-3" for stage in shared]
        for stage, name in zip(shared, thirds, strict=True):
            await system.start(stage, name=name)
        await system.until_ready(thirds)
        for stage in shared:
            await left(system, stage)
        async with watching(system.settings) as pauses:
            for name in list(system.children):
                await restart(system, name)
        return await finish(system, load), dict(pauses.longest)


async def left(system: System, name: str) -> str:
    """SIGTERM to a child that does not come back; returns its stage.

    Raises:
        ChaosError: it did not end in good order.
    """
    stage = system.children[name].stage
    status = await system.leave(name)
    if status:
        raise ChaosError(f"{name} ended with {status} after SIGTERM:\n{system.last_words(name)}")
    return stage


async def restart(system: System, name: str) -> None:
    """Drain a child, start it again, wait until it is ready."""
    stage = await left(system, name)
    await system.start(stage, name=name)
    await system.until_ready([name])


async def outage(system: System, driver: Driver, server: str, *, seconds: float) -> None:
    """Take a server away under load for so long, and give it back; everything else has to help itself."""
    await driver.strike(server, how=way_of(server), away_seconds=seconds)


async def outages(
    system: System, *, seconds: float, servers: Sequence[str] = ("kafka", "timescaledb")
) -> tuple[list[Ledger], Driver]:
    """Servers away for a while, and then the bridge, while the broker queues for it."""
    driver = Driver(system, seed=2)
    async with playing(system, seed="outages", rate=RATE) as load:
        for server in servers:
            await outage(system, driver, server, seconds=seconds)
        first = await finish(system, load)
    await left(system, "bridge")
    async with playing(system, seed="queued", rate=FLOOD_RATE, after=first) as load:
        await published(load, QUEUED)
        second = await load.stop()
    await system.start("bridge")
    await settle(system.settings, system.stages, last=last_tick(system, second))
    return [first, second], driver


async def published(load: Load, count: int, *, patience_seconds: float = 90.0) -> None:
    """Wait until the broker has acknowledged so many messages.

    Raises:
        ChaosError: it has not in time.
    """
    for _ in range(int(patience_seconds / 0.2)):
        ledger = load.read()
        if ledger is not None and ledger.published >= count:
            return
        await asyncio.sleep(0.2)
    raise ChaosError(f"{count} messages were not published in {patience_seconds:.0f} s")
