"""The outside world goes away for a while and comes back; nobody helps."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from infra.local.layout import Layout
from tests.chaos import report
from tests.chaos.judge import judge
from tests.chaos.scenarios import QUEUED, outages, running

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

OUTAGE_SECONDS: Final = 15.0
"""The soak takes 60."""


async def test_after_an_outage_everything_arrives_without_help(layout: Layout, folder: Path) -> None:
    async with running(layout, folder, purpose="outage") as system:
        ledgers, driver = await outages(system, seconds=OUTAGE_SECONDS)
        judgement = await judge(system, ledgers)
    report.show(Console(), judgement, driver.kills, {})

    assert [kill.target for kill in driver.kills] == ["kafka", "timescaledb"]
    assert ledgers[1].published >= QUEUED
    assert judgement.problems == []
    assert (judgement.lost, judgement.doubled) == (0, 0)
