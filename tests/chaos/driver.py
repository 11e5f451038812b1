"""Kills what does the work, under load, just after it made progress.

"Just after": the target's own counters are looked at every few milliseconds, and once they move the blow falls within
a fraction of a batch, at a seeded random point of it: between fetch and flush, flush and commit, COPY and COMMIT.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from pipeline.core import topics
from pipeline.kafka.consumer import open_log
from tests.chaos.settle import partitions_of
from tests.chaos.system import ChaosError, System

LOOK_SECONDS: Final = 0.004
SOON_SECONDS: Final = 0.04
PROGRESS_SECONDS: Final = 60.0
RECOVERY_SECONDS: Final = 120.0
BACK_LOOK_SECONDS: Final = 0.1
WRITTEN_SHARE: Final = 0.5
"""How often decode is killed between its flush and its commit instead of anywhere."""
SERVERS: Final = ("kafka", "timescaledb", "mosquitto")


@dataclass(frozen=True, slots=True)
class Kill:
    """What was killed, and how long it took until work went on. `down_seconds` is until the process answered."""

    target: str
    how: str
    at_seconds: float
    """Since the first one."""
    down_seconds: float
    recovery_seconds: float


def rotation(targets: Sequence[str], kills: int, *, seed: int) -> Iterator[str]:
    """Every target in turn, each round in an order of its own."""
    random = Random(seed)
    given = 0
    while given < kills:
        order = list(targets)
        random.shuffle(order)
        yield from order[: kills - given]
        given += len(order)


class Driver:
    """Kills targets of one system and waits until they are back at work."""

    def __init__(self, system: System, *, seed: int, soon_seconds: float = SOON_SECONDS) -> None:
        self._system = system
        self._random = Random(seed)
        self._soon_seconds = soon_seconds
        self._began = time.monotonic()
        self.kills: list[Kill] = []

    def shuffle(self, targets: list[str]) -> None:
        """Put targets into an order of the seed's."""
        self._random.shuffle(targets)

    async def strike(self, target: str, *, how: str = "KILL", away_seconds: float = 0.0) -> Kill:
        """Kill a child or a server right after it moved, start it again, wait until all of it works.

        Args:
            target: name of a child or a server.
            how: KILL, or TERM for a server that is stopped in good order.
            away_seconds: how long a server stays away.

        Raises:
            ChaosError: nothing moved before, or nothing went on afterwards.
        """
        is_server = target in SERVERS
        if target == "decode" and self._random.random() < WRITTEN_SHARE:
            await self._written()
        else:
            await self.progress(self._random.choice(sorted(self._system.children)) if is_server else target)
            await asyncio.sleep(self._random.uniform(0, self._soon_seconds))
        struck = time.monotonic()
        if is_server:
            await self._system.cut(target, kill=how == "KILL")
            before = await self._counters()
            await asyncio.sleep(away_seconds)
            await self._system.restore(target)
        else:
            before = {target: 0.0}
            self._system.kill(target)
            await self._answering(target)
        answered = time.monotonic()
        await self._moved_again(before)
        kill = Kill(
            target=target,
            how=how,
            at_seconds=struck - self._began,
            down_seconds=answered - struck,
            recovery_seconds=time.monotonic() - struck,
        )
        self.kills.append(kill)
        return kill

    async def progress(self, name: str) -> None:
        """Return as soon as the child's counters move.

        Raises:
            ChaosError: they don't.
        """
        deadline = time.monotonic() + PROGRESS_SECONDS
        before = await self._system.moved(name)
        while True:
            now = await self._system.moved(name)
            if before is not None and now is not None and now > before:
                return
            # A process that was started again counts from 0.
            before = now
            if time.monotonic() > deadline:
                words = self._system.last_words(name)
                raise ChaosError(f"{name} made no progress in {PROGRESS_SECONDS:.0f} s\n{words}")
            await asyncio.sleep(LOOK_SECONDS)

    async def _written(self) -> None:
        """Return as soon as the frame topic has grown: decode's block is there, and its commit still to come."""
        deadline = time.monotonic() + PROGRESS_SECONDS
        settings = self._system.settings
        partitions = partitions_of(settings, topics.FRAME)
        async with open_log(settings) as log:
            before = await log.bounds(partitions)
            while await log.bounds(partitions) == before:
                if time.monotonic() > deadline:
                    raise ChaosError(f"decode wrote nothing in {PROGRESS_SECONDS:.0f} s")

    async def _counters(self) -> dict[str, float]:
        counters = {name: await self._system.moved(name) for name in self._system.children}
        return {name: counter or 0.0 for name, counter in counters.items()}

    async def _answering(self, name: str) -> None:
        deadline = time.monotonic() + RECOVERY_SECONDS
        starts = self._system.children[name].starts
        while self._system.children[name].starts == starts or await self._system.moved(name) is None:
            if time.monotonic() > deadline:
                raise ChaosError(f"{name} does not answer after its kill\n{self._system.last_words(name)}")
            await asyncio.sleep(BACK_LOOK_SECONDS)

    async def _moved_again(self, before: Mapping[str, float]) -> None:
        """Wait until each of these children has a higher counter, or one begun anew."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        waiting = dict(before)
        while waiting:
            for name, counter in list(waiting.items()):
                now = await self._system.moved(name)
                if now and now != counter:
                    del waiting[name]
            if waiting and time.monotonic() > deadline:
                names = ", ".join(waiting)
                words = self._system.last_words(next(iter(waiting)))
                raise ChaosError(f"{names}: no progress {RECOVERY_SECONDS:.0f} s after the blow\n{words}")
            await asyncio.sleep(BACK_LOOK_SECONDS)


def targets_of(system: System) -> list[str]:
    """All that can be killed: children and servers."""
    return [*system.children, *SERVERS]


def way_of(target: str) -> str:
    """How a target of the rotation is ended: Mosquitto in good order, since its queues are on disk only then."""
    return "TERM" if target == "mosquitto" else "KILL"
