"""Each topology with its full logic, beside a Faust table; and what many devices cost it in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.core.model import Outgoing
from pipeline.core.settings import Settings
from pipeline.installed import installed_stages
from pipeline.simulator import sites_csv
from tests.benchmark.bench import Agent, Bench
from tests.benchmark.figures import MEGABYTE, Figure, of_stage
from tests.benchmark.inputs import messages
from tests.benchmark.installation import build, demolish, fill, fresh_settings, import_sites
from tests.benchmark.loads import LOADS, city_of, consumed, spread, spread_sites

READINGS_PER_SECOND: Final = 40_000
TIMES_FAUST: Final = 10.0
MEMORY_MB: Final = 300.0
DEVICES: Final = (1_000, 10_000, 100_000)
_PREFIX: Final = "topology-"


def installed() -> list[str]:
    """The names of the topologies."""
    return sorted(name.removeprefix(_PREFIX) for name in installed_stages() if name.startswith(_PREFIX))


def records_of(name: str, count: int) -> list[Outgoing]:
    """What a topology consumes."""
    return consumed(messages(city_of(name), count), LOADS[name].topic)


async def topologies(bench: Bench) -> None:
    """Every topology that is installed."""
    for name in installed():
        await _topology(bench, name)


async def _topology(bench: Bench, name: str) -> None:
    bench.say(f"{name}: input")
    settings, sites, section = fresh_settings(), sites_csv(city_of(name)), f"topology {name}"
    await build(settings)
    try:
        count = await _filled(settings, records_of(name, bench.sizes.readings))

        async def before() -> None:
            await build(settings)
            await import_sites(settings, sites)

        agent = Agent(name, settings.namespace + LOADS[name].topic)
        runs = await bench.stage(_PREFIX + name, count, settings, before=before, beside=agent)
        found = of_stage(section, "reading", runs.ours, target=READINGS_PER_SECOND, limit=MEMORY_MB)
        bench.figures += found
        await bench.explain(found[0], runs)
        bench.compare(section, "reading", runs, target=TIMES_FAUST)
    finally:
        await demolish(settings)


async def memory(bench: Bench) -> None:
    """The peak of each topology that has heard once of so many devices."""
    for name in installed():
        given = records_of(name, DEVICES[0])
        for devices in DEVICES[: bench.sizes.runs]:
            settings = fresh_settings()
            await build(settings)
            try:
                count = await _filled(settings, list(spread(given, LOADS[name].topic, devices)))
                await import_sites(settings, spread_sites(sites_csv(city_of(name)), devices))
                bench.say(f"{name}: {devices:,} devices")
                measured, _ = await bench.process(
                    "tests.benchmark.stage", _PREFIX + name, str(count), settings=settings
                )
                bench.figures.append(
                    Figure(
                        section=f"topology {name}, memory",
                        name=f"{devices:,} devices",
                        unit="MB",
                        values=[measured.peak_bytes / MEGABYTE],
                    )
                )
            finally:
                await demolish(settings)


async def _filled(settings: Settings, records: Sequence[Outgoing]) -> int:
    return await fill(settings, [each._replace(topic=settings.namespace + each.topic) for each in records])
