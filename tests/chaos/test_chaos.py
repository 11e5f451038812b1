"""The short form: everything is killed once, workers come and go, and no frame is lost or counted twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from infra.local.layout import Layout
from tests.chaos import report
from tests.chaos.judge import judge
from tests.chaos.scenarios import come_and_go, kill_each, running, shared_stages
from tests.chaos.system import stages_but

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


async def test_whatever_is_killed_under_load_nothing_is_lost_or_doubled(layout: Layout, folder: Path) -> None:
    async with running(layout, folder, purpose="kill") as system:
        ledger, driver = await kill_each(system, seed=1)
        judgement = await judge(system, [ledger])
    report.show(Console(), judgement, driver.kills, {})

    assert {kill.target for kill in driver.kills} == {*stages_but(), "kafka", "timescaledb", "mosquitto"}
    assert judgement.problems == []
    assert (judgement.lost, judgement.doubled) == (0, 0)
    assert judgement.stored["accepted"] == judgement.published["up accepted"]


async def test_workers_come_and_go_under_load_and_nothing_is_lost_or_doubled(layout: Layout, folder: Path) -> None:
    async with running(layout, folder, purpose="workers") as system:
        ledger, pauses = await come_and_go(system)
        judgement = await judge(system, [ledger])
    figures = {f"longest pause of {name} s": f"{seconds:.1f}" for name, seconds in sorted(pauses.items())}
    report.show(Console(), judgement, [], figures)

    assert set(pauses) == {stage for stage in shared_stages() if stage != "decode"}
    assert judgement.problems == []
    assert (judgement.lost, judgement.doubled) == (0, 0)
    assert judgement.stored["accepted"] == judgement.published["up accepted"]
