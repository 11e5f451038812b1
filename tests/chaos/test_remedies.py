"""Where ledger and log no longer belong together, each stage says so and ends; what it advises helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.layout import Layout
from pipeline.core import topics
from pipeline.core.errors import EXIT_SETTINGS
from tests.chaos.load import last_tick, playing
from tests.chaos.remedies import create_anew, delete_before, downstream, ends_of, missing, refusal_of, remedy_in
from tests.chaos.scenarios import RATE, finish, left, published, running, shared_stages
from tests.chaos.settle import settle
from tests.chaos.system import System, stages_but

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

SOME = 2_000
MORE = 2 * SOME


async def follow_the_advice(system: System, stage: str, *, says: str) -> None:
    """The stage ends with the message; its remedy is run, the topics that it did not name are reset as well."""
    refusal = await refusal_of(system, stage)
    assert refusal.status == EXIT_SETTINGS, refusal.complaint
    assert says in refusal.complaint
    remedy = remedy_in(refusal.complaint)
    assert (await system.run(*remedy)).status == 0
    assert (await system.run("ledger", "reset", "--consumer", stage)).status == 0


async def test_a_topic_created_anew_is_not_skipped_and_the_remedy_loses_nothing(layout: Layout, folder: Path) -> None:
    async with running(layout, folder, purpose="anew", stages=stages_but("derive", "relay")) as system:
        settings = system.settings
        async with playing(system, seed="before", rate=10 * RATE) as load:
            await published(load, SOME)
            before = await finish(system, load)
        readers = [stage for stage in shared_stages() if stage != "decode"]
        for name in ("decode", *readers):
            await left(system, name)
        old = await ends_of(settings, downstream(settings))
        await create_anew(settings, downstream(settings))

        shorter = {stage: await refusal_of(system, stage) for stage in readers}

        await system.start("decode")
        async with playing(system, seed="after", rate=10 * RATE, after=before) as load:
            await published(load, MORE)
            after = await load.stop()
        await settle(settings, ["decode"], last=last_tick(system, after))
        new = await ends_of(settings, downstream(settings))
        for stage in readers:
            await follow_the_advice(system, stage, says="is not the one that was processed")
            await system.start(stage)
        await settle(settings, system.stages, last=None, tick=lambda: last_tick(system, after))

    assert {stage: done.status for stage, done in shorter.items()} == dict.fromkeys(readers, EXIT_SETTINGS)
    assert all("the log ends at" in done.complaint for done in shorter.values())
    assert all(new[partition] > old[partition] for partition in old)
    assert await missing(settings, before) | await missing(settings, after) == set()
    assert system.deaths == []


async def test_a_log_that_begins_behind_the_ledger_is_told_and_only_what_is_gone_is_missing(
    layout: Layout, folder: Path
) -> None:
    async with running(layout, folder, purpose="gone", stages=stages_but("derive", "relay")) as system:
        settings = system.settings
        async with playing(system, seed="before", rate=10 * RATE) as load:
            await published(load, SOME)
            before = await finish(system, load)
        readers = [stage for stage in shared_stages() if stage != "decode"]
        for name in readers:
            await left(system, name)
        processed = await ends_of(settings, downstream(settings))
        async with playing(system, seed="after", rate=10 * RATE, after=before) as load:
            await published(load, SOME)
            after = await load.stop()
        await settle(settings, ["decode"], last=last_tick(system, after))
        there = await ends_of(settings, downstream(settings))
        kept = {partition: (processed[partition] + there[partition] + 1) // 2 for partition in there}
        gone = await delete_before(settings, kept)

        for stage in readers:
            await follow_the_advice(system, stage, says="records before they were processed")
            await system.start(stage)
        await settle(settings, system.stages, last=None, tick=lambda: last_tick(system, after))

    lost = await missing(settings, after)
    assert await missing(settings, before) == set()
    assert lost
    assert lost <= gone
    assert system.deaths == []


async def test_a_raw_log_created_anew_is_not_taken_for_a_repetition(layout: Layout, folder: Path) -> None:
    async with running(layout, folder, purpose="raw", stages=("bridge", "decode", "store")) as system:
        settings = system.settings
        async with playing(system, seed="before", rate=10 * RATE) as load:
            await published(load, SOME)
            before = await finish(system, load)
        for name in ("bridge", "decode"):
            await left(system, name)
        raw = settings.namespace + topics.RAW
        await create_anew(settings, [raw])
        await system.start("bridge")
        async with playing(system, seed="after", rate=10 * RATE, after=before) as load:
            await published(load, SOME)
            after = await load.stop()
        await settle(settings, ["bridge"], last=last_tick(system, after))

        refusal = await refusal_of(system, "decode")

        await left(system, "store")
        await create_anew(settings, downstream(settings))
        assert (await system.run("ledger", "reset", "--consumer", "store")).status == 0
        for name in ("decode", "store"):
            await system.start(name)
        await settle(settings, system.stages, last=None, tick=lambda: last_tick(system, after))

    assert refusal.status == EXIT_SETTINGS, refusal.complaint
    assert f"{raw}[0] is not the log that" in refusal.complaint
    assert await missing(settings, before) | await missing(settings, after) == set()
    assert system.deaths == []
