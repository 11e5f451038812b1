"""All stages of a small installation under one process: `silkstream run`.

Each stage is a process of its own, so that one may be killed without the others noticing. A stage that ends is
started again after a pause; one that cannot live (exit 78: an operator's mistake) ends the whole, since starting it
again would only say the same thing again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipeline.core.errors import EXIT_SETTINGS
from pipeline.core.logs import logger
from pipeline.core.retry import backoff, sleep_unless
from pipeline.core.stage import Stage

KILL_SECONDS: Final = 30.0
_HELD_SECONDS: Final = 30.0
_log = logger("run")


@dataclass(slots=True)
class Child:
    """One stage's process, as the supervisor knows it."""

    stage: Stage
    port: int
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    last_status: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None

    @property
    def pid(self) -> int | None:
        """Of the running process; None while there is none."""
        return self.process.pid if self.process is not None and self.process.returncode is None else None


class Supervisor:
    """Starts stages, starts them again, and drains them."""

    def __init__(
        self, stages: Sequence[Stage], environment: Mapping[str, str], *, ports: Sequence[int], logs: Path | None = None
    ) -> None:
        """Prepare, without starting anything.

        Args:
            stages: in the order in which they are shown.
            environment: settings for all of them.
            ports: of each one's pages.
            logs: a folder for what they say; None: our own standard error.
        """
        self.children = [
            Child(stage, port=port, environment=environment, log=logs / f"{stage.name}.log" if logs else None)
            for stage, port in zip(stages, ports, strict=True)
        ]
        self._stop = asyncio.Event()
        self._status = 0

    def stop(self, status: int = 0) -> None:
        """Drain all stages and end with this status."""
        self._status = self._status or status
        self._stop.set()

    async def run(self) -> int:
        """Run until `stop`; returns the exit status."""
        async with asyncio.TaskGroup() as group:
            for child in self.children:
                group.create_task(self._keep(child))
        return self._status

    async def _keep(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        pauses = backoff(first_seconds=0.3, most_seconds=15)
        while not self._stop.is_set():
            started = loop.time()
            with child.log.open("ab") if child.log else nullcontext() as said:
                child.process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "pipeline.cli",
                    child.stage.name,
                    env={**os.environ, **child.environment, "SILKSTREAM_HTTP_PORT": str(child.port)},
                    stderr=said,
                    # A terminal's Ctrl-C reaches us alone; we drain the children.
                    start_new_session=True,
                )
            child.starts += 1
            ended = asyncio.create_task(child.process.wait())
            stopped = asyncio.create_task(self._stop.wait())
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not ended.done():
                await self._drain(child, ended)
                return
            child.last_status = ended.result()
            if self._stop.is_set():
                return
            if child.last_status == EXIT_SETTINGS:
                _log.error("stage cannot live", stage_name=child.stage.name, status=child.last_status)
                self.stop(EXIT_SETTINGS)
                return
            if loop.time() - started > _HELD_SECONDS:
                pauses = backoff(first_seconds=0.3, most_seconds=15)
            _log.warning("stage ended", stage_name=child.stage.name, status=child.last_status)
            await sleep_unless(self._stop, next(pauses))

    async def _drain(self, child: Child, ended: asyncio.Task[int]) -> None:
        process = child.process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(ended), KILL_SECONDS)
        if not ended.done():
            _log.error("stage does not drain: killed", stage_name=child.stage.name)
            with suppress(ProcessLookupError):
                process.kill()
            await ended
        child.last_status = process.returncode


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
