"""What the experiments share: which stack, where logs go, and how a judgement is shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.layout import Layout, chosen


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
    """Servers that are away are what this is about; aiokafka's complaints of it are no news."""
    kafka = logging.getLogger("aiokafka")
    before = kafka.level
    kafka.setLevel(logging.CRITICAL)
    yield
    kafka.setLevel(before)
