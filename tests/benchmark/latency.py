"""How long a message takes at a steady rate: to its row, and to its alert's event."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from random import Random
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer

from pipeline.core import topics
from pipeline.core.clock import DAY_US, from_rfc3339, to_us
from pipeline.core.identity import event_id
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.simulator import CityPlan, Family, devices, encode
from pipeline.simulator.chirpstack import Uplink, derived_uuid, topic
from pipeline.simulator.chirpstack import identity as told_of
from pipeline.simulator.play import written_events
from pipeline.simulator.radio import gateways, link, receptions
from tests.benchmark.inputs import Published
from tests.benchmark.load import Loader, open_loader
from tests.benchmark.way import STILL_SECONDS, System

_GLANCE_SECONDS: Final = 0.01
_AT_ONCE: Final = 500


class Latencies:
    """Seconds from a publish to its row, and to its alert's event."""

    def __init__(self) -> None:
        self.rows: list[float] = []
        self.alerts: list[float] = []


class _Timed:
    """A message with its publish time; `alert_key` where it opens or resolves an alert: (site, event time)."""

    __slots__ = ("alert_key", "event", "payload", "topic")

    def __init__(self, topic_: str, payload: bytes, event: str, alert_key: tuple[str, int] | None = None) -> None:
        self.topic = topic_
        self.payload = payload
        self.event = event
        self.alert_key = alert_key


def alternating_containers(city: CityPlan, seconds: int, per_second: int) -> list[_Timed]:
    """Containers that are full and empty by turns: each of their frames opens or resolves an alert."""
    stations = gateways(city)
    random = Random(city.seed)
    speaking = []
    for device in devices(city):
        if device.family is Family.CONTAINER:
            reach = link(city, device, stations)
            where = topic(device, told_of(city.seed, device).application_id, "up")
            speaking.append((device, reach, written_events(city, device, reach), where))
    found = []
    # Each one a minute later than its last, in event time: late data would be another measurement.
    for number in range(seconds * per_second):
        round_, turn = divmod(number, len(speaking))
        device, reach, events, where = speaking[turn]
        at_us = city.start_us + round_ * 60_000_000 + turn
        ratio = 0.05 if round_ % 2 else 0.95
        empty, full = device.attributes["empty_distance_metres"], device.attributes["full_distance_metres"]
        payload = encode.em310_udl(battery_percent=90, distance_metres=empty - ratio * (empty - full), tilted=False)
        heard = receptions(random, reach, at_us)
        name = derived_uuid("benchmark", device.dev_eui, round_)
        up = Uplink(name, "01000000", round_, encode.EM310_UDL_PORT, confirmed=False, data=payload, receptions=heard)
        # The first round of "empty" resolves nothing; rounds begin with "full", so every frame changes something.
        found.append(_Timed(where, events.up(up), event_id(name, "up").hex(), (device.site, heard[0].gw_time_us)))
    return found


async def latencies(
    system: System, city: CityPlan, messages: Sequence[Published], *, seconds: int, rate: int, alerts: int
) -> Latencies:
    """Publish at a steady rate and watch the other ends.

    Args:
        system: at work.
        city: whose messages.
        messages: enough of them, without containers.
        seconds: for how long.
        rate: messages a second in all.
        alerts: how many of them are containers that change their state.
    """
    changing = alternating_containers(city, seconds, alerts)
    others = iter(_Timed(m.topic, m.payload, UUID(m.event_id).hex) for m in messages)
    step = rate // alerts
    order = [next(others) if number % step else changing[number // step] for number in range(seconds * rate)]
    sent: dict[str, float] = {}
    alerted: dict[tuple[str, int], float] = {}
    found = Latencies()
    has_alerts = {"relay", "topology-container"} <= system.processes.keys()
    async with open_loader(system.settings) as loader, asyncio.TaskGroup() as group:
        group.create_task(_watch_rows(system.settings, sent, found, len(order), city.start_us - DAY_US))
        if has_alerts:
            group.create_task(_watch_alerts(system.settings, alerted, found, len(changing)))
        await asyncio.sleep(1)
        await _pace(loader, order, sent, alerted, rate)
    return found


async def _pace(
    loader: Loader, order: Sequence[_Timed], sent: dict[str, float], alerted: dict[tuple[str, int], float], rate: int
) -> None:
    began = time.perf_counter()
    for number, message in enumerate(order):
        wait = began + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        now = time.perf_counter()
        sent[message.event] = now
        if message.alert_key is not None:
            alerted[message.alert_key] = now
        loader.publish(message.topic, message.payload)


async def _watch_rows(settings: Settings, sent: dict[str, float], found: Latencies, count: int, since_us: int) -> None:
    """Ask every 10 ms which of the outstanding events have a row by now."""
    heard_at = time.monotonic()
    async with connected(settings, "benchmark") as connection:
        await connection.set_autocommit(True)
        while len(found.rows) < count:
            outstanding = list(sent)[:_AT_ONCE]
            if outstanding:
                cursor = await connection.execute(
                    "SELECT event_id FROM frame WHERE event_id = ANY(%s::uuid[])"
                    " AND observed_at >= timestamptz 'epoch' + %s * interval '1 microsecond'",
                    (outstanding, since_us),
                )
                rows = await cursor.fetchall()
                now = time.perf_counter()
                for (identity,) in rows:
                    found.rows.append(now - sent.pop(identity.hex))
                    heard_at = time.monotonic()
            if time.monotonic() - heard_at > STILL_SECONDS:
                raise RuntimeError(f"{len(found.rows)} of {count} rows came")
            await asyncio.sleep(_GLANCE_SECONDS)


async def _watch_alerts(
    settings: Settings, alerted: dict[tuple[str, int], float], found: Latencies, count: int
) -> None:
    """Read the alert topic as a consumer of it would."""
    consumer = AIOKafkaConsumer(
        settings.namespace + topics.alerts("container"),
        bootstrap_servers=settings.kafka.bootstrap,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    await consumer.start()
    try:
        while len(found.alerts) < count:
            fetched = await consumer.getmany(timeout_ms=int(STILL_SECONDS * 1000))
            if not fetched:
                raise RuntimeError(f"{len(found.alerts)} of {count} alert events came")
            now = time.perf_counter()
            for record in (record for records in fetched.values() for record in records):
                data = json.loads(record.value)["data"]
                at = data["since"] if data["status"] == "open" else data["resolved_at"]
                began = alerted.get((data["site"], to_us(from_rfc3339(at))))
                if began is not None:
                    found.alerts.append(now - began)
    finally:
        await consumer.stop()


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
