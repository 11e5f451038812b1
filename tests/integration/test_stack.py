"""The local stack's own promises: starting twice changes nothing, and ending one stack leaves another alone.

The second stack is number 9 in a folder of the test's own, and only its Mosquitto is started, which takes a moment.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = {"kafka", "timescaledb", "mosquitto"}


def stack(*words: str, number: str, root: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `stack.py` as a person does."""
    environment = {**os.environ, "STACK": number}
    if root is not None:
        environment["SILKSTREAM_STACK_ROOT"] = str(root)
    command = [sys.executable, "infra/local/stack.py", *words]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def pids(number: str, root: Path | None = None) -> dict[str, int]:
    """The running servers of a stack, as `status` tells them."""
    told = stack("status", number=number, root=root).stdout
    return {name: int(pid) for name, pid in re.findall(r"^(\w+) .*running, pid (\d+)$", told, re.MULTILINE)}


@pytest.fixture
def number() -> str:
    """The stack that these tests run on, brought up."""
    chosen = os.environ.get("STACK", "1")
    done = stack("up", number=chosen)
    assert done.returncode == 0, done.stderr
    return chosen


class Other(NamedTuple):
    """A second stack: its number and the folder of its own that it lives in."""

    number: str
    root: Path


def unused_number() -> str:
    """A stack number on whose Mosquitto port nobody listens: a developer may have more than one stack up."""
    for number in range(9, 2, -1):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", 19083 + 100 * number)) != 0:
                return str(number)
    raise AssertionError("every stack number from 3 to 9 is in use")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    """A second stack with Mosquitto running in it."""
    number = unused_number()
    started = stack("start", "mosquitto", number=number, root=tmp_path)
    assert started.returncode == 0, started.stderr
    yield Other(number, tmp_path)
    assert stack("clean", number=number, root=tmp_path).returncode == 0


def test_a_second_up_leaves_every_server_running_as_it_was(number: str) -> None:
    before = pids(number)

    again = stack("up", number=number)

    assert again.returncode == 0, again.stderr
    assert set(before) == NAMES
    assert pids(number) == before


def test_status_and_env_name_the_same_addresses(number: str) -> None:
    settings = dict(line.split("=", 1) for line in stack("env", number=number).stdout.splitlines())
    lines = stack("status", number=number).stdout.splitlines()
    told = {line.split()[0]: line.split()[1] for line in lines}

    assert told == {
        "kafka": settings["SILKSTREAM_KAFKA_BOOTSTRAP"],
        "timescaledb": settings["SILKSTREAM_DATABASE_URL"],
        "mosquitto": f"{settings['SILKSTREAM_MQTT_HOST']}:{settings['SILKSTREAM_MQTT_PORT']}",
    }


def test_ending_one_stack_leaves_another_alone(number: str, other: Other) -> None:
    before = pids(number)
    assert set(pids(*other)) == {"mosquitto"}

    done = stack("down", number=other.number, root=other.root)

    assert done.returncode == 0, done.stderr
    assert pids(*other) == {}
    assert set(before) == NAMES
    assert pids(number) == before


def test_a_killed_server_starts_again_under_a_new_pid(other: Other) -> None:
    before = pids(*other)["mosquitto"]

    killed = stack("stop", "mosquitto", "--signal", "KILL", number=other.number, root=other.root)
    assert killed.returncode == 0, killed.stderr
    assert pids(*other) == {}
    started = stack("start", "mosquitto", number=other.number, root=other.root)

    assert started.returncode == 0, started.stderr
    assert pids(*other)["mosquitto"] != before


def test_a_pid_that_was_given_out_again_is_not_ended(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as bystander:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        pid_file = tmp_path / "9" / "run" / "mosquitto.json"
        pid_file.parent.mkdir(parents=True)
        pid_file.write_text(json.dumps({"pid": bystander.pid, "started_ticks": 1, "boot": boot}))

        done = stack("down", number="9", root=tmp_path)
        survived = bystander.poll() is None
        bystander.kill()

    assert done.returncode == 0, done.stderr
    assert survived


def test_a_stack_that_is_no_number_is_refused_in_one_sentence() -> None:
    done = stack("status", number="twelve")

    assert done.returncode == 78
    assert done.stderr == "stack: STACK is 'twelve', but a stack is a number from 0 to 9.\n"
