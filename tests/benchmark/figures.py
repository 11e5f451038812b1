"""What was measured, as a table for people and as Markdown for the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

from rich.table import Table

MEGABYTE: Final = 1_000_000


class Measured(NamedTuple):
    """What a process says of its own work."""

    records: int
    wall_seconds: float
    cpu_seconds: float
    queued_seconds: float
    """How long it was ready to run and had no core."""
    peak_bytes: int
    rows: float
    """Rows or facts written; 0 where it writes none."""
    addition_ns: float
    """What an addition took right behind it: a machine is not every day, nor every minute, worth the same."""

    @property
    def rate(self) -> float:
        """Records per second of wall time."""
        return self.records / self.wall_seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU per record."""
        return self.cpu_seconds / self.records * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the report."""

    section: str
    name: str
    unit: str
    values: Sequence[float]
    target: float | None = None
    at_most: bool = False
    """Whether the target is an upper bound."""

    @property
    def median(self) -> float:
        """The middle one of all runs."""
        return median(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the target; None where there is none."""
        if self.target is None:
            return None
        return self.median <= self.target if self.at_most else self.median >= self.target

    @property
    def spread(self) -> str:
        """From the least to the most; empty for a single value."""
        return f"{number(min(self.values))} - {number(max(self.values))}" if len(self.values) > 1 else ""

    @property
    def aim(self) -> str:
        """The target in words, and whether it was reached."""
        if self.target is None:
            return ""
        return f"{'<' if self.at_most else '>='} {number(self.target)}: {'reached' if self.reached else 'falls short'}"


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 1000:
        digits = max(3 - len(str(int(value))), -3)
        return f"{round(value, digits):,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def of_stage(
    section: str, what: str, measured: Sequence[Measured], *, target: float | None = None, limit: float | None = None
) -> list[Figure]:
    """The usual lines about a process: rate, CPU, its share of a core and wait for one, memory, the machine's pace."""
    figures = [
        Figure(section=section, name="rate", unit=f"{what}/s", values=[m.rate for m in measured], target=target),
        Figure(section=section, name="CPU", unit=f"us/{what}", values=[m.cpu_us for m in measured]),
    ]
    shares = {
        "share of a core": [m.cpu_seconds / m.wall_seconds for m in measured],
        "waiting for a core": [m.queued_seconds / m.wall_seconds for m in measured],
    }
    figures += [
        Figure(section=section, name=name, unit="%", values=[100 * each for each in values])
        for name, values in shares.items()
    ]
    peaks = [m.peak_bytes / MEGABYTE for m in measured]
    return [
        *figures,
        Figure(section=section, name="memory, peak", unit="MB", values=peaks, target=limit, at_most=True),
        Figure(section=section, name="a bare addition", unit="ns", values=[m.addition_ns for m in measured]),
    ]


def table_of(figures: Iterable[Figure]) -> Table:
    """For the screen."""
    table = Table("what", "", "median", "unit", "min - max", "target", box=None, pad_edge=False)
    section = ""
    for figure in figures:
        first = figure.section if figure.section != section else ""
        if first and section:
            table.add_row()
        section = figure.section
        style = {True: "green", False: "red", None: ""}[figure.reached]
        table.add_row(first, figure.name, number(figure.median), figure.unit, figure.spread, figure.aim, style=style)
    return table


def markdown_of(figures: Iterable[Figure]) -> str:
    """For the report."""
    lines = ["| what | | median | unit | min - max | runs | target |", "|---|---|---:|---|---|---:|---|"]
    section = ""
    for figure in figures:
        first = figure.section if figure.section != section else ""
        section = figure.section
        aim = figure.aim.replace("falls short", "**falls short**")
        lines.append(
            f"| {first} | {figure.name} | {number(figure.median)} | {figure.unit} | {figure.spread} "
            f"| {len(figure.values)} | {aim} |"
        )
    return "\n".join(lines) + "\n"
