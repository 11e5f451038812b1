"""What the experiments share: which stack, where logs go, and one run of the short form for all that is asked of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from infra.local.layout import Layout, chosen
from tests.chaos import report
from tests.chaos.scenarios import Outcome, everything
from tests.chaos.system import NOISY

OUTAGE_SECONDS: Final = 15.0
"""The soak takes 60."""
TIMEOUT_SECONDS: Final = 3000
"""Of the first test, in whose time the run falls: ten minutes, on a slow machine thirty. What hangs is told of
long before: when nothing has moved for a minute and a half."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all that is in this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.chaos)
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


@pytest.fixture(scope="session")
def layout() -> Layout:
    """The stack of the variable STACK, else number 0."""
    return chosen()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the processes' logs and the ledgers go; pytest keeps it for the last runs."""
    return tmp_path / "chaos"


@pytest.fixture(scope="session")
def outcome(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The short form, run once."""
    folder = tmp_path_factory.mktemp("short-form")
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    outcome = asyncio.run(everything(layout, folder, outage_seconds=OUTAGE_SECONDS))
    kills = [*outcome.killed, *outcome.away]
    report.show(Console(), outcome.judgement, kills, outcome.figures)
    report.write_json(folder / "account.json", outcome.judgement, kills, outcome.figures)
    return outcome


@pytest.fixture(autouse=True)
def _quiet_clients() -> Iterator[None]:
    """Servers that are away are what this is about; the clients' complaints of it are no news."""
    clients = [logging.getLogger(name) for name in NOISY]
    before = [client.level for client in clients]
    for client in clients:
        client.setLevel(logging.CRITICAL)
    yield
    for client, level in zip(clients, before, strict=True):
        client.setLevel(level)
