"""Where ledger and log no longer belong together, each stage says so and ends; what it advises helps.

One system goes through all of it, since starting one takes longer than what is done to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from infra.local.layout import Layout
from pipeline.core import topics
from pipeline.core.errors import EXIT_SETTINGS
from pipeline.simulator import Ledger
from tests.chaos.load import last_tick, playing
from tests.chaos.remedies import create_anew, delete_before, downstream, ends_of, missing, refusal_of, remedy_in
from tests.chaos.scenarios import left, published, running, shared_stages, worked_off
from tests.chaos.settle import settle
from tests.chaos.system import System, stages_but

SOME = 1_500
FAST = 1_500.0


async def test_each_stage_says_what_is_wrong_with_its_log_and_its_advice_helps(layout: Layout, folder: Path) -> None:
    async with running(layout, folder, purpose="remedy", stages=stages_but("derive", "relay")) as system:
        readers = [stage for stage in shared_stages() if stage != "decode"]
        first = await played(system, seed="first", count=SOME, after=None)
        await worked_off(system, first)

        second = await topics_created_anew(system, readers, after=first)
        third = await retention_overtakes(system, readers, after=second)
        fourth = await raw_log_created_anew(system, readers, after=third)

        assert await missing(system.settings, fourth) == set()
        assert system.deaths == []


async def topics_created_anew(system: System, readers: Sequence[str], *, after: Ledger) -> Ledger:
    """Each reader sees it while the new log is shorter, and also when it has grown longer; nothing is lost."""
    settings = system.settings
    await leave(system, "decode", *readers)
    old = await ends_of(settings, downstream(settings))
    await create_anew(settings, downstream(settings))
    for refusal in await asyncio.gather(*(refusal_of(system, stage) for stage in readers)):
        assert refusal.status == EXIT_SETTINGS, refusal.complaint
        assert "the log ends at" in refusal.complaint
    await system.start("decode")
    ledger = await played(system, seed="anew", count=2 * after.published, after=after)
    await settle(settings, ["decode"], last=last_tick(system, ledger))
    new = await ends_of(settings, downstream(settings))
    assert all(new[partition] > old[partition] for partition in old)

    await follow_the_advice(system, readers, says="is not the one that was processed")
    await worked_off(system, ledger)

    assert await missing(settings, after) | await missing(settings, ledger) == set()
    return ledger


async def retention_overtakes(system: System, readers: Sequence[str], *, after: Ledger) -> Ledger:
    """What is gone from the log is missing, and nothing else."""
    settings = system.settings
    await leave(system, *readers)
    processed = await ends_of(settings, downstream(settings))
    ledger = await played(system, seed="gone", count=SOME, after=after)
    await settle(settings, ["decode"], last=last_tick(system, ledger))
    there = await ends_of(settings, downstream(settings))
    kept = {partition: (processed[partition] + there[partition] + 1) // 2 for partition in there}
    gone = await delete_before(settings, kept)

    await follow_the_advice(system, readers, says="records before they were processed")
    await worked_off(system, ledger)

    lost = await missing(settings, ledger)
    assert lost
    assert lost <= gone
    assert await missing(settings, after) == set()
    return ledger


async def raw_log_created_anew(system: System, readers: Sequence[str], *, after: Ledger) -> Ledger:
    """Decode does not write what readers would take for a repetition."""
    settings = system.settings
    await leave(system, "bridge", "decode")
    raw = settings.namespace + topics.RAW
    await create_anew(settings, [raw])
    await system.start("bridge")
    ledger = await played(system, seed="raw", count=SOME, after=after)
    await settle(settings, ["bridge"], last=last_tick(system, ledger))

    refusal = await refusal_of(system, "decode")
    assert refusal.status == EXIT_SETTINGS, refusal.complaint
    assert f"{raw}[0] is not the log that" in refusal.complaint

    await leave(system, *readers)
    await create_anew(settings, downstream(settings))
    await asyncio.gather(*(reset(system, stage) for stage in readers))
    for stage in ("decode", *readers):
        await system.start(stage)
    await worked_off(system, ledger)
    return ledger


async def played(system: System, *, seed: str, count: int, after: Ledger | None) -> Ledger:
    """Publish at least so many messages, as fast as it goes."""
    async with playing(system, seed=seed, rate=FAST, after=after) as load:
        await published(load, count)
        return await load.stop()


async def leave(system: System, *names: str) -> None:
    """SIGTERM to children."""
    await asyncio.gather(*(left(system, name) for name in names))


async def reset(system: System, stage: str) -> None:
    """All topics of a consumer; a message names the first one only."""
    done = await system.run("ledger", "reset", "--consumer", stage)
    assert done.status == 0, done.complaint


async def follow_the_advice(system: System, stages: Sequence[str], *, says: str) -> None:
    """The stages end with the message; its remedy is run, and they are started again."""

    async def one(stage: str) -> None:
        refusal = await refusal_of(system, stage)
        assert refusal.status == EXIT_SETTINGS, refusal.complaint
        assert says in refusal.complaint
        done = await system.run(*remedy_in(refusal.complaint))
        assert done.status == 0, done.complaint
        await reset(system, stage)
        await system.start(stage)

    await asyncio.gather(*(one(stage) for stage in stages))
