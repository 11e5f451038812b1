"""How right the results are: as tables for people, as JSON for programs, as Markdown for the documentation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import fill
from typing import Any, Final

from rich.console import Group
from rich.table import Table

from pipeline.simulator import CityPlan, Fate
from tests.accuracy import play
from tests.accuracy.matching import Error, Score, Section, Spread
from tests.chaos.report import machine

_COUNTED: Final = (
    "bays_koenigstrasse",
    "bays_koelner_strasse",
    "disabled_bays",
    "wells",
    "containers",
    "luminaires",
    "water_meters",
    "weather_stations",
    "gateways",
)
_SCORED: Final = ("true", "found", "precision", "recall", "begins off by, min: mean", "95 %")
_MISTAKEN: Final = ("values", "mean", "95 %", "bias")
_WIDTH: Final = 120
_PLAYED: Final = """
Once with everything that goes wrong, once the same city (the same cars, failed lamps, dead devices and silent
gateways) with every frame that a gateway hears received once and every sensor honest. What was found is held against
what the simulator knows to be true; what is left on perfect data is the price of the rules themselves.
"""
_MEANT: Final = """
**Precision** is the share of what was found that is true, **recall** the share of what is true that was found. One
belongs to one: a stay told as two is one right and one too many. How far apart two beginnings may lie to belong
together is said, with its reason, in the module of each topology under `tests/accuracy/`. Errors are absolute; the
bias keeps its sign (found less true). What a dead device would have seen is not judged: that it is dead is what is to
be found.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One play of the city, and what the pipeline made of it."""

    fates: Counter[Fate]
    sections: Sequence[Section]
    seconds: float


@dataclass(frozen=True, slots=True)
class Page:
    """Both plays of a city."""

    plan: CityPlan
    broken: Run
    perfect: Run


Row = tuple[str, ...]


def _number(value: float | None, *, digits: int = 2) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _sizes(spread: Spread | None) -> Row:
    return ("-", "-") if spread is None else (_number(spread.mean, digits=1), _number(spread.p95, digits=1))


def _scored(score: Score) -> Row:
    return (
        f"{score.true:,}",
        f"{score.found:,}",
        _share(score.precision),
        _share(score.recall),
        *_sizes(score.delay_minutes),
    )


def _mistaken(error: Error | None) -> Row:
    if error is None:
        return ("0", "-", "-", "-")
    return (f"{error.size.values:,}", _number(error.size.mean), _number(error.size.p95), f"{error.bias:+.2f}")


def _beside(page: Page) -> Iterator[tuple[Section, Section]]:
    yield from zip(page.broken.sections, page.perfect.sections, strict=True)


def _score_rows(broken: Section, perfect: Section) -> Iterator[Row]:
    for one, other in zip(broken.scores, perfect.scores, strict=True):
        yield (one.name, "mishaps", *_scored(one))
        yield ("", "perfect data", *_scored(other))


def _error_rows(broken: Section, perfect: Section) -> Iterator[Row]:
    found: dict[str, Error] = {error.name: error for error in perfect.errors}
    for error in broken.errors:
        yield (f"{error.name}, {error.unit}", "mishaps", *_mistaken(error))
        yield ("", "perfect data", *_mistaken(found.get(error.name)))


def tables(page: Page) -> Group:
    """For a terminal."""
    shown = []
    for broken, perfect in _beside(page):
        for head, rows in (
            (_SCORED, [*_score_rows(broken, perfect)]),
            (_MISTAKEN, [*_error_rows(broken, perfect)]),
        ):
            table = Table(broken.topology, "", *head, box=None, pad_edge=False)
            for column in table.columns[2:]:
                column.justify = "right"
            for row in rows:
                table.add_row(*row)
            if rows:
                shown.append(table)
    return Group(*shown)


def markdown(page: Page) -> str:
    """For the documentation. It names the machine's size and nothing else of it."""
    days = page.plan.duration.total_seconds() / 86_400
    begins = f"{page.plan.start:%Y-%m-%d}"
    told = (
        f"Made by `make accuracy DAYS={days:g}` on {machine()}.",
        f"A simulated city for {days:g} days from {begins} on, played through the real pipeline twice. {_PLAYED}",
        f"The city: {_described(page.plan)}.",
        f"Uplinks with mishaps: {_fates(page.broken)}; {page.broken.seconds:.0f} s.",
        f"On perfect data: {_fates(page.perfect)}; {page.perfect.seconds:.0f} s.",
        _MEANT,
    )
    lines = ["# Accuracy", ""]
    for paragraph in told:
        lines += [fill(" ".join(paragraph.split()), _WIDTH), ""]
    for broken, perfect in _beside(page):
        lines += [f"## {broken.topology}", ""]
        lines += _table(("", "", *_SCORED), [*_score_rows(broken, perfect)])
        lines += _table(("error of", "", *_MISTAKEN), [*_error_rows(broken, perfect)])
    lines += ["## What went wrong", "", "Rates are per device (gateway) and day, shares of what their names say.", ""]
    lines += _table(("setting", "with mishaps", "perfect data"), [*_differences(page)])
    return "\n".join(lines)


def _table(head: Row, rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    rule = "|".join("---" if not name or name in {"error of", "setting"} else "--:" for name in head)
    return [f"| {' | '.join(head)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def _described(plan: CityPlan) -> str:
    return ", ".join(f"{getattr(plan, name)} {name.replace('_', ' ')}" for name in _COUNTED)


def _fates(run: Run) -> str:
    told = {fate: run.fates[fate] for fate in Fate if fate is not Fate.TICK and run.fates[fate]}
    return ", ".join(f"{count:,} {fate.value.replace('_', ' ')}" for fate, count in told.items())


def _differences(page: Page) -> Iterator[Row]:
    """The rates and shares of the plan that is played with mishaps, beside those of the other."""
    other = play.perfect(page.plan)
    for field in fields(page.plan):
        if field.name.endswith(("_share", "_per_day")) and getattr(page.plan, field.name):
            yield (f"`{field.name}`", f"{getattr(page.plan, field.name):g}", f"{getattr(other, field.name):g}")


def write_json(path: Path, page: Page) -> None:
    """Everything, for a program."""
    content = {
        "plan": page.plan.described(),
        "mishaps": _plain(page.broken),
        "perfect": _plain(page.perfect),
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def _plain(run: Run) -> Mapping[str, Any]:
    return {
        "messages": {fate.value: count for fate, count in sorted(run.fates.items())},
        "seconds": round(run.seconds, 1),
        "topologies": {
            section.topology: {
                "scores": [_dict(score) for score in section.scores],
                "errors": [_dict(error) for error in section.errors],
            }
            for section in run.sections
        },
    }


def _dict(value: Score | Error | Spread) -> dict[str, Any]:
    return {name: _dict(each) if isinstance(each, Spread) else each for name, each in value._asdict().items()}
