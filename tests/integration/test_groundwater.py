"""Wells on the real Kafka and TimescaleDB: a barometer, dips, hours, days, trends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from pipeline.core.clock import from_us
from pipeline.core.errors import SettingsError
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.store.worker import STAGE_STORE as STORE
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.integration.servers import changed, eventually, rows_of, running
from tests.integration.test_topologies import Producer, describe, until_settled
from tests.unit.topologies.material import at, eui, places, reading, records
from topologies.derive.wells import Hour, trend_of
from topologies.derive.worker import STAGE as DERIVE
from topologies.groundwater import topology as groundwater
from topologies.groundwater.command import import_dips
from topologies.groundwater.dips import Dip, Key
from topologies.groundwater.topology import STAGE as GROUNDWATER
from topologies.runtime.memory import MemoryWorker

pytestmark = pytest.mark.integration

WELL: Mapping[str, Any] = {
    "measuring_point_metres_nhn": 40.0,
    "suspension_metres": 10.0,
    "ground_metres_nhn": 39.0,
    "pressure_reference": "vented",
}
STATION = eui(9)


def column(device: str, minutes: float, metres: float) -> Reading:
    return reading(device, minutes, {"water_column_metres": metres})


def pressure(minutes: float, hectopascals: float) -> Reading:
    return reading(STATION, minutes, {"air_pressure_hectopascals": hectopascals})


async def marks_left(settings: Settings, *whats: str) -> bool:
    rows = await rows_of(settings, "SELECT count(*) FROM mark WHERE what = ANY(%s)", list(whats))
    return rows == [(0,)]


def at_once(settings: Settings) -> Settings:
    """Derivations that do not rest."""
    return changed(settings, derive={"longest_rest_seconds": 0.05})


async def test_a_new_value_of_the_barometer_derives_its_wells_anew(settings: Settings) -> None:
    device = eui(1)
    absolute = {**WELL, "pressure_reference": "absolute", "barometer": "klima"}
    await describe(settings, "groundwater", {"g1": ("", device, absolute)})
    await describe(settings, "weather", {"klima": ("", STATION, {})})
    wells, weather = Producer(settings, "groundwater"), Producer(settings, "weather")
    quick = at_once(settings)
    levels = "SELECT round(level_metres_nhn::numeric, 6), flags FROM groundwater_level"

    async with running(STORE, settings), running(GROUNDWATER, settings), running(DERIVE, quick):
        await weather.send(pressure(60, 1000.0))
        await wells.send(reading(device, 90, {"pressure_bar": 1.005 + 0.392266}), 91.0)
        await until_settled(settings, GROUNDWATER.name, wells)
        await eventually(lambda: requested(settings, device), "the first value asks for its well")
        await wells.send(92.0)
        await eventually(lambda: answered(settings, levels, [(34.050986, ["air_pressure_held"])]), "the last one holds")
        await weather.send(pressure(120, 1010.0))
        await eventually(lambda: requested(settings, device), "the second value asks for its well")
        await wells.send(121.0)
        await eventually(lambda: answered(settings, levels, [(34.0, [])]), "it lies between the two")

    assert await rows_of(settings, "SELECT count(*) FROM recompute") == [(0,)]


async def requested(settings: Settings, device: str) -> bool:
    return bool(await rows_of(settings, "SELECT 1 FROM recompute WHERE device = %s", device))


async def answered(settings: Settings, query: Any, expected: list[tuple[Any, ...]]) -> bool:
    rows = await rows_of(settings, query)
    return [(float(level), flags) for level, flags in rows if level is not None] == expected


DIPS = """site;dipped_at;distance_metres;note
g1;{first};5.8;light plummet
g1;{second};5.9;
"""


async def test_dips_are_imported_with_a_dry_run_and_put_the_probe_right_from_then_on(settings: Settings) -> None:
    device = eui(1)
    await describe(settings, "groundwater", {"g1": ("", device, WELL)})
    wells = Producer(settings, "groundwater")
    await wells.send(*(column(device, minute, 4.0) for minute in (60, 120, 180)), 181.0)
    text = DIPS.format(first=from_us(at(120)).isoformat(), second=from_us(at(180)).isoformat())

    async with running(GROUNDWATER, settings):
        await until_settled(settings, GROUNDWATER.name, wells)
        tried, _ = await import_dips(settings, text, source="dips.csv", dry_run=True)
        assert await rows_of(settings, "SELECT count(*) FROM groundwater_dip") == [(0,)]
        done, devices = await import_dips(settings, text, source="dips.csv", dry_run=False)
        assert (tried, devices) == (done, 1)
        assert done[0].key == Key("g1", from_us(at(120)))
        assert done[0].new == Dip(5.8, "light plummet")
        await wells.send(182.0)
        await until_settled(settings, GROUNDWATER.name, wells)

    assert await import_dips(settings, text, source="dips.csv", dry_run=False) == ([], 0)
    offsets = await rows_of(
        settings, "SELECT round(offset_metres::numeric, 6)::float FROM groundwater_level ORDER BY observed_at"
    )
    assert offsets == [(0.0,), (0.2,), (0.1,)]
    with pytest.raises(SettingsError, match=r"line 2, column site: there is no well 'g7'"):
        await import_dips(settings, text.replace("g1", "g7"), source="dips.csv", dry_run=True)
    taken, _ = await import_dips(settings, text.replace(";5.9;", ";;"), source="dips.csv", dry_run=False)
    assert [change.kind for change in taken] == ["dip taken back"]
    assert await rows_of(settings, "SELECT distance_metres FROM groundwater_dip") == [(5.8,)]


async def test_hours_days_and_trends_follow_from_the_levels_of_whichever_probe_served_the_well(
    settings: Settings,
) -> None:
    old, new = eui(1), eui(2)
    await describe(settings, "groundwater", {"g1": ("aquifer", old, WELL)})
    async with connected(settings, "test") as connection:
        for device, minute, site in ((old, 24 * 60, None), (new, 24 * 60, "g1")):
            await connection.execute("INSERT INTO assignment VALUES (%s, %s, %s)", (device, from_us(at(minute)), site))
        await connection.commit()
    wells = Producer(settings, "groundwater")
    contents = [column(old if hour < 24 else new, hour * 60 + 1, 4.0 + hour * 0.01) for hour in range(48)]
    late, *rest = contents
    await wells.send(*rest, column(new, 47 * 60 + 2, 400.0), 48.0 * 60)

    async with running(GROUNDWATER, settings), running(DERIVE, at_once(settings)):
        await until_settled(settings, GROUNDWATER.name, wells)
        await eventually(lambda: marks_left(settings, "groundwater_hour"), "the hours are derived")
        before = await rows_of(settings, "SELECT count(*), sum(levels), sum(left_out) FROM groundwater_hour")
        await wells.send(late)
        await until_settled(settings, GROUNDWATER.name, wells)
        await eventually(lambda: marks_left(settings, "groundwater_hour"), "the late hour is derived")

    assert before == [(47, 47, 1)]
    hours = await rows_of(
        settings, "SELECT hour, mean_metres_nhn, levels, left_out FROM groundwater_hour ORDER BY hour"
    )
    expected = [from_us(at(hour * 60 + 1)).replace(minute=0, second=0, microsecond=0) for hour in range(48)]
    assert [row[0] for row in hours] == expected
    assert [round(row[1], 9) for row in hours] == [round(34.0 + hour * 0.01, 9) for hour in range(48)]
    assert sum(row[3] for row in hours) == 1
    days = await rows_of(
        settings, "SELECT day, levels, lowest_metres_nhn, mean_metres_nhn FROM groundwater_day ORDER BY day"
    )
    by_day: dict[Any, list[float]] = {}
    for hour, mean, *_ in hours:
        by_day.setdefault((hour + timedelta(hours=1)).date(), []).append(mean)
    assert [(day, levels, low) for day, levels, low, _ in days] == [
        (day, len(means), min(means)) for day, means in by_day.items()
    ]
    assert [row[3] for row in days] == pytest.approx([sum(means) / len(means) for means in by_day.values()])
    trends = await rows_of(
        settings,
        "SELECT well, aquifer, level_metres_nhn, day_metres_per_day, week_metres_per_day FROM open_groundwater_well",
    )
    assert trends == [("g1", "aquifer", pytest.approx(34.47), pytest.approx(0.24), None)]
    assert trend_of([Hour(hour, mean) for hour, mean, *_ in hours], timedelta(days=1)) == pytest.approx(0.24)


async def test_the_tables_hold_what_the_logic_says_and_can_be_folded_on(settings: Settings) -> None:
    """What is written and read again is what memory keeps: a worker that starts anew goes on as if it had not."""
    device = eui(1)
    await describe(settings, "groundwater", {"g1": ("", device, WELL)})
    wells = Producer(settings, "groundwater")
    contents = [column(device, 60 + 15 * number, metres) for number, metres in enumerate((4.0, 7.0, 4.02, -0.01, 4.1))]
    contents += [column(device, 300, 4.5), column(device, 200, 4.2)]

    for content in contents:
        await wells.send(content, 301.0)
        async with running(GROUNDWATER, settings):
            await until_settled(settings, GROUNDWATER.name, wells)

    where = places([(device, 0, "g1")], [("g1", 0, "", WELL)])
    memory = MemoryWorker(groundwater.build(settings), where)
    await memory.process(records([*contents, 301.0]))
    topology = groundwater.build(settings)
    async with connected(settings, "test") as connection, connection.cursor() as cursor:
        await cursor.execute(topology.queries["load_facts"], {"devices": [device], "from": [from_us(0)]})
        stored = [topology.read_fact(row) for row in await cursor.fetchall()]
        await cursor.execute(topology.queries["load_now"], {"partitions": list(range(64))})
        ((fact, shown),) = [topology.read_now(row) for row in await cursor.fetchall()]
    assert stored == list(memory.result()["facts"][device].values())
    assert fact == stored[-1]
    assert shown == memory.store.now[DevEui(device)].shown
