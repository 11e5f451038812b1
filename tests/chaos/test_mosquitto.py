"""`kill -9` of the broker: what it loses is a figure, and whatever comes later arrives."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from infra.local.layout import Layout
from tests.chaos.driver import Driver
from tests.chaos.load import playing
from tests.chaos.remedies import missing
from tests.chaos.scenarios import RATE, finish, published, running

SOME = 1_000


async def test_a_killed_broker_loses_what_it_held_and_nothing_that_comes_later(layout: Layout, folder: Path) -> None:
    async with running(layout, folder, purpose="broker", stages=("bridge", "decode", "store")) as system:
        async with playing(system, seed="struck", rate=RATE) as load:
            await published(load, SOME)
            await Driver(system, seed=3).strike("mosquitto", how="KILL")
            struck = await finish(system, load)
        async with playing(system, seed="later", rate=RATE, after=struck) as load:
            await published(load, SOME)
            later = await finish(system, load)
    lost = await missing(system.settings, struck)
    Console().print(f"the broker's kill -9 lost {len(lost):,} of {struck.published:,} acknowledged messages")

    assert await missing(system.settings, later) == set()
    assert len(lost) < struck.published
    assert system.deaths == []
