"""What all measurements share: sizes, inputs, processes, and what was found."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import orjson
from rich.console import Console

from infra.local.layout import REPOSITORY
from pipeline.core.settings import Settings
from tests.benchmark.figures import Figure, Measured, number, of_stage
from tests.benchmark.inputs import Published, read_messages
from tests.benchmark.installation import environment_of
from tests.benchmark.machine import addition_ns

PROCESS_SECONDS: Final = 180.0
ENCODINGS: Final = ("json", "protobuf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    runs: int
    messages: int
    bridged: int
    readings: int
    agent: int
    latency_seconds: int


FULL: Final = Sizes(runs=5, messages=60_000, bridged=40_000, readings=120_000, agent=6_000, latency_seconds=60)
QUICK: Final = Sizes(runs=2, messages=15_000, bridged=12_000, readings=30_000, agent=2_500, latency_seconds=10)


class Agent(NamedTuple):
    """An idiomatic Faust agent."""

    kind: str
    topic: str
    """What it reads."""


class Runs(NamedTuple):
    """What the runs of a stage were like."""

    ours: Sequence[Measured]
    theirs: Sequence[Measured]
    """The agent's, each right behind one of ours; empty where there is none."""
    profiled: Callable[[], Awaitable[str]]
    """Makes one run more, and says where its CPU went."""


@dataclass(slots=True)
class Bench:
    """What all measurements share, and what they found."""

    sizes: Sizes
    folder: Path
    screen: Console
    figures: list[Figure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def messages(self, encoding: str) -> list[Published]:
        """The city's messages."""
        return read_messages(self.file(encoding))

    def file(self, name: str) -> Path:
        """An input."""
        return self.folder / f"{name}.msgpack"

    def say(self, what: str) -> None:
        """Tell what is going on."""
        self.screen.print(f"[dim]{time.strftime('%H:%M:%S')} {what}[/dim]")

    async def process(self, *arguments: str, settings: Settings | None = None) -> tuple[Measured, str]:
        """Run a measuring process; what it says of itself, and its profile in a sentence."""
        answer = await self.answer(*arguments, settings=settings)
        measured = Measured(
            answer["records"],
            answer["wall_seconds"],
            answer["cpu_seconds"],
            answer.get("queued_seconds", 0.0),
            answer["peak_bytes"],
            answer.get("rows", 0.0),
            addition_ns(),
        )
        return measured, answer.get("profile", "")

    async def answer(self, *arguments: str, settings: Settings | None = None) -> dict[str, Any]:
        """Run a module as a process of its own, and read the line of JSON that it prints."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            cwd=REPOSITORY,
            env=environment_of(settings) if settings else None,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            said, _ = await asyncio.wait_for(child.communicate(), PROCESS_SECONDS)
        except TimeoutError:
            child.kill()
            raise RuntimeError(f"{' '.join(arguments)}: not done after {PROCESS_SECONDS:.0f} s") from None
        if not said:
            raise RuntimeError(f"{' '.join(arguments)}: ended with status {child.returncode} and no answer")
        answer: dict[str, Any] = orjson.loads(said)
        return answer

    async def stage(
        self,
        name: str,
        records: int,
        settings: Settings,
        *,
        before: Callable[[], Awaitable[object]],
        beside: Agent | None = None,
    ) -> Runs:
        """Several runs of a stage, each followed by one of a Faust agent where there is one to compare with.

        In turn, because the machine of one minute is not that of the next: what is compared are neighbours.
        """
        module = ("tests.benchmark.stage", name, str(records))
        runs: list[Measured] = []
        theirs: list[Measured] = []
        for run in range(self.sizes.runs):
            await before()
            self.say(f"{name}: run {run + 1}")
            runs.append((await self.process(*module, settings=settings))[0])
            if beside is not None:
                self.say(f"Faust agent {beside.kind}: run {run + 1}")
                agent = ("tests.benchmark.agents", *beside, str(self.sizes.agent))
                theirs.append((await self.process(*agent, settings=settings))[0])

        async def profiled() -> str:
            await before()
            _, sentence = await self.process(*module, "--profile", settings=settings)
            return sentence

        return Runs(runs, theirs, profiled)

    def compare(self, section: str, what: str, runs: Runs, *, target: float | None = None) -> None:
        """Add the idiomatic way's lines and the ratios."""
        self.figures += of_stage(f"{section}: Faust, one event at a time", what, runs.theirs)
        pairs = list(zip(runs.ours, runs.theirs, strict=True))
        rates = [ours.rate / theirs.rate for ours, theirs in pairs]
        cpu = [theirs.cpu_us / ours.cpu_us for ours, theirs in pairs]
        self.figures += [
            Figure(section=section, name="rate, ours over Faust's", unit="times", values=rates, target=target),
            Figure(section=section, name="CPU, Faust's over ours", unit="times", values=cpu),
        ]

    async def explain(self, rate: Figure, runs: Runs) -> None:
        """Where a rate falls short, say what a profile says."""
        if rate.reached is False:
            self.say(f"{rate.section}: profile")
            share = median(m.cpu_seconds / m.wall_seconds for m in runs.ours)
            queued = median(m.queued_seconds / m.wall_seconds for m in runs.ours)
            self.remarks.append(
                f"{rate.section}: {number(rate.median)} {rate.unit} instead of {number(rate.target or 0)}. The process "
                f"used {share:.0%} of a core, waited {queued:.0%} of the time for one and {1 - share - queued:.0%} for "
                f"the servers; of its CPU: {await runs.profiled()}."
            )
