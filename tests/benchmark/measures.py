"""The measurements, one function each: prepare, run, note the figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from infra.local.layout import REPOSITORY
from pipeline.core import topics
from pipeline.kafka.provision import provision
from pipeline.simulator import Family, devices
from tests.benchmark.bench import ENCODINGS, Agent, Bench
from tests.benchmark.derive import derive
from tests.benchmark.figures import MEGABYTE, Figure, of_stage
from tests.benchmark.inputs import plan, raw_records
from tests.benchmark.installation import (
    build,
    decode_raw,
    demolish,
    faust_topic,
    fill,
    fresh_settings,
    set_back,
)
from tests.benchmark.latency import latencies, quantile
from tests.benchmark.load import keep_session, open_loader
from tests.benchmark.topologies import MEMORY_MB, memory, topologies
from tests.benchmark.way import full_speed, open_system

LATENCY_SECONDS: Final = 1.0
SIMPLE_US: Final = 5.0
SLOW_US: Final = 30.0
CHOOSING_US: Final = 1.0
MESSAGES_PER_SECOND: Final = 200
ALERTS_PER_SECOND: Final = 20
TOLD_AT_ONCE: Final = REPOSITORY / "tests/data/one_measurement.toml"
"""The city file of the latency: it is asked how fast an alert is told, not how long a condition has to last."""


async def parts(bench: Bench) -> None:
    """The pure parts, without a server."""
    for encoding in ENCODINGS:
        for part, what in (("parse", "event"), ("decoders", "frame"), ("decode", "frame"), ("rows", "record")):
            bench.say(f"{part}, {encoding}")
            runs = [
                (await bench.process("tests.benchmark.parts", part, str(bench.file(encoding))))[0]
                for _ in range(bench.sizes.runs)
            ]
            name = {"parse": "parse", "decoders": "decoder alone", "decode": "decode batch", "rows": "rows"}[part]
            bench.figures.append(
                Figure(
                    section=f"without servers, {encoding}",
                    name=f"{name}, CPU",
                    unit=f"us/{what}",
                    values=[run.cpu_us for run in runs],
                )
            )


async def models(bench: Bench) -> None:
    """Every decoder by itself, and the choice of one."""
    answers = []
    for run in range(min(bench.sizes.runs, 3)):
        bench.say(f"decoders one by one: run {run + 1}")
        answers.append(await bench.answer("tests.benchmark.models"))
    for name in answers[0]["models"]:
        for share, target in (("median", SIMPLE_US), ("slowest", SLOW_US)):
            bench.figures.append(
                Figure(
                    section="decoders one by one",
                    name=f"{name}, {share} frame",
                    unit="us/frame",
                    values=[answer["models"][name][share] for answer in answers],
                    target=target,
                    at_most=True,
                )
            )
    bench.figures.append(
        Figure(
            section="decoders one by one",
            name="choosing a device's decoder",
            unit="us",
            values=[answer["choosing"] for answer in answers],
            target=CHOOSING_US,
            at_most=True,
        )
    )


async def bridge(bench: Bench) -> None:
    """A backlog in the broker, drained into the raw topic."""
    settings = fresh_settings()
    messages = [(m.topic, m.payload) for m in bench.messages("json")[: bench.sizes.bridged]]
    await build(settings)

    async def before() -> None:
        keep_session(settings, expiry_seconds=3600)
        async with open_loader(settings) as loader:
            await loader.publish_all(messages)

    try:
        runs = await bench.stage("bridge", len(messages), settings, before=before)
        found = of_stage("bridge", "message", runs.ours, target=15_000, limit=MEMORY_MB)
        bench.figures += found
        await bench.explain(found[0], runs)
    finally:
        keep_session(settings, expiry_seconds=0)
        await demolish(settings)


async def decode(bench: Bench) -> None:
    """From the raw topic to frames and readings, beside a Faust agent on the same topic."""
    for encoding in ENCODINGS:
        settings = fresh_settings()
        before = partial(set_back, settings, "decode", topics.RAW)
        await build(settings)
        try:
            count = await fill(settings, raw_records(bench.messages(encoding), namespace=settings.namespace))
            beside = None
            if encoding == "json":
                await provision(settings, [faust_topic(settings)])
                beside = Agent("decode", settings.namespace + topics.RAW)
            runs = await bench.stage("decode", count, settings, before=before, beside=beside)
            section = f"decode, {encoding}"
            found = of_stage(section, "frame", runs.ours, target=35_000, limit=MEMORY_MB)
            bench.figures += found
            await bench.explain(found[0], runs)
            if beside is not None:
                bench.compare(section, "frame", runs)
        finally:
            await demolish(settings)


async def store(bench: Bench) -> None:
    """Frames and readings to rows, into empty tables."""
    settings = fresh_settings()
    await build(settings)
    try:
        await fill(settings, raw_records(bench.messages("json"), namespace=settings.namespace))
        counts = await decode_raw(settings)
        runs = await bench.stage("store", sum(counts.values()), settings, before=lambda: build(settings))
        rows = Figure(
            section="store",
            name="rows of all tables",
            unit="rows/s",
            values=[run.rows / run.wall_seconds for run in runs.ours],
            target=40_000,
        )
        usual = of_stage("store", "record", runs.ours, limit=MEMORY_MB)
        per_row = [run.cpu_seconds / run.rows * 1e6 for run in runs.ours]
        bench.figures += [
            rows,
            Figure(section="store", name="CPU", unit="us/row", values=per_row),
            *usual,
        ]
        await bench.explain(rows, runs)
    finally:
        await demolish(settings)


async def whole_way(bench: Bench) -> None:
    """Everything at once, as fast as it goes."""
    city = plan()
    messages = bench.messages("json")
    seconds: list[float] = []
    peaks: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    for run in range(min(bench.sizes.runs, 3)):
        bench.say(f"whole way: run {run + 1}")
        async with open_system(fresh_settings(), city) as system:
            before = system.cpu_seconds()
            seconds.append(await full_speed(system, messages))
            for name, used in system.cpu_seconds().items():
                cpu.setdefault(name, []).append((used - before[name]) / len(messages) * 1e6)
            for name, peak in system.peaks().items():
                peaks.setdefault(name, []).append(peak / MEGABYTE)
    rates = [len(messages) / each for each in seconds]
    bench.figures.append(Figure(section="whole way", name="publish to last row", unit="messages/s", values=rates))
    bench.figures += [
        Figure(section="whole way", name=f"CPU, {name}", unit="us/message", values=used) for name, used in cpu.items()
    ]
    bench.figures += [
        Figure(section="whole way", name=f"memory, peak, {name}", unit="MB", values=own, target=MEMORY_MB, at_most=True)
        for name, own in peaks.items()
    ]


async def latency(bench: Bench) -> None:
    """A steady trickle, watched at both ends."""
    city = plan()
    seconds = bench.sizes.latency_seconds
    containers = {device.dev_eui for device in devices(city) if device.family is Family.CONTAINER}
    spoken = [m for m in bench.messages("json") if m.topic.split("/")[3] not in containers]
    once = list({m.event_id: m for m in spoken}.values())
    bench.say(f"latency: {seconds} s at {MESSAGES_PER_SECOND} messages/s")
    settings = fresh_settings()
    at_once = settings.topology.model_copy(update={"city": str(TOLD_AT_ONCE)})
    async with open_system(settings.model_copy(update={"topology": at_once}), city) as system:
        found = await latencies(system, city, once, seconds=seconds, rate=MESSAGES_PER_SECOND, alerts=ALERTS_PER_SECOND)
    ends = {"publish to row visible": found.rows, "publish to CloudEvent on alerts.container.v1": found.alerts}
    for name, values in ends.items():
        if not values:
            bench.remarks.append(f"latency, {name}: not measured, since not every stage of that way is installed.")
            continue
        for share, word, target in ((0.5, "p50", None), (0.99, "p99", LATENCY_SECONDS), (1.0, "most", None)):
            bench.figures.append(
                Figure(
                    section=f"latency, {name}",
                    name=f"{word} of {len(values):,} at {MESSAGES_PER_SECOND} messages/s",
                    unit="s",
                    values=[quantile(values, share)],
                    target=target,
                    at_most=True,
                )
            )


BENCHES: Final[dict[str, Callable[[Bench], Awaitable[None]]]] = {
    "parts": parts,
    "models": models,
    "bridge": bridge,
    "decode": decode,
    "store": store,
    "topologies": topologies,
    "memory": memory,
    "derive": derive,
    "way": whole_way,
    "latency": latency,
}
