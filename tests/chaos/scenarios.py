"""The experiments: what is done to a running system under load. Judging is the caller's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.layout import Layout
from pipeline.simulator import Ledger
from tests.chaos.driver import Driver, Kill, targets_of, way_of
from tests.chaos.judge import Judgement, judge
from tests.chaos.load import Load, last_tick, playing
from tests.chaos.pause import watching
from tests.chaos.settle import settle
from tests.chaos.system import ChaosError, System, fresh_namespace, open_system, stages_but

RATE: Final = 150.0
"""Messages per second that keep every stage busy on two processors, and leave them room to come back."""
FLOOD_RATE: Final = 4000.0
QUEUED: Final = 20_000
SHARED: Final = ("decode", "store")
"""Stages whose partitions several workers share; the topologies are, too."""
STANDING_BY: Final = ("derive", "relay")
"""Stages of which one process is active, and a second one waits for its turn."""


@asynccontextmanager
async def running(
    layout: Layout, folder: Path, *, purpose: str, stages: Sequence[str] | None = None, members: bool = False
) -> AsyncIterator[System]:
    """A system with one process of each of these stages (default: all that are installed), ready."""
    async with open_system(layout, folder, namespace=fresh_namespace(purpose), members=members) as system:
        for stage in stages_but() if stages is None else stages:
            await system.start(stage)
        await system.until_ready()
        yield system


async def finish(system: System, load: Load) -> Ledger:
    """End a load and wait until all of it is worked off."""
    ledger = await load.stop()
    await worked_off(system, ledger)
    return ledger


async def worked_off(system: System, ledger: Ledger) -> float:
    """Wait until all that was published is worked off; returns the seconds."""
    last = await asyncio.to_thread(last_tick, system, ledger)
    return await settle(system.settings, system.stages, last=last, tick=lambda: last_tick(system, ledger))


async def kill_each(system: System, driver: Driver) -> Ledger:
    """Kill every stage and every server once, in a random order, under load."""
    async with playing(system, seed="kill-each", rate=RATE) as load:
        targets = targets_of(system)
        driver.shuffle(targets)
        for target in targets:
            await driver.strike(target, how=way_of(target))
        return await load.stop()


def shared_stages() -> list[str]:
    """The stages that may have several workers at work."""
    return [stage for stage in stages_but() if stage in SHARED or stage.startswith("topology-")]


async def come_and_go(system: System, *, after: Ledger) -> tuple[Ledger, dict[str, float]]:
    """Two workers of each stage; under load a third joins, one leaves, and then all are restarted in turn.

    The stages are restarted beside one another, the workers of a stage one by one.

    Returns:
        The ledger, and the longest pause of each consumer while they were restarted, in seconds.
    """
    shared = shared_stages()
    async with playing(system, seed="come-and-go", rate=RATE, after=after) as load:
        for number in (2, 3):
            joining = [*shared, *STANDING_BY] if number == 2 else shared
            for stage in joining:
                await system.start(stage, name=f"{stage}-{number}")
            await system.until_ready()
        await asyncio.gather(*(left(system, stage) for stage in shared))
        async with watching(system.settings) as pauses:
            for generation in _generations(system):
                await asyncio.gather(*(restart(system, name) for name in generation))
        return await load.stop(), dict(pauses.longest)


def _generations(system: System) -> list[list[str]]:
    """The children, no two of one stage together."""
    by_stage: dict[str, list[str]] = {}
    for name, child in system.children.items():
        by_stage.setdefault(child.stage, []).append(name)
    turns = max(len(names) for names in by_stage.values())
    return [[names[turn] for names in by_stage.values() if turn < len(names)] for turn in range(turns)]


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


async def outages(system: System, driver: Driver, *, seconds: float, after: Ledger) -> list[Ledger]:
    """Kafka and the database away for a while, and then the bridge, while the broker queues for it.

    Nobody helps: what is taken away is given back, and that is all.
    """
    async with playing(system, seed="outages", rate=RATE, after=after) as load:
        for server in ("kafka", "timescaledb"):
            await driver.strike(server, how="KILL", away_seconds=seconds)
        first = await load.stop()
    await left(system, "bridge")
    async with playing(system, seed="queued", rate=FLOOD_RATE, after=first) as load:
        await published(load, QUEUED)
        second = await load.stop()
    await system.start("bridge")
    return [first, second]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the experiments on one system came to."""

    killed: Sequence[Kill]
    away: Sequence[Kill]
    queued: int
    """Messages that were published while there was no bridge."""
    pauses: dict[str, float]
    judgement: Judgement
    figures: dict[str, str]


async def everything(layout: Layout, folder: Path, *, outage_seconds: float) -> Outcome:
    """All experiments on one system, one behind the other, and one judgement of the whole."""
    async with running(layout, folder, purpose="chaos", members=True) as system:
        driver = Driver(system, seed=1)
        one = await kill_each(system, driver)
        killed = list(driver.kills)
        three_four = await outages(system, driver, seconds=outage_seconds, after=one)
        two, pauses = await come_and_go(system, after=three_four[-1])
        settled_seconds = await worked_off(system, two)
        judgement = await judge(system, [one, *three_four, two])
    figures = {f"longest pause of {name}, all restarted": f"{gap:.1f} s" for name, gap in sorted(pauses.items())}
    figures["all work done after the load"] = f"{settled_seconds:.1f} s"
    return Outcome(
        killed=killed,
        away=driver.kills[len(killed) :],
        queued=three_four[1].published,
        pauses=pauses,
        judgement=judgement,
        figures=figures,
    )
