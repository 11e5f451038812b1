"""What an operator meets when ledger and log no longer belong together, and whether following the advice helps."""

from __future__ import annotations

import asyncio
import re
import shlex
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from pipeline.core import identity, topics
from pipeline.core.model import Partition
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.installed import declared_topics
from pipeline.kafka.consumer import open_log
from pipeline.kafka.provision import provision
from pipeline.simulator import Ledger
from schemas.silkstream.v1 import frame_pb2
from tests.chaos.settle import families, partitions_of
from tests.chaos.system import ChaosError, Done, System

REFUSAL_SECONDS: Final = 90.0
_REMEDY: Final = re.compile(r"the remedy: silkstream ([^\"\\]+?)[;\"\n]")
_GONE_LOOKS: Final = 300


async def refusal_of(system: System, stage: str) -> Done:
    """Start a stage that should end by itself, and return how it did.

    Raises:
        ChaosError: it goes on.
    """
    process = await system.silkstream(stage)
    try:
        out, complaint = await asyncio.wait_for(process.communicate(), REFUSAL_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise ChaosError(f"{stage} does not end by itself") from None
    return Done(process.returncode or 0, out.decode(), complaint.decode())


def remedy_in(complaint: str) -> list[str]:
    """The command that a message names, as words behind `silkstream`.

    Raises:
        ChaosError: it names none.
    """
    found = _REMEDY.search(complaint)
    if found is None:
        raise ChaosError(f"no remedy in: {complaint}")
    return shlex.split(found[1])


def downstream(settings: Settings) -> list[str]:
    """The topics that a ledger speaks of, with the namespace."""
    return [settings.namespace + name for name in (topics.FRAME, *(topics.readings(f) for f in families()))]


async def create_anew(settings: Settings, names: list[str]) -> None:
    """Delete topics and create them again, empty."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics(names)
        for _ in range(_GONE_LOOKS):
            if not set(names) & set(await admin.list_topics()):
                break
            await asyncio.sleep(0.1)
        else:
            raise ChaosError(f"topics are still there: {names}")
    finally:
        await admin.close()
    await provision(settings, declared_topics(settings))


async def ends_of(settings: Settings, names: list[str]) -> dict[Partition, int]:
    """The next offset of each partition of topics with their namespace."""
    bare = [name.removeprefix(settings.namespace) for name in names]
    async with open_log(settings) as log:
        bounds = await log.bounds([p for name in bare for p in partitions_of(settings, name)])
    return {partition: bound.end for partition, bound in bounds.items()}


async def delete_before(settings: Settings, offsets: dict[Partition, int]) -> set[str]:
    """Let retention pass over all records below these offsets; returns the ids of the events among them."""
    gone: set[str] = set()
    async with open_log(settings) as log:
        for partition, offset in offsets.items():
            if partition.topic == settings.namespace + topics.FRAME:
                records = await log.read(partition, 0, offset)
                frames = [frame_pb2.Frame.FromString(r.value or b"") for r in records if r.key is not None]
                gone |= {identity.text(frame.event_id) for frame in frames}
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    try:
        await admin.delete_records(
            {TopicPartition(p.topic, p.number): RecordsToDelete(before_offset=at) for p, at in offsets.items()}
        )
    finally:
        await admin.close()
    return gone


async def missing(settings: Settings, ledger: Ledger) -> set[str]:
    """The published events that have no row."""
    async with connected(settings, "chaos") as connection:
        cursor = await connection.execute("SELECT event_id::text FROM frame")
        stored = {key for (key,) in await cursor.fetchall()}
    return {key for keys in ledger.keys.values() for key in keys} - {str(key) for key in stored}
