"""Street lights on the real Kafka and TimescaleDB: from readings to states, alerts, hours, nights and segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.city.model import City
from pipeline.city.read import installed_parameters, read_city
from pipeline.core.clock import from_us
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.integration.servers import rows_of, running, with_city
from tests.integration.test_topologies import Producer, describe, until_settled
from tests.unit.topologies.material import at, eui, reading, records
from tests.unit.topologies.material import places as material_places
from topologies.derive.derivation import Done
from topologies.derive.lighting import derive_nights
from topologies.lighting import topology as lighting
from topologies.lighting.topology import STAGE
from topologies.runtime.memory import MemoryWorker

pytestmark = pytest.mark.integration

PLAN = """
version = 1

[[lighting]]
switching = "clock"
on_at = 20:53:20
off_at = 06:53:20
dimming = [{ at = 01:53:20, ratio = 0.5 }]
"""
"""On at 10 hours of the tests' zero, dimmed at 15, off at 20; a night is from 1:06:40 on."""
WATTS = 40.0


@pytest.fixture
def planned(settings: Settings, tmp_path: Path) -> Settings:
    """An installation with a city file."""
    return with_city(settings, tmp_path, PLAN)


def burning(hours: float) -> bool:
    return 10 <= hours < 20


def night_of(device: str, meter: int, *, first: int = 2, until: int = 25, failed: bool = False) -> list[Reading]:
    """What a node says every hour: its state, and half an hour later its meter."""
    found = []
    for hour in range(first, until):
        level = (1.0 if hour < 15 else 0.5) if burning(hour) else 0.0
        lit = burning(hour) and not failed
        state = {"dimming_ratio": level, "lamp_on": lit, "lamp_failure": failed, "driver_failure": False}
        found.append(reading(device, hour * 60 + 1, state))
        meter += round(level * WATTS) if lit else 0
        watts = level * WATTS if lit else 0.6
        found.append(reading(device, hour * 60 + 31, {"active_energy_watt_hours": meter, "active_power_watts": watts}))
    return found


async def derived(settings: Settings) -> int:
    """Everything that is marked, derived; how many marks there were."""
    total = 0
    async with connected(settings, "test") as connection:
        await connection.set_autocommit(True)
        while (done := await derive_nights(connection, settings)) != Done():
            total += done.marks
    return total


FIGURES = (
    "SELECT site, night, segment, energy_watt_hours, due_seconds, known_seconds, lit_seconds, burning_seconds,"
    " rated_watt_hours, xmin::text FROM luminaire_night ORDER BY night, site"
)
SEGMENTS = (
    "SELECT night, luminaires, reporting, energy_kilowatt_hours, availability_ratio, known_ratio, saving_ratio,"
    " xmin::text FROM lighting_segment_night ORDER BY night"
)


async def test_a_night_of_a_segment_from_readings_to_figures(planned: Settings) -> None:
    sites: dict[str, tuple[str, str, Any]] = {
        "whole": ("ring", eui(1), {"rated_watts": 50.0}),
        "broken": ("ring", eui(2), {"rated_watts": 50.0}),
        "mute": ("ring", eui(3), {}),
    }
    await describe(planned, "lighting", sites)
    producer = Producer(planned, "lighting")
    whole, broken = night_of(eui(1), 4_294_967_200), night_of(eui(2), 7, failed=True)
    late = whole.pop(24)
    async with running(STAGE, planned):
        await producer.send(*whole, *broken, 26 * 60.0)
        await until_settled(planned, STAGE.name, producer)
    assert await derived(planned) > 0
    assert await derived(planned) == 0
    # A worker that begins anew goes on from rows.
    async with running(STAGE, planned):
        await producer.send(late, whole[7], 27 * 60.0)
        await until_settled(planned, STAGE.name, producer)
    assert await derived(planned) >= 1

    nights = await rows_of(planned, FIGURES)
    assert [row[0] for row in nights] == ["broken", "whole"]
    (_, _, _, none, due, _, dark, _, _, _), (_, _, segment, energy, _, known, lit, seconds, rated, _) = nights
    used = 5 * WATTS + 5 * WATTS / 2
    assert (segment, none, dark) == ("ring", 0.0, 0.0)
    assert energy == pytest.approx(used)
    assert due == known == lit == 10 * 3600 - 40 * 60
    assert seconds == pytest.approx(10 * 3600)
    assert rated == pytest.approx(500.0)
    ((night, luminaires, reporting, kilowatt_hours, available, share, saving, _),) = await rows_of(planned, SEGMENTS)
    assert (str(night), luminaires, reporting) == ("2025-10-09", 3, 2)
    assert kilowatt_hours == pytest.approx(used / 1000)
    assert available == pytest.approx(0.5)
    assert share == pytest.approx(2 / 3)
    assert saving == pytest.approx(1 - used / 500)
    hours = await rows_of(planned, "SELECT sum(energy_watt_hours), count(*) FROM luminaire_hour WHERE site = 'whole'")
    assert hours[0][0] == pytest.approx(used)
    alerts = await rows_of(planned, "SELECT rule, subject, status, since FROM alert ORDER BY rule")
    assert alerts == [
        ("lighting_dark", "broken", "open", from_us(at(10 * 60 + 31))),
        ("lighting_lamp_fault", "broken", "open", from_us(at(2 * 60 + 1))),
    ]

    expected: MemoryWorker[Any, Any, Any] = MemoryWorker(
        lighting.of_city(read_city(Path(planned.topology.city), installed_parameters())),
        material_places(
            [(device, 0, site) for site, (_, device, _) in sites.items()],
            [(site, 0, group, attributes) for site, (group, _, attributes) in sites.items()],
        ),
    )
    readings = sorted([*whole, late, *broken], key=lambda each: each.observed_at_us)
    await expected.process(records([*readings, 27 * 60.0]))
    stored = await _facts(planned)
    assert stored == {
        key: fact
        for mine in expected.store.facts_by_device.values()
        for key, fact in (((fact.device, fact.observed_at_us), fact) for fact in mine.values())
    }


async def _facts(settings: Settings) -> dict[tuple[str, int], Any]:
    """The facts as a worker reads them."""
    topology = lighting.of_city(City())
    async with connected(settings, "test") as connection, connection.cursor() as cursor:
        await cursor.execute(
            topology.queries["load_facts"], {"devices": [eui(1), eui(2)], "from": [from_us(0), from_us(0)]}
        )
        facts = [topology.read_fact(row) for row in await cursor.fetchall()]
    return {(fact.device, fact.observed_at_us): fact for fact in facts}


async def test_a_recomputation_that_changes_nothing_writes_nothing_and_late_data_change_what_they_concern(
    planned: Settings,
) -> None:
    await describe(planned, "lighting", {"l1": ("ring", eui(1), {}), "l2": ("ring", eui(2), {})})
    producer = Producer(planned, "lighting")
    one, two = night_of(eui(1), 100, until=40), night_of(eui(2), 100, until=40)
    late = one[30]
    async with running(STAGE, planned):
        await producer.send(*(each for each in one if each is not late), *two, 40 * 60.0)
        await until_settled(planned, STAGE.name, producer)
        await derived(planned)
        before = await rows_of(planned, FIGURES), await rows_of(planned, SEGMENTS)
        await _mark_all(planned)
        assert await derived(planned) == len(before[0])
        assert (await rows_of(planned, FIGURES), await rows_of(planned, SEGMENTS)) == before

        await producer.send(late, 40 * 60.0)
        await until_settled(planned, STAGE.name, producer)
    await derived(planned)
    after = await rows_of(planned, FIGURES)
    assert {row[:2] for row, old in zip(after, before[0], strict=True) if row[-1] != old[-1]} <= {before[0][0][:2]}


async def _mark_all(settings: Settings) -> None:
    async with connected(settings, "test") as connection:
        await connection.execute(
            "INSERT INTO mark (what, subject, bucket) SELECT 'luminaire_night', site,"
            " (night + interval '12 hours') AT TIME ZONE 'Europe/Berlin' FROM luminaire_night"
        )
        await connection.commit()


async def test_a_night_that_has_lost_facts_is_left_as_it_is(planned: Settings) -> None:
    await describe(planned, "lighting", {"l1": ("ring", eui(1), {})})
    producer = Producer(planned, "lighting")
    async with running(STAGE, planned):
        await producer.send(*night_of(eui(1), 100), 26 * 60.0)
        await until_settled(planned, STAGE.name, producer)
    await derived(planned)
    before = await rows_of(planned, FIGURES)
    async with connected(planned, "test") as connection:
        await connection.execute(
            "INSERT INTO facts_from (fact_table, facts_from) VALUES ('luminaire_state', %s)", (from_us(at(12 * 60)),)
        )
        await connection.execute("DELETE FROM luminaire_state WHERE observed_at < %s", (from_us(at(12 * 60)),))
        await connection.commit()
    await _mark_all(planned)
    async with connected(planned, "test") as connection:
        await connection.set_autocommit(True)
        assert await derive_nights(connection, planned) == Done(1, 1)
    assert await rows_of(planned, FIGURES) == before


async def test_a_site_goes_on_when_its_node_is_replaced(planned: Settings) -> None:
    await describe(planned, "lighting", {"l1": ("ring", eui(1), {"rated_watts": 50.0})})
    producer = Producer(planned, "lighting")
    async with connected(planned, "test") as connection:
        await connection.execute(
            "INSERT INTO assignment (device, valid_from, site) VALUES (%s, %s, NULL), (%s, %s, 'l1')",
            (eui(1), from_us(at(14 * 60)), eui(2), from_us(at(14 * 60))),
        )
        await connection.commit()
    async with running(STAGE, planned):
        await producer.send(*night_of(eui(1), 9_000, until=14), *night_of(eui(2), 5, first=14), 26 * 60.0)
        await until_settled(planned, STAGE.name, producer)
    await derived(planned)

    ((_, _, _, energy, due, known, lit, *_),) = await rows_of(planned, FIGURES)
    # The new node's first reading of its meter is where it begins to count.
    assert energy == pytest.approx(9 * WATTS - 5 * WATTS / 2)
    assert due == known == lit
    assert await rows_of(planned, "SELECT device, site, burning FROM luminaire ORDER BY device") == [
        (eui(1), None, None),
        (eui(2), "l1", False),
    ]
