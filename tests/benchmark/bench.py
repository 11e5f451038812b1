"""What all measurements share: sizes, inputs, processes, and what was found."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import orjson
from rich.console import Console

from infra.local.layout import REPOSITORY
from pipeline.core.settings import Settings
from tests.benchmark.figures import Figure, Measured, number, of_stage
from tests.benchmark.inputs import Published, read_messages
from tests.benchmark.installation import environment_of

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
    agent_runs: int
    latency_seconds: int


FULL: Final = Sizes(
    runs=5, messages=60_000, bridged=40_000, readings=120_000, agent=6_000, agent_runs=3, latency_seconds=60
)
QUICK: Final = Sizes(
    runs=2, messages=15_000, bridged=12_000, readings=30_000, agent=2_500, agent_runs=1, latency_seconds=10
)


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
        runs: int | None = None,
    ) -> tuple[list[Measured], Callable[[], Awaitable[str]]]:
        """Several runs of a stage, and a way to have it profiled by one more."""
        module = ("tests.benchmark.stage", name, str(records))
        found = []
        for run in range(runs or self.sizes.runs):
            await before()
            self.say(f"{name}: run {run + 1}")
            measured, _ = await self.process(*module, settings=settings)
            found.append(measured)

        async def profiled() -> str:
            await before()
            _, sentence = await self.process(*module, "--profile", settings=settings)
            return sentence

        return found, profiled

    async def agent(self, kind: str, topic: str, settings: Settings) -> list[Measured]:
        """Several runs of a Faust agent."""
        found = []
        for run in range(self.sizes.agent_runs):
            self.say(f"Faust agent {kind}: run {run + 1}")
            measured, _ = await self.process(
                "tests.benchmark.agents", kind, topic, str(self.sizes.agent), settings=settings
            )
            found.append(measured)
        return found

    def compare(
        self,
        section: str,
        what: str,
        ours: Sequence[Measured],
        theirs: Sequence[Measured],
        *,
        target: float | None = None,
    ) -> None:
        """Add the idiomatic way's lines and the ratio."""
        self.figures += of_stage(f"{section}: Faust, one event at a time", what, theirs)
        rate = median(m.rate for m in ours) / median(m.rate for m in theirs)
        cpu = median(m.cpu_us for m in theirs) / median(m.cpu_us for m in ours)
        self.figures.append(
            Figure(section=section, name="rate, ours over Faust's", unit="times", values=[rate], target=target)
        )
        self.figures.append(Figure(section=section, name="CPU, Faust's over ours", unit="times", values=[cpu]))

    async def explain(self, rate: Figure, measured: Sequence[Measured], profiled: Callable[[], Awaitable[str]]) -> None:
        """Where a rate falls short, say what a profile says."""
        if rate.reached is False:
            self.say(f"{rate.section}: profile")
            share = median(m.cpu_seconds / m.wall_seconds for m in measured)
            queued = median(m.queued_seconds / m.wall_seconds for m in measured)
            self.remarks.append(
                f"{rate.section}: {number(rate.median)} {rate.unit} instead of {number(rate.target or 0)}. The process "
                f"used {share:.0%} of a core, waited {queued:.0%} of the time for one and {1 - share - queued:.0%} for "
                f"the servers; of its CPU: {await profiled()}."
            )
