"""Starts servers that outlive the command, and ends only those it started.

A pid alone is no name: it is given out again. So a pid file also keeps the process's start time and the boot it
belongs to, and a file whose process is another one counts as no file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from infra.local.layout import StackError

POLL_SECONDS = 0.05


def started_ticks(pid: int) -> int | None:
    """When process `pid` started, in clock ticks after boot (field 22 of proc(5) `stat`); None if it is not alive.

    A zombie is not alive: where nobody reaps orphans, a killed server stays one for ever.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, ticks = fields[0], fields[19]
    return None if state in "ZX" else int(ticks)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def remember(pid_file: Path, pid: int) -> None:
    """Write down that `pid` is ours."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    draft = pid_file.with_suffix(".new")
    draft.write_text(json.dumps({"pid": pid, "started_ticks": started_ticks(pid), "boot": _boot()}) + "\n")
    draft.replace(pid_file)


def remembered(pid_file: Path) -> int | None:
    """The pid in `pid_file` if that very process is still alive."""
    try:
        kept = json.loads(pid_file.read_text())
        pid, ticks, boot = int(kept["pid"]), kept["started_ticks"], kept["boot"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return pid if ticks is not None and boot == _boot() and started_ticks(pid) == ticks else None


def spawn(
    command: Sequence[str], *, log: Path, pid_file: Path, folder: Path, environment: Mapping[str, str] | None = None
) -> int:
    """Start `command` as leader of its own session, its output appended to `log`; returns its pid."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    remember(pid_file, process.pid)
    # The server outlives us: without this, Python would warn about a child that nobody waited for.
    process.returncode = 0
    return process.pid


def until(condition: Callable[[], bool], *, timeout_seconds: float) -> bool:
    """Wait until `condition()`; False if it did not come true in time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def send(pids: Sequence[int], number: signal.Signals) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def end_group(pid: int, number: signal.Signals, *, name: str, timeout_seconds: float) -> None:
    """Signal the process group that `pid` leads and wait until `pid` is gone.

    Raises:
        StackError: it is still there after `timeout_seconds`.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
    _reap(pid)
    if not until(lambda: started_ticks(pid) is None, timeout_seconds=timeout_seconds):
        raise StackError(
            f"{name} (pid {pid}) did not end within {timeout_seconds:.0f} s of {number.name}; "
            f"`stack.py stop {name} --signal KILL` ends it."
        )


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def runs_inside(root: Path, pid: int, *, program: str) -> bool:
    """Whether process `pid` lives, is `program`, and has `root` as its root directory."""
    with contextlib.suppress(OSError):
        entry = Path(f"/proc/{pid}")
        same = (entry / "root").readlink() == root and (entry / "comm").read_text().strip() == program
        return same and started_ticks(pid) is not None
    return False


def inside(root: Path, *, program: str) -> tuple[int, ...]:
    """The live processes of `program` in the chroot `root`, whoever started them."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return tuple(sorted(pid for pid in pids if runs_inside(root, pid, program=program)))


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold `lock` so that two commands at once do not prepare the same folder."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def privileged(command: Sequence[str]) -> list[str]:
    """`command` as root: as it is if we are root, through sudo otherwise."""
    return list(command) if os.geteuid() == 0 else ["sudo", *command]


def run(command: Sequence[str], *, failing: str, log: Path | None = None) -> str:
    """Run `command` to its end; returns its standard output.

    Raises:
        StackError: its program is missing or it failed; the sentence is `failing` and the end of what it wrote.
    """
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise StackError(
            f"{failing}: there is no program {command[0]!r}; `infra/local/packages.sh` installs what is missing."
        ) from None
    if log is not None:
        log.write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise StackError(f"{failing} ({command[0]} ended with {done.returncode}):\n{said}")
    return done.stdout


def last_lines(log: Path, *, count: int = 12) -> str:
    """The end of a server's log, for a message about why it did not start."""
    if not log.exists():
        return "(nothing logged)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
