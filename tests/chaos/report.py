"""The account of a run: as a table for people, as JSON for programs, as Markdown for the documentation."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.chaos.driver import Kill
from tests.chaos.judge import Judgement

Row = tuple[str, str]
_KILOBYTES_PER_GIGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Recovery:
    """How one target fared."""

    target: str
    kills: int
    median_seconds: float
    longest_seconds: float


def recoveries(kills: Iterable[Kill]) -> list[Recovery]:
    """By target, in alphabetical order."""
    seconds: dict[str, list[float]] = {}
    for kill in kills:
        seconds.setdefault(f"{kill.target} ({kill.how})", []).append(kill.recovery_seconds)
    return [Recovery(target, len(each), median(each), max(each)) for target, each in sorted(seconds.items())]


def account(judgement: Judgement) -> list[Row]:
    """The ledger, line by line: what went in, what became of it, and what is missing or too much."""
    named: list[tuple[str, Mapping[str, int]]] = [
        ("published: ", judgement.published),
        ("stored: ", judgement.stored),
        ("dead letters: ", judgement.dead),
        ("outgoing events: ", judgement.told),
        ("repeated blocks: ", judgement.repeated),
    ]
    rows = [(f"{title}{name}", f"{count:,}") for title, counts in named for name, count in counts.items()]
    rows.insert(
        len(judgement.published), ("published in all, acknowledged by the broker", f"{judgement.published_total:,}")
    )
    rows += [
        ("raw records, ticks among them", f"{judgement.raw_records:,}, {judgement.raw_ticks:,}"),
        ("raw records that repeat an event", f"{judgement.raw_repeats:,}"),
        ("outgoing events sent again", f"{judgement.told_repeats:,}"),
        ("rows compared with the replay", f"{sum(judgement.rows.values()):,} in {len(judgement.rows)} tables"),
        ("lost", f"{judgement.lost:,}"),
        ("doubled", f"{judgement.doubled:,}"),
        ("other differences", f"{len(judgement.problems):,}"),
    ]
    return rows


def show(console: Console, judgement: Judgement, kills: Sequence[Kill], figures: Mapping[str, str]) -> None:
    """Print it."""
    ledger = Table("ledger", "", box=None, pad_edge=False)
    ledger.columns[1].justify = "right"
    for row in account(judgement):
        ledger.add_row(*row)
    console.print(ledger)
    back = Table("killed", "times", "back at work after, median s", "longest s", box=None, pad_edge=False)
    for each in recoveries(kills):
        back.add_row(each.target, str(each.kills), f"{each.median_seconds:.1f}", f"{each.longest_seconds:.1f}")
    console.print(back)
    for name, figure in figures.items():
        console.print(f"{name}: {figure}")
    for problem in judgement.problems:
        console.print(f"[bold red]problem[/] {escape(problem)}")
    console.print("[bold green]even[/]" if judgement.is_even else "[bold red]not even[/]")


def write_json(path: Path, judgement: Judgement, kills: Sequence[Kill], figures: Mapping[str, str]) -> None:
    """Everything, for a program."""
    content = {"ledger": judgement.plain(), "kills": [asdict(kill) for kill in kills], "figures": dict(figures)}
    path.write_text(json.dumps(content, indent=1) + "\n")


def markdown(
    title: str, command: str, judgement: Judgement, *, kills: Sequence[Kill], figures: Mapping[str, str]
) -> str:
    """A page for the documentation. It names the machine's size and nothing else of it."""
    lines = [f"# {title}", "", f"Made by `{command}` on {machine()}.", ""]
    verdict = "nothing was lost, doubled or different" if judgement.is_even else "**the ledger is not even**"
    lines += [f"{len(kills)} kills under load; {verdict}.", ""]
    lines += ["| killed | times | back at work after, median s | longest s |", "|---|---|---|---|"]
    lines += [
        f"| {each.target} | {each.kills} | {each.median_seconds:.1f} | {each.longest_seconds:.1f} |"
        for each in recoveries(kills)
    ]
    lines += ["", *(f"- {name}: {figure}" for name, figure in figures.items()), ""]
    lines += ["| ledger | |", "|---|---|", *(f"| {name} | {value} |" for name, value in account(judgement)), ""]
    if judgement.problems:
        lines += ["Problems:", "", *(f"- {problem}" for problem in judgement.problems), ""]
    lines += [
        "What the lines mean: every event that the simulator's broker acknowledged has its row in `frame`; the topics",
        "behind decode hold, repeated blocks left out, byte for byte what one pass over the raw log makes; each",
        "device's events are in one order when published, in the raw log and on the frame topic; every result column",
        "of every table equals that of a replay of the raw log which nothing disturbed; subscribers of the outgoing",
        "topics saw each subject's sequences without a gap and no alert opened twice.",
        "",
    ]
    return "\n".join(lines)


def machine() -> str:
    """Processors, memory, Python: what a figure depends on."""
    kilobytes = int(Path("/proc/meminfo").read_text().split("MemTotal:")[1].split()[0])
    return (
        f"{os.cpu_count()} processors ({platform.machine()}), {kilobytes / _KILOBYTES_PER_GIGABYTE:.0f} GB of memory, "
        f"Python {platform.python_version()}, servers on the same machine"
    )
