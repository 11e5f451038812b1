"""The command line of the benchmark: prepares the inputs, measures, reports."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from infra.local.layout import REPOSITORY
from tests.benchmark.bench import ENCODINGS, FULL, QUICK, Bench
from tests.benchmark.figures import markdown_of, table_of
from tests.benchmark.installation import fresh_settings
from tests.benchmark.machine import described
from tests.benchmark.measures import BENCHES


async def prepare(bench: Bench) -> None:
    """Write the inputs, two at a time."""
    bench.say("inputs: a simulated city")
    module = (sys.executable, "-m", "tests.benchmark.inputs")
    sizes = bench.sizes
    jobs = [(each, str(sizes.messages), str(bench.file(each))) for each in ENCODINGS]
    children = [await asyncio.create_subprocess_exec(*module, *job, cwd=REPOSITORY) for job in jobs]
    for child in children:
        if await child.wait():
            raise RuntimeError("the inputs cannot be made")


def report_of(bench: Bench, machine: Mapping[str, str], command: str, seconds: float) -> str:
    """The report as Markdown."""
    lines = [
        f"# Benchmark of {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"Made by `{command}` in {seconds / 60:.0f} minutes, version {_commit()}. How it is measured:",
        "[tests/benchmark/README.md](../../tests/benchmark/README.md).",
        "",
        *(f"- {name}: {value}" for name, value in machine.items()),
        "",
        markdown_of(bench.figures),
    ]
    if bench.remarks:
        lines += [
            "What falls short, and what the profile says of it:",
            "",
            *(f"- {each}" for each in bench.remarks),
            "",
        ]
    return "\n".join(lines)


def _commit() -> str:
    head = (REPOSITORY / ".git/HEAD").read_text().strip()
    name = head.removeprefix("ref: ")
    if name == head:
        return head[:10]
    file = REPOSITORY / ".git" / name
    return file.read_text()[:10] if file.exists() else "unknown"


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(prog="run.py", description="How fast each stage is, and the whole way.")
    parser.add_argument("--runs", type=int, metavar="N", help=f"runs of each measurement (default {FULL.runs})")
    parser.add_argument("--only", action="append", choices=BENCHES, help="only this one; may be repeated")
    parser.add_argument("--quick", action="store_true", help="small inputs, two runs, no report")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where the report goes")
    return parser.parse_args(given)


async def measure(wanted: argparse.Namespace, screen: Console) -> None:
    """Measure and report."""
    sizes = QUICK if wanted.quick else FULL
    if wanted.runs:
        sizes = replace(sizes, runs=wanted.runs)
    machine = described(fresh_settings())
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="silkstream-bench-") as folder:
        bench = Bench(sizes, Path(folder), screen)
        await prepare(bench)
        try:
            for name in wanted.only or BENCHES:
                await BENCHES[name](bench)
        finally:
            # Where a measurement of half an hour fails, at least what was found by then.
            screen.print(table_of(bench.figures))
    seconds = time.monotonic() - began
    for remark in bench.remarks:
        screen.print(f"[yellow]{remark}[/yellow]")
    screen.print(f"{seconds:.0f} s")
    report = wanted.report
    if report is None and not wanted.quick and not wanted.only:
        report = REPOSITORY / "docs/benchmarks" / f"{datetime.now(UTC):%Y-%m-%d}.md"
    if report is not None:
        options = [f"--runs {wanted.runs}"] if wanted.runs else []
        options += [f"--only {name}" for name in wanted.only or ()]
        command = " ".join(["tests/benchmark/run.py", *options]) if options else "make bench"
        report.write_text(report_of(bench, machine, command, seconds))
        screen.print(f"report: {report}")


def main() -> None:
    """Run the command."""
    # Topics made a moment ago have no leader yet, a connection that is just made has no state: clients tell of it.
    logging.getLogger().setLevel(logging.CRITICAL)
    screen = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    asyncio.run(measure(arguments(sys.argv[1:]), screen))
