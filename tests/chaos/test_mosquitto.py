"""`kill -9` of the broker: what it loses is a figure, and everything else stays as it should be."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rich.console import Console

from infra.local.layout import Layout
from tests.chaos import report
from tests.chaos.driver import Driver
from tests.chaos.judge import judge
from tests.chaos.load import playing
from tests.chaos.scenarios import RATE, WARM_SECONDS, finish, running

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


async def test_a_killed_broker_loses_what_it_held_and_nothing_else(layout: Layout, folder: Path) -> None:
    async with running(layout, folder, purpose="broker") as system:
        driver = Driver(system, seed=3)
        async with playing(system, seed="broker", rate=RATE) as load:
            await asyncio.sleep(WARM_SECONDS)
            await driver.strike("mosquitto", how="KILL")
            await asyncio.sleep(WARM_SECONDS)
            ledger = await finish(system, load)
        judgement = await judge(system, [ledger], broker_may_lose=True)
    share = judgement.lost / judgement.published_total
    figures = {"lost by the broker": f"{judgement.lost:,} of {judgement.published_total:,} ({share:.2%})"}
    report.show(Console(), judgement, driver.kills, figures)

    assert judgement.problems == []
    assert judgement.doubled == 0
    assert judgement.stored["accepted"] > 0
