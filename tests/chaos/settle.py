"""When all work is done: every consumer at the end of its log, nothing waiting in the tables between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import psycopg
from aiokafka.admin import AIOKafkaAdminClient

from decoders.registry import load as load_decoders
from pipeline.core import topics
from pipeline.core.model import Partition
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.kafka.consumer import KafkaLog, open_log
from tests.chaos.system import ChaosError

STILL_SECONDS: Final = 90.0
RECOMPUTE: Final = ": recompute"
_TAIL: Final = 300
_SHOWN: Final = {
    "topology-container": ("recompute", "container"),
    "topology-fleet": ("fleet_recompute", "fleet_device"),
    "topology-groundwater": ("recompute", "groundwater_well"),
    "topology-lighting": ("recompute", "luminaire"),
    "topology-parking": ("recompute", "parking_bay"),
    "topology-water": ("recompute", "water_meter"),
}
"""Each topology's requests, and where it shows the devices it has heard of: those for others wait until they speak."""


def families() -> list[str]:
    """The families of the installed decoders."""
    return sorted({decoder.family for decoder in load_decoders().values()})


def partitions_of(settings: Settings, topic: str) -> list[Partition]:
    """All partitions of a topic of the namespace."""
    return [Partition(settings.namespace + topic, number) for number in range(settings.topics.partitions)]


def consumed_by(stages: Sequence[str]) -> dict[str, list[str]]:
    """The topics that each ledger-keeping stage reads, without namespace."""
    readings = {family: topics.readings(family) for family in families()}
    wanted = {"store": [topics.FRAME, topics.DEAD_LETTER, *readings.values()]}
    for stage in stages:
        family = stage.removeprefix("topology-")
        if family != stage:
            # what is no family's own reads every frame
            wanted[stage] = [readings.get(family, topics.FRAME)]
    return {stage: read for stage, read in wanted.items() if stage in stages}


async def settle(
    settings: Settings, stages: Sequence[str], *, last: bytes | None, tick: Callable[[], object] | None = None
) -> float:
    """Wait until nothing is left to do; returns the seconds it took.

    Args:
        settings: whose namespace.
        stages: that run.
        last: the tick behind the load, which must be in every raw partition; None where nothing comes in.
        tick: publishes one more. A topology takes requests to recompute a device when a tick comes, and that of a
            device which it first heard of behind the last tick waits for the next.

    Raises:
        ChaosError: for a minute and a half nothing got any further; says what is left.
    """
    began = moved_at = time.monotonic()
    before: Mapping[str, Any] = {}
    clean = 0
    while True:
        left = await _left(settings, stages, last)
        waiting = {name for name, count in left.items() if count}
        if tick is not None and waiting and all(name.endswith(RECOMPUTE) for name in waiting):
            await asyncio.to_thread(tick)
        if not any(left.values()):
            clean += 1
            if clean == 2:
                return time.monotonic() - began
        else:
            clean = 0
        if left != before:
            moved_at, before = time.monotonic(), left
        elif time.monotonic() - moved_at > STILL_SECONDS:
            raise ChaosError(f"nothing moves any more, and this is left: { {name: left[name] for name in waiting} }")
        await asyncio.sleep(0.5)


async def _left(settings: Settings, stages: Sequence[str], last: bytes | None) -> dict[str, Any]:
    """What is left to do, by where it waits."""
    async with open_log(settings) as log, connected(settings, "chaos") as connection:
        left: dict[str, Any] = {}
        raw = partitions_of(settings, topics.RAW)
        if last is not None:
            left["bridge: partitions without the last tick"] = await _without(log, raw, last)
        ends = {p: bounds.end for p, bounds in (await log.bounds(raw)).items()}
        if "decode" in stages:
            done = await committed(settings, "decode")
            left["decode: records"] = sum(end - done.get(p, 0) for p, end in ends.items())
        for stage, read in consumed_by(stages).items():
            wanted = [p for topic in read for p in partitions_of(settings, topic)]
            ledger = await _ledger(connection, stage)
            ends = {p: bounds.end for p, bounds in (await log.bounds(wanted)).items()}
            left[f"{stage}: records"] = sum(end - max(ledger.get(p, 0), 0) for p, end in ends.items())
        for name, query in _waiting(stages).items():
            cursor = await connection.execute(query)
            left[name] = (await cursor.fetchall())[0][0]
        return left


def _waiting(stages: Sequence[str]) -> dict[str, bytes]:
    """Counts of what waits in tables for the stages that run."""
    waiting: dict[str, bytes] = {}
    if "derive" in stages:
        waiting["marks"] = b"SELECT count(*) FROM mark"
        waiting["marks of roll-ups"] = b"SELECT count(*) FROM rollup_mark"
    if "relay" in stages:
        waiting["outbox"] = b"SELECT count(*) FROM outbox WHERE sent_at IS NULL AND NOT suppressed"
    for stage in stages:
        if stage in _SHOWN:
            requests, shown = _SHOWN[stage]
            query = f"SELECT count(*) FROM {requests} JOIN {shown} USING (device)"  # noqa: S608  # ours above
            waiting[stage + RECOMPUTE] = query.encode()
    return waiting


async def _without(log: KafkaLog, raw: Sequence[Partition], last: bytes) -> int:
    missing = 0
    for partition, bounds in (await log.bounds(raw)).items():
        tail = await log.read(partition, max(bounds.end - _TAIL, bounds.beginning), bounds.end)
        missing += all(record.value != last for record in tail)
    return missing


async def _ledger(connection: psycopg.AsyncConnection[Any], consumer: str) -> dict[Partition, int]:
    cursor = await connection.execute(
        "SELECT topic, partition, next_offset FROM ledger WHERE consumer = %s", (consumer,)
    )
    return {Partition(topic, number): offset for topic, number, offset in await cursor.fetchall()}


async def committed(settings: Settings, group: str) -> dict[Partition, int]:
    """What a group has committed to Kafka."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(settings.namespace + group)
    finally:
        await admin.close()
    return {Partition(tp.topic, tp.partition): at.offset for tp, at in found.items()}
