"""`make accuracy`: a simulated month through the real pipeline, twice, held against what was true.

    run.py [--days 30] [--out docs/accuracy.md]

Once with everything that goes wrong, once the same city on perfect data. Needs the local stack's number in STACK.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from pipeline.core.clock import HOUR_US

# Run as a script, Python looks beside this file first; the repository is meant.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from rich.console import Console  # noqa: E402  # needs the path set above

from infra.local.layout import chosen  # noqa: E402  # as above
from pipeline.database.connection import connected  # noqa: E402  # as above
from pipeline.simulator import CityPlan, Device, devices, sites_csv  # noqa: E402  # as above
from tests.accuracy import (  # noqa: E402  # as above
    alerts,
    container,
    fleet,
    groundwater,
    lighting,
    parking,
    report,
    water,
)
from tests.accuracy.matching import Section, Window  # noqa: E402  # as above
from tests.accuracy.play import BROKEN, perfect, publish  # noqa: E402  # as above
from tests.accuracy.played import Played, Published  # noqa: E402  # as above
from tests.chaos.settle import settle  # noqa: E402  # as above
from tests.chaos.system import (  # noqa: E402  # as above
    NOISY,
    ChaosError,
    System,
    demolish,
    fresh_namespace,
    open_system,
    stages_but,
)

JUDGES = {
    "topology-container": container.section,
    "topology-parking": parking.section,
    "topology-groundwater": groundwater.section,
    "topology-lighting": lighting.section,
    "topology-water": water.section,
    "topology-fleet": fleet.section,
}
"""By the stage that has to be installed."""
_MARKS_AT_ONCE = 100_000


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(
        prog="run.py", description="Play a city with and without mishaps, and say how right the results are."
    )
    parser.add_argument("--days", type=float, default=BROKEN.duration / timedelta(days=1), help="how long (default 30)")
    parser.add_argument("--out", type=Path, help="write a Markdown page there, and JSON beside it")
    return parser.parse_args(given)


async def play(plan: CityPlan, name: str, folder: Path) -> report.Run:
    """Play a plan in a namespace of its own, judge it, and leave nothing behind."""
    began = time.monotonic()
    city = devices(plan)
    async with open_system(chosen(), folder / name, namespace=fresh_namespace(name), replay=True) as system:
        await _install(system, plan)
        # a month of marks at once: each bucket is computed once, and not with every batch of a few days
        system.environment = {**system.environment, "SILKSTREAM_DERIVE_BATCH_MARKS": str(_MARKS_AT_ONCE)}
        # nobody is told of a simulated city, and its records are written past the bridge
        stages = stages_but("bridge", "relay", "notify", "derive")
        for stage in stages:
            await system.start(stage)
        await system.until_ready()
        published = await publish(system.settings, plan, city)
        await settle(system.settings, stages, last=None)
        await system.start("derive")
        await settle(system.settings, [*stages, "derive"], last=None)
        sections = await _judge(system, plan, city, published)
    await demolish(system.settings)
    return report.Run(published.fates, sections, time.monotonic() - began)


async def _install(system: System, plan: CityPlan) -> None:
    file = system.folder / "sites.csv"
    file.write_text(sites_csv(plan))
    imported = await system.run("sites", "import", str(file))
    if imported.status:
        raise ChaosError(f"no sites: {imported.complaint}")


async def _judge(system: System, plan: CityPlan, city: Sequence[Device], published: Published) -> list[Section]:
    """Every topology's section. The first hours are not judged: every state has to be heard of once."""
    window = Window(plan.start_us + 6 * HOUR_US, plan.end_us)
    async with connected(system.settings, "accuracy") as connection:
        played = Played(plan, city, published, connection, await alerts.read(connection), window)
        return [await judge(played) for stage, judge in JUDGES.items() if stage in system.stages]


async def measure(wanted: argparse.Namespace, console: Console) -> None:
    """Play both cities and report."""
    folder = Path(tempfile.mkdtemp(prefix="silkstream-accuracy-"))
    console.print(f"logs: {folder}")
    plan = BROKEN.with_(duration=timedelta(days=wanted.days))
    runs = {}
    for name, each in (("broken", plan), ("perfect", perfect(plan))):
        run = runs[name] = await play(each, name, folder)
        console.print(f"{name}: {sum(run.fates.values()):,} messages in {run.seconds:.0f} s")
    page = report.Page(plan=plan, broken=runs["broken"], perfect=runs["perfect"])
    console.print(report.tables(page))
    if wanted.out is not None:
        wanted.out.write_text(report.markdown(page))
        report.write_json(wanted.out.with_suffix(".json"), page)


def main() -> int:
    """Run it."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140
    try:
        asyncio.run(measure(arguments(sys.argv[1:]), console))
    except ChaosError as stuck:
        console.print(f"[bold red]stuck[/] {stuck}", markup=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
