"""A namespace of its own on the servers, filled with what a stage consumes."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition

from decoders.registry import load as load_decoders
from infra.local.layout import REPOSITORY
from pipeline.core import topics
from pipeline.core.model import Outgoing, Partition
from pipeline.core.settings import Settings
from pipeline.core.settings import load as load_settings
from pipeline.database.migrate import drop, migrate
from pipeline.decode.batch import BatchDecoder, State
from pipeline.decode.binding import Bindings
from pipeline.decode.duplicates import History
from pipeline.installed import declared_topics
from pipeline.kafka.consumer import open_log
from pipeline.kafka.producer import open_sink
from pipeline.kafka.provision import delete_topics, provision
from tests.benchmark.inputs import PARTITIONS
from tests.chaos.settle import partitions_of

_CHUNK: Final = 2000


def fresh_settings() -> Settings:
    """Settings for the servers that the environment names, in a namespace that nobody has."""
    word = f"bench{uuid4().hex[:8]}"
    base = load_settings()
    return base.model_copy(
        update={
            "namespace": f"{word}.",
            "bridge": base.bridge.model_copy(update={"id": word, "ticks": "stream"}),
            "topics": base.topics.model_copy(update={"partitions": PARTITIONS}),
        }
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as a process's environment."""
    return {
        **os.environ,
        "SILKSTREAM_NAMESPACE": settings.namespace,
        "SILKSTREAM_BRIDGE_ID": settings.bridge.id,
        "SILKSTREAM_BRIDGE_TICKS": settings.bridge.ticks,
        "SILKSTREAM_TOPICS_PARTITIONS": str(settings.topics.partitions),
        "SILKSTREAM_TOPOLOGY_CITY": settings.topology.city,
    }


async def build(settings: Settings) -> None:
    """Topics and tables, as new: what the tables held is gone."""
    await provision(settings, declared_topics(settings))
    await drop(settings)
    await migrate(settings, load_decoders().values())


def faust_topic(settings: Settings) -> topics.Topic:
    """Where the Faust agent for comparison sends its readings."""
    name = f"{settings.namespace}{topics.RAW}.faust"
    return topics.Topic(name, "DevEUI", "JSON", settings.topics.partitions, topics.DAY_MS, "readings by a Faust agent")


async def demolish(settings: Settings) -> None:
    """Take all of it away again."""
    names = [topic.name for topic in declared_topics(settings)]
    await delete_topics(settings, [*names, faust_topic(settings).name])
    await drop(settings)


async def import_sites(settings: Settings, sites: str) -> None:
    """Give devices their sites (a CSV file's text), by the command that an operator uses."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write(sites)
        file.flush()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "pipeline.cli", "sites", "import", file.name),
            cwd=REPOSITORY,
            env=environment_of(settings),
            stdout=asyncio.subprocess.DEVNULL,
        )
        if await process.wait():
            raise RuntimeError("the city's sites cannot be imported")


async def fill(settings: Settings, records: Iterable[Outgoing]) -> int:
    """Write records to their topics; returns how many."""
    left = iter(records)
    count = 0
    async with open_sink(settings) as sink:
        while chunk := list(islice(left, _CHUNK)):
            await sink.send(chunk)
            count += len(chunk)
    return count


async def decode_raw(settings: Settings) -> dict[str, int]:
    """Decode the raw topic once and write the outputs, so that every run of `store` finds the same; counts by topic."""
    decoders = load_decoders()
    decoder = BatchDecoder(decoders, Bindings(decoders, {}), namespace=settings.namespace)
    counts: dict[str, int] = {}
    async with open_log(settings) as log, open_sink(settings) as sink:
        bounds = await log.bounds(partitions_of(settings, topics.RAW))
        for partition, (begin, end) in sorted(bounds.items()):
            outcome = decoder.decode(State(History(900_000)), await log.read(partition, begin, end))
            await sink.send(outcome.records)
            for record in outcome.records:
                topic = record.topic.removeprefix(settings.namespace)
                counts[topic] = counts.get(topic, 0) + 1
    return counts


async def ends_of(settings: Settings, names: Sequence[str]) -> Mapping[Partition, int]:
    """The end of each partition of some topics."""
    async with open_log(settings) as log:
        bounds = await log.bounds([p for name in names for p in partitions_of(settings, name)])
    return {partition: end for partition, (_, end) in bounds.items()}


async def set_back(settings: Settings, group: str, topic: str) -> None:
    """Let a group without members begin at the beginning of a topic."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap, group_id=settings.namespace + group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        mine = [TopicPartition(p.topic, p.number) for p in partitions_of(settings, topic)]
        consumer.assign(mine)
        await consumer.commit(dict.fromkeys(mine, 0))
    finally:
        await consumer.stop()


def written(folder: Path, name: str) -> Path:
    """Where an input file is."""
    return folder / f"{name}.msgpack"
