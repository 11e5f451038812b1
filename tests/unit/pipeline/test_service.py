"""A stage as a process: what ends it, with which status, and what is said of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest
import structlog
from structlog.typing import EventDict

from pipeline import service
from pipeline.core.errors import EXIT_BUG, EXIT_SETTINGS, EXIT_STALLED, Fenced, LedgerMismatch, SettingsError, Transient
from pipeline.core.settings import Settings
from pipeline.core.stage import Context, Stage

Run = Callable[[Context], Awaitable[None]]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[EventDict]:
    """What the process logs; the process-wide configuration of logs is left alone."""
    lines: list[EventDict] = []

    def logger(stage: str) -> structlog.typing.FilteringBoundLogger:
        capture = structlog.testing.LogCapture()
        capture.entries = lines
        bound: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(None, processors=[capture], stage=stage)
        return bound

    monkeypatch.setattr(service, "configure_logs", lambda _: None)
    monkeypatch.setattr(service, "logger", logger)
    return lines


def run(stage: Run) -> int:
    return service.run_stage(Stage(name="try", about="of these tests", run=stage), Settings())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_stage_finish_its_batch(said: list[EventDict], number: int) -> None:
    done = []

    async def stage(context: Context) -> None:
        os.kill(os.getpid(), number)
        await context.stop.wait()
        done.append("batch")

    assert run(stage) == 0
    assert done == ["batch"]
    assert said == []


@pytest.mark.parametrize("mistake", [SettingsError("setting x: no"), LedgerMismatch("the remedy: y")])
def test_an_operators_mistake_is_a_sentence_and_status_78(said: list[EventDict], mistake: SettingsError) -> None:
    async def stage(_: Context) -> None:
        raise mistake

    assert run(stage) == EXIT_SETTINGS
    assert said == [{"stage": "try", "event": "settings", "problem": str(mistake), "log_level": "error"}]


def test_a_bug_is_logged_with_its_traceback_and_status_70(said: list[EventDict]) -> None:
    bug = ZeroDivisionError("oh")

    async def stage(_: Context) -> None:
        raise bug

    assert run(stage) == EXIT_BUG
    assert said == [{"stage": "try", "event": "bug", "exc_info": bug, "log_level": "error"}]


def test_a_stage_whose_other_side_is_away_is_opened_again_and_says_what_it_waits_for(said: list[EventDict]) -> None:
    troubles: list[str | None] = []
    errors = []

    async def stage(context: Context) -> None:
        troubles.append(context.progress.trouble())
        if len(troubles) == 1:
            raise Transient("kafka: gone")
        if len(troubles) == 2:
            raise Fenced("taken over")
        for kind in ("Transient", "Fenced"):
            labels = {"stage": "try", "error_type": kind}
            errors.append(context.registry.get_sample_value("silkstream_errors_total", labels))
        context.stop.set()

    assert run(stage) == 0
    assert [trouble and trouble.rpartition(" (")[0] for trouble in troubles] == [
        "waiting for its start",
        "waiting for kafka: gone",
        "waiting for taken over",
    ]
    assert errors == [1, 1]
    assert [line["event"] for line in said] == ["opening again", "opening again"]


def test_a_stop_that_comes_in_the_pause_ends_it(said: list[EventDict]) -> None:
    async def stage(context: Context) -> None:
        asyncio.get_running_loop().call_later(0.01, context.stop.set)
        raise Transient

    assert run(stage) == 0
    assert len(said) == 1


HANGING = """
import asyncio, sys
from pipeline import service
from pipeline.core.settings import Settings
from pipeline.core.stage import Stage

async def run(context):
    {setup}
    await asyncio.Event().wait()

{patch}
sys.exit(service.run_stage(Stage(name="try", about="", run=run), Settings()))
"""


@pytest.mark.parametrize(
    ("patch", "setup", "sentence"),
    [
        ("service.DRAIN_SECONDS = 0.05", "context.stop.set()", "not drained in time"),
        ("service.STALL_SECONDS = 0.05; service.WATCH_SECONDS = 0.1", "pass", "no progress: ending the process"),
    ],
    ids=["told to stop", "left alone"],
)
def test_a_stage_that_hangs_is_ended_with_status_75(patch: str, setup: str, sentence: str) -> None:
    script = HANGING.format(patch=patch, setup=setup)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == EXIT_STALLED
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
