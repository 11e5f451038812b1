"""All stages under one process: who is started again, who ends the whole, and who is killed at last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import supervisor
from pipeline.core.errors import EXIT_SETTINGS
from pipeline.core.stage import Context, Stage
from pipeline.supervisor import Child, Supervisor

# Stands where the interpreter does: its arguments are -m, pipeline.cli and the stage's name.
PROGRAM = """#!/bin/sh
cd {folder}
case "$3" in
    good) trap 'echo > good.drained; exit 0' TERM ;;
    stubborn) trap '' TERM ;;
esac
echo "$SILKSTREAM_HTTP_PORT $COLOUR" > "$3.began"
case "$3" in
    mistaken) while [ ! -e good.began ]; do sleep 0.05; done; exit 78 ;;
    crashing) echo >> crashing.crashes; exit 70 ;;
    noisy) echo "a word" >&2; exit 1 ;;
esac
while :; do sleep 0.05; done
"""


async def _never(_: Context) -> None:
    raise AssertionError("a supervisor runs no stage itself")


@pytest.fixture
def supervise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Supervisor]:
    """A supervisor of stages that the program above plays."""
    program = tmp_path / "interpreter"
    program.write_text(PROGRAM.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setattr(supervisor, "sys", SimpleNamespace(executable=str(program)))

    def make(*names: str, logs: Path | None = None) -> Supervisor:
        stages = [Stage(name=name, about="", run=_never) for name in names]
        return Supervisor(stages, {"COLOUR": "blue"}, ports=range(9000, 9000 + len(names)), logs=logs)

    return make


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # files of another process have no event
            await asyncio.sleep(0.02)


async def running(work: Awaitable[int], meanwhile: Awaitable[None]) -> int:
    """The exit status of the supervisor, with something going on while it runs."""
    status, _ = await asyncio.gather(work, meanwhile)
    return status


async def test_a_stage_that_cannot_live_ends_all_and_the_others_drain(
    supervise: Callable[..., Supervisor], tmp_path: Path
) -> None:
    whole = supervise("good", "mistaken")

    assert await whole.run() == EXIT_SETTINGS
    assert (tmp_path / "good.drained").exists()
    assert [child.last_status for child in whole.children] == [0, EXIT_SETTINGS]
    assert [child.pid for child in whole.children] == [None, None]


async def test_a_stage_that_crashed_is_started_again_and_the_others_do_not_notice(
    supervise: Callable[..., Supervisor], tmp_path: Path
) -> None:
    whole = supervise("good", "crashing")
    good, crashing = whole.children

    async def meanwhile() -> None:
        await eventually(lambda: crashing.starts >= 3 and (tmp_path / "good.began").exists())
        whole.stop()

    assert await running(whole.run(), meanwhile()) == 0
    assert good.starts == 1
    assert len((tmp_path / "crashing.crashes").read_text().splitlines()) >= 2
    assert (tmp_path / "good.drained").exists()


async def test_a_stage_that_does_not_drain_is_killed(
    supervise: Callable[..., Supervisor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "KILL_SECONDS", 0.2)
    whole = supervise("stubborn")
    (child,) = whole.children

    async def meanwhile() -> None:
        await eventually((tmp_path / "stubborn.began").exists)
        whole.stop()

    assert await running(whole.run(), meanwhile()) == 0
    assert child.last_status == -9


async def test_each_stage_has_its_own_port_and_the_settings_of_all(
    supervise: Callable[..., Supervisor], tmp_path: Path
) -> None:
    whole = supervise("good", "stubborn")

    async def meanwhile() -> None:
        await eventually(lambda: all(_written(tmp_path / f"{child.stage.name}.began") for child in whole.children))
        await _drained(whole.children[0], whole)

    await running(whole.run(), meanwhile())
    assert (tmp_path / "good.began").read_text() == "9000 blue\n"
    assert (tmp_path / "stubborn.began").read_text() == "9001 blue\n"


def _written(file: Path) -> bool:
    return file.exists() and file.read_text().endswith("\n")


async def _drained(child: Child, whole: Supervisor) -> None:
    assert child.pid is not None
    whole.stop()
    other = whole.children[1].process
    assert other is not None
    other.kill()


async def test_what_a_stage_says_goes_to_its_file(supervise: Callable[..., Supervisor], tmp_path: Path) -> None:
    whole = supervise("noisy", logs=tmp_path)
    (child,) = whole.children

    async def meanwhile() -> None:
        await eventually(lambda: child.starts >= 2)
        whole.stop()

    await running(whole.run(), meanwhile())
    assert "a word" in (tmp_path / "noisy.log").read_text()
