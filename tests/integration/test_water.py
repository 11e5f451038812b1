"""Water meters on the real servers: the same rows as in memory, and alerts about homes where nobody else reads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import orjson
import pytest

from pipeline.city.model import City
from pipeline.core.clock import from_us
from pipeline.core.settings import Settings
from pipeline.core.topics import alerts
from pipeline.database.connection import connected
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.accuracy import water as accuracy
from tests.integration.servers import eventually, log_of, rows_of, running
from tests.integration.test_topologies import Producer, describe, until_settled
from tests.unit.topologies.material import at, eui, places, reading, records, with_series
from topologies.alerts.acknowledge import acknowledge
from topologies.relay.worker import STAGE as RELAY
from topologies.runtime.memory import MemoryWorker
from topologies.water import topology as water
from topologies.water.topology import STAGE as WATER

pytestmark = pytest.mark.integration

HOME, SCHOOL, PLAIN = eui(1), eui(2), eui(3)
SITES = {"home": HOME, "school": SCHOOL, "flat": PLAIN}


def logged(device: str, minutes: int, litres: int, *, hours: int = 24, each: int = 4) -> Reading:
    """A frame half an hour behind its last full hour, with the hours before it; an hour's use is `each`."""
    last = minutes - minutes % 60
    earlier = [(last - 60.0 * back, {"water_volume_litres": litres - each * back}) for back in range(hours, -1, -1)]
    return with_series(reading(device, minutes, {"frost": False}, earlier=earlier))


def frames() -> list[Reading]:
    """Two days of three meters: two leak, one of them rests at the end; one is reset and falls back."""
    return [
        *(logged(device, 25 * 60 + 30, 1_000) for device in (HOME, SCHOOL)),
        *(logged(device, 37 * 60 + 30, 1_048) for device in (HOME, SCHOOL)),
        logged(SCHOOL, 49 * 60 + 30, 1_048, hours=11, each=0),
        *(reading(PLAIN, minutes, {"water_volume_litres": litres}) for minutes, litres in PLAIN_VOLUMES),
        reading(PLAIN, 900, {"leak": True, "burst": False}),
        reading(PLAIN, 960, {"leak": False}, flags=["clock_not_set"]),
    ]


PLAIN_VOLUMES = [(60, 9_000), (120, 9_020), (240, 8_990), (300, 3), (360, 1_900), (420, 1_905)]


async def test_the_rows_are_those_of_memory_also_after_a_restart_and_with_late_frames(settings: Settings) -> None:
    await prepared(settings)
    late, *first = frames()
    producer = Producer(settings, "water")
    await producer.send(*first, 2_000.0)
    async with running(WATER, settings):
        await until_settled(settings, WATER.name, producer)
    # The state comes from the rows of now; the late frame is put among the facts, which are loaded for it.
    await producer.send(late, first[0], 3_600.0)
    async with running(WATER, settings):
        await until_settled(settings, WATER.name, producer)

    worker: MemoryWorker[Any, Any, Any] = MemoryWorker(
        water.of_city(City()),
        places([(device, 0, site) for site, device in SITES.items()], [(site, 0, "", {}) for site in SITES], CLASSES),
    )
    for record in records([*sorted(frames(), key=lambda each: each.observed_at_us), 3_600.0]):
        await worker.process([record])
    expected = worker.result()

    facts = [fact for mine in expected["facts"].values() for fact in mine.values()]
    assert await rows_of(
        settings,
        "SELECT device, observed_at, event_id, volumes, raised, cleared, site, used_litres, peak_litres_per_hour,"
        " track, found, meter_alarms, alarms, flags FROM water_consumption ORDER BY device, observed_at",
    ) == [row_of(fact) for fact in facts]
    shown = sorted((device, known.shown) for device, known in worker.store.now.items())
    assert await rows_of(
        settings,
        "SELECT device, site, volume_litres, measured_at, flow_litres_per_hour, lowest_litres_per_hour, still_since,"
        " found, meter_alarms FROM water_meter ORDER BY device",
    ) == [(device, *row_of(now)) for device, now in shown]
    stored = worker.store.alerts_by_id.values()
    assert sorted(
        await rows_of(settings, "SELECT rule, site, class, since, resolved_at, value FROM alert"), key=repr
    ) == sorted(
        (
            (a.rule, a.site, a.alert_class, from_us(a.since_us), a.resolved_us and from_us(a.resolved_us), a.value)
            for a in stored
        ),
        key=repr,
    )
    assert {a.rule for a in stored} == {"water_leak", "water_burst", "water_backflow"}


async def test_what_a_meter_used_is_judged_over_the_whole_of_its_logs(settings: Settings) -> None:
    await prepared(settings)
    producer = Producer(settings, "water")
    await producer.send(*(logged(HOME, *said) for said in ((25 * 60 + 30, 1_000), (37 * 60 + 30, 1_048))), 3_600.0)
    async with running(WATER, settings):
        await until_settled(settings, WATER.name, producer)

    async with connected(settings, "test") as connection:
        found = await accuracy.read(connection, [])

    # from the first hour of the first log to the last one of the second
    assert found.consumed == [accuracy.Consumed("home", 144.0, at(60), at(37 * 60))]


CLASSES = {"school": "internal"}


async def test_an_alert_about_a_home_is_told_where_nothing_else_is(settings: Settings) -> None:
    await prepared(settings)
    producer = Producer(settings, "water")
    await producer.send(*(logged(device, 25 * 60 + 30, 1_000) for device in (HOME, SCHOOL)), 2_000.0)
    async with running(WATER, settings), running(RELAY, settings):
        await until_settled(settings, WATER.name, producer)
        ((home,),) = await rows_of(settings, "SELECT id FROM alert WHERE site = 'home'")
        async with connected(settings, "test") as connection:
            await connection.set_autocommit(True)
            await acknowledge(connection, settings, str(home), by="Anna", note=None, at=from_us(at(2_001)))
        await eventually(lambda: _sent(settings, 3), "the events are sent")

    internal = await said(settings, alerts("water"))
    personal = await said(settings, alerts("water", personal=True))
    assert internal == [("opened", "school")]
    assert personal == [("opened", "home"), ("acknowledged", "home")]


async def said(settings: Settings, topic: str) -> list[tuple[str, str]]:
    """What was told on a topic: the kind and the site."""
    events = [orjson.loads(record.value or b"") for record in await log_of(settings, topic)]
    return [(event["type"].split(".")[3], event["subject"]) for event in events]


async def prepared(settings: Settings) -> None:
    await describe(settings, "water", {site: ("", device, {}) for site, device in SITES.items()})
    async with connected(settings, "test") as connection:
        await connection.execute("UPDATE site SET class = 'internal' WHERE site = 'school'")
        await connection.commit()


async def _sent(settings: Settings, count: int) -> bool:
    return await rows_of(settings, "SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL") == [(count,)]


def row_of(found: Any) -> tuple[Any, ...]:
    """A fact or what is shown as its row."""

    def column(name: str, value: Any) -> Any:
        if value is None:
            return None
        if name.endswith("_us"):
            return from_us(value)
        if name == "event_id":
            return UUID(bytes=value)
        if name == "alarms":
            return [each._asdict() for each in value] or None
        if name == "volumes" and not value:
            return None
        return orjson.loads(msgspec.json.encode(value)) if isinstance(value, tuple) else value

    return tuple(column(name, value) for name, value in zip(found._fields, found, strict=True))
