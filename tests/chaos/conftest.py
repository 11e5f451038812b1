"""What the experiments share: which stack, where logs go, and how a judgement is shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.layout import Layout, chosen
from tests.chaos.system import NOISY


@pytest.fixture
def layout() -> Layout:
    """The stack of the variable STACK, else number 1."""
    return chosen()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the processes' logs and the ledgers go; pytest keeps it for the last runs."""
    return tmp_path / "chaos"


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
