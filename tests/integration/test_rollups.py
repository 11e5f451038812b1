"""Roll-ups on the real TimescaleDB: every case of topologies/derive/cases.jsonl, any order, any failure.

A line of cases.jsonl: `about`, `family`, and a `log` of readings (time in UTC, quantities; `channel`, `family` and
samples of `history` where they differ), of `derive` (what is marked by then is recomputed) and `delete` (of the reading
of a time; its quarter is marked). `expect` holds all rows of a resolution in the order of bucket, family, quantity and
channel; of each row what is named.
"""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from decoders.api import Decoder, Sample
from decoders.quantities.model import counter, text
from decoders.registry import load
from pipeline.core.clock import to_us
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.database.facts_from import raise_facts_from
from pipeline.database.families import quantities_by_family, table_of
from pipeline.database.migrate import migrate, migrations
from pipeline.store.rows import Rows, add_reading, placing, read_reading
from pipeline.store.write import create_staging, mark_rollups, wide_upsert, write_rows
from schemas.silkstream.v1 import reading_pb2
from tests.integration.servers import changed, drop_schema, eventually, rows_of, running
from tests.readings import sample
from tests.unit.topologies.material import eui, event_id, record
from topologies.derive.rollup_queries import families_of
from topologies.derive.rollups import Days, Quarters
from topologies.derive.worker import STAGE as DERIVE

pytestmark = pytest.mark.integration

CASES: Final = [
    json.loads(line)
    for line in (Path(__file__).resolve().parents[2] / "topologies/derive/cases.jsonl").read_text().splitlines()
]
RESOLUTIONS: Final = {name: f"rollup_{name}" for name in ("quarter_hour", "hour", "day")}
NOT_MEASURED: Final = {"at", "channel", "family", "history", "device"}


def when(text: str) -> datetime:
    """A time of a case."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rounds(decoders: Iterable[Decoder]) -> tuple[Quarters, Days]:
    """What the derivations run."""
    families = families_of(decoders)
    return Quarters(families), Days(families)


class City:
    """Stores readings as the store does, and derives."""

    def __init__(
        self, connection: psycopg.AsyncConnection[Any], settings: Settings, decoders: Iterable[Decoder]
    ) -> None:
        self.connection = connection
        self.decoders = tuple(decoders)
        self.columns = quantities_by_family(self.decoders)
        self.upserts = {table_of(family): wide_upsert(family, list(names)) for family, names in self.columns.items()}
        self.settings = settings
        self.rounds = rounds(self.decoders)

    async def store(self, family: str, readings: Iterable[Mapping[str, Any]]) -> None:
        """Write readings of a family, and leave the marks."""
        rows = Rows()
        forms = placing(self.columns[family])
        for entry in readings:
            content = reading_pb2.Reading(
                event_id=event_id(family, entry["device"], entry["at"]),
                dev_eui=entry["device"],
                ingested_at_us=1,
                decoder="test",
                decoder_version="1",
                samples=[_sample(each) for each in (entry, *entry.get("history", ()))],
            )
            stored = record(content, 0)
            add_reading(rows, family, record=stored, said=read_reading(stored, forms))
        rows.device_latest.rows.clear()
        async with self.connection.transaction():
            assert not await write_rows(self.connection, rows, self.upserts)
            await mark_rollups(self.connection, rows)

    async def delete(self, family: str, device: str, at: datetime) -> None:
        """Delete a reading, and leave a mark."""
        async with self.connection.transaction():
            table = sql.Identifier(table_of(family))
            await self.connection.execute(
                sql.SQL("DELETE FROM {} WHERE device = %s AND observed_at = %s").format(table), (device, at)
            )
            await self.connection.execute(
                "INSERT INTO rollup_mark (family, device, bucket) VALUES (%s, %s, date_bin('15 min', %s, 'epoch'))",
                (family, device, at),
            )

    async def derive(self) -> int:
        """Recompute until nothing is marked; returns how many marks were done."""
        count = 0
        while await _marks(self):
            count += await self.derive_once()
        return count

    async def derive_once(self, *, batch: int = 1000) -> int:
        """Recompute a batch of quarters, and one of days."""
        settings = changed(self.settings, derive={"rollup_buckets": batch})
        return sum([(await one.derive(self.connection, settings)).marks for one in self.rounds])

    async def rows(self, resolution: str, device: str) -> list[dict[str, Any]]:
        """The roll-ups of a device."""
        query = sql.SQL(
            "SELECT to_jsonb(kept) - 'device' FROM {} AS kept WHERE device = %s"
            " ORDER BY bucket, family, quantity, channel"
        )
        cursor = await self.connection.execute(query.format(sql.Identifier(RESOLUTIONS[resolution])), (device,))
        return [row for (row,) in await cursor.fetchall()]

    async def all_rows(self, device: str) -> dict[str, list[dict[str, Any]]]:
        """The roll-ups of a device in all resolutions."""
        return {resolution: await self.rows(resolution, device) for resolution in RESOLUTIONS}


def _sample(entry: Mapping[str, Any]) -> reading_pb2.Sample:
    values = {
        name: float(value) if value == "NaN" else value for name, value in entry.items() if name not in NOT_MEASURED
    }
    return sample(values, at_us=to_us(when(entry["at"])), channel=entry.get("channel", 0))


@pytest.fixture
async def installation(namespace: Settings) -> Any:
    """A schema without topics."""
    await migrate(namespace, load().values())
    yield namespace
    await drop_schema(namespace)


@pytest.fixture
async def city(installation: Settings) -> Any:
    """A city without readings."""
    async with connected(installation, "test") as connection:
        yield await opened(connection, installation, load().values())


async def opened(connection: psycopg.AsyncConnection[Any], settings: Settings, decoders: Iterable[Decoder]) -> City:
    """A city on a connection."""
    await connection.set_autocommit(True)
    found = City(connection, settings, decoders)
    await create_staging(connection, found.columns)
    return found


async def test_every_case_comes_out_as_its_line_says(city: City) -> None:
    """All cases at once, each with a device of its own: their steps between two derivations side by side."""
    parts = [_parts(case["log"]) for case in CASES]
    for step in range(max(map(len, parts))):
        for number, part in enumerate(parts):
            for entry in part[step] if step < len(part) else ():
                family = entry.get("family", CASES[number]["family"])
                if "delete" in entry:
                    await city.delete(family, eui(number), when(entry["delete"]))
                else:
                    await city.store(family, [{**entry, "device": eui(number)}])
        await city.derive()

    wrong = []
    for number, case in enumerate(CASES):
        for resolution, expected in case["expect"].items():
            found = await city.rows(resolution, eui(number))
            said = [_named(row, want) for row, want in zip(found, expected, strict=False)]
            if said != expected or len(found) != len(expected):
                wrong.append((case["about"], resolution, said, found[len(expected) :], expected))
    assert not wrong
    assert len(CASES) >= 30


def _parts(log: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The steps of a case, between which is derived."""
    parts: list[list[Mapping[str, Any]]] = [[]]
    for entry in log:
        if "derive" in entry:
            parts.append([])
        else:
            parts[-1].append(entry)
    return parts


def _named(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Of a row what the case names, in the case's terms."""
    said = {}
    for key in wanted:
        value = row[key]
        if key == "bucket":
            value = datetime.fromisoformat(value).strftime("%Y-%m-%dT%H:%M")
        said[key] = round(value, 9) if isinstance(value, float) else value
        if isinstance(wanted[key], float):
            said[key] = wanted[key] if said[key] == round(wanted[key], 9) else said[key]
    return said


START: Final = datetime(2026, 3, 27, tzinfo=UTC)


def _readings(rng: random.Random) -> dict[str, list[dict[str, Any]]]:
    """Four days of one device, over the change of the clocks, with gaps, resets and silence."""
    found: dict[str, list[dict[str, Any]]] = {"container": [], "weather": [], "lighting": []}
    openings = 0
    values: dict[str, Any]
    for family, entries in found.items():
        at = START
        while at < START + timedelta(days=4):
            # Mostly minutes; now and then longer than a state lasts.
            (minutes,) = rng.choices([7, 15, 45, 200, 1700], weights=[40, 60, 40, 20, 3])
            at += timedelta(minutes=minutes, seconds=rng.randrange(60))
            entry: dict[str, Any] = {"at": at.replace(tzinfo=None).isoformat(), "channel": rng.choice([0, 0, 1])}
            if family == "container":
                openings = 0 if rng.random() < 0.1 else openings + rng.randrange(50)
                values = {"lid_openings_count": openings, "tilted": rng.random() < 0.3}
            elif family == "weather":
                values = {
                    "air_temperature_celsius": rng.uniform(-10, 30),
                    "wind_direction_degrees": rng.uniform(0, 360),
                    "rain_millimetres": rng.uniform(0, 3),
                }
            else:
                values = {
                    "lamp_on": rng.random() < 0.5,
                    "lamp_error_event": rng.random() < 0.5,
                    "downlink_rssi_dbm": rng.uniform(-120, 0),
                    "lamp_on_seconds": int(at.timestamp()) % 90_000,
                }
            kept = {name: value for name, value in values.items() if rng.random() < 0.7}
            entries.append({**entry, **kept})
    return found


@pytest.mark.parametrize("seed", range(2))
async def test_any_order_any_batches_and_any_repetition_give_equal_rollups(city: City, seed: int) -> None:
    rng = random.Random(seed)
    content = _readings(rng)
    for family, entries in content.items():
        await city.store(family, [{**entry, "device": eui(1)} for entry in entries])
    await city.derive()
    wanted = await city.all_rows(eui(1))

    shuffled = [(family, entry) for family, entries in content.items() for entry in entries]
    shuffled += rng.sample(shuffled, len(shuffled) // 3)
    rng.shuffle(shuffled)
    while shuffled:
        for family, entry in (shuffled.pop() for _ in range(min(rng.randrange(1, 25), len(shuffled)))):
            await city.store(family, [{**entry, "device": eui(2)}])
        # Sometimes a batch of it, sometimes all.
        if rng.random() < 0.7:
            await city.derive_once(batch=rng.choice([3, 1000]))
    await city.derive()

    assert await city.all_rows(eui(2)) == wanted
    assert min(map(len, wanted.values())) > 20
    assert await _marks(city) == 0


async def _marks(city: City) -> int:
    return int((await (await city.connection.execute("SELECT count(*) FROM rollup_mark")).fetchall())[0][0])


async def _written(city: City) -> list[tuple[Any, ...]]:
    """Where each row lies, and which transaction wrote it."""
    found: list[tuple[Any, ...]] = []
    for table in RESOLUTIONS.values():
        query = sql.SQL("SELECT tableoid::regclass::text, ctid::text, xmin::text FROM {} ORDER BY 1, 2")
        found += await (await city.connection.execute(query.format(sql.Identifier(table)))).fetchall()
    return found


async def test_a_recomputation_that_changes_nothing_writes_nothing(city: City) -> None:
    content = _readings(random.Random(7))
    for _ in range(2):
        for family, entries in content.items():
            await city.store(family, [{**entry, "device": eui(1)} for entry in entries])
    assert await city.derive() > 50
    before = await _written(city)

    for family, entries in content.items():
        await city.store(family, [{**entry, "device": eui(1)} for entry in entries])
    assert await city.derive() > 25

    assert await _written(city) == before
    assert len(before) > 200


RAIN: Final = [
    {"device": eui(1), "at": f"2026-03-10T10:0{minute}", "rain_millimetres": 1.0 + minute} for minute in range(3)
]


class Interrupted(Quarters):
    """Lets something happen between the facts and the marks."""

    def __init__(self, happening: Callable[[], Awaitable[None]]) -> None:
        super().__init__(families_of(load().values()))
        self._happening = happening

    async def _recompute(self, *arguments: Any) -> int:
        beyond = await super()._recompute(*arguments)
        await self._happening()
        return beyond


async def test_killed_between_the_facts_and_the_marks_nothing_has_happened(city: City) -> None:
    async def killed() -> None:
        raise InterruptedError

    await city.store("weather", RAIN[:2])
    with pytest.raises(InterruptedError):
        await Interrupted(killed).derive(city.connection, city.settings)
    assert (await _marks(city), await city.rows("hour", eui(1))) == (1, [])

    assert await city.derive() == 2
    ((hour),) = await city.rows("hour", eui(1))
    assert (hour["samples"], hour["total"]) == (2, 3.0)


async def test_a_mark_that_comes_while_its_quarter_is_recomputed_stays(city: City, installation: Settings) -> None:
    async with connected(installation, "test") as other:
        store = await opened(other, installation, load().values())

        async def overtaken() -> None:
            await store.store("weather", RAIN[2:])

        await city.store("weather", RAIN[:2])
        await Interrupted(overtaken).derive(city.connection, city.settings)

    assert [row["total"] for row in await city.rows("hour", eui(1))] == [3.0]
    assert await _marks(city) == 2, "the quarter's, and that of the day"
    await city.derive()
    assert [row["total"] for row in await city.rows("hour", eui(1))] == [6.0]


async def test_a_bucket_that_begins_before_the_facts_do_stays_as_it_is_and_is_counted(city: City) -> None:
    entries = [{**RAIN[0], "at": f"2026-03-{day}T{hour}:20"} for day in (10, 11) for hour in (10, 11)]
    await city.store("weather", entries)
    await city.derive()
    before = await city.all_rows(eui(1))
    await raise_facts_from(city.connection, ["reading_weather"], when("2026-03-11T11:00"))
    await city.connection.execute("DELETE FROM reading_weather WHERE observed_at < '2026-03-11T11:00Z'")

    await city.store("weather", [{**entry, "rain_millimetres": 5.0} for entry in entries])
    quarters, days = city.rounds
    done = await quarters.derive(city.connection, city.settings)
    await days.derive(city.connection, city.settings)

    assert (done.marks, done.beyond_retention) == (4, 3)
    after = await city.all_rows(eui(1))
    assert [row["total"] for row in after["quarter_hour"]] == [1, 1, 1, 5]
    assert after["hour"][:3] == before["hour"][:3]
    assert [row["total"] for row in after["day"]] == [2, 6], "of hours, which are whole"


async def test_what_tells_of_people_is_not_even_marked(city: City) -> None:
    await city.store("parking", [{"device": eui(1), "at": "2026-03-10T10:00", "occupied": True}])
    assert await _marks(city) == 0


async def test_marks_are_worked_off_in_rounds_so_that_nobody_waits_for_ever(city: City) -> None:
    """A device that speaks all the time is first in the order of devices."""
    await city.store("weather", [{**RAIN[0], "device": eui(number)} for number in (1, 2, 3)])
    quarters, _ = city.rounds
    one = changed(city.settings, derive={"rollup_buckets": 1})
    done = []
    for _ in range(4):
        done.append(await quarters.derive(city.connection, one))
        await city.store("weather", [RAIN[1]])
    assert [each.marks for each in done] == [1, 1, 1, 0]
    assert [each.more for each in done] == [True, True, True, False]


@dataclass(frozen=True, slots=True, kw_only=True)
class Smell(Sample):
    """What a plugin of somebody else measures."""

    smell_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrongSmell(Smell):
    """The same in its next version."""

    smells_count: int | None = None


NOSE: Final = Decoder(
    name="acme_nose",
    version="1",
    family="odour",
    about="of these tests",
    samples=(Smell,),
    decode=lambda _: (),
    quantities=(
        text("smell_name", "what it smells of"),
        counter("smells_count", "1", "how often it smelt"),
    ),
)


async def test_a_plugin_s_family_rolls_up_and_so_does_the_quantity_that_it_brings_later(installation: Settings) -> None:
    await migrate(installation, [*load().values(), NOSE])
    async with connected(installation, "test") as connection:
        city = await opened(connection, installation, [NOSE])
        await city.store("odour", [{"device": eui(1), "at": "2026-03-10T10:00", "smell_name": "tar"}])
        assert await city.derive() == 1
        assert await city.rows("hour", eui(1)) == []
    stronger = replace(NOSE, version="2", samples=(StrongSmell,))

    await migrate(installation, [*load().values(), stronger])

    async with connected(installation, "test") as connection:
        city = await opened(connection, installation, [stronger])
        entries = [{"device": eui(1), "at": f"2026-03-10T{10 + n}:00", "smells_count": 3 * n} for n in range(3)]
        await city.store("odour", entries)
        await city.derive()
        assert [(row["first"], row["total"]) for row in await city.rows("hour", eui(1))] == [(0, None), (3, 3), (6, 3)]


async def test_readings_that_an_earlier_version_stored_are_marked_by_the_migration(namespace: Settings) -> None:
    await migrate(namespace, load().values(), upto="0013")
    async with connected(namespace, "test") as connection:
        for family in ("mill", "parking", "home_personal"):
            await connection.execute(
                sql.SQL("CREATE TABLE {} (device text, observed_at timestamptz, raw_offset bigint)").format(
                    sql.Identifier(table_of(family))
                )
            )
        await connection.execute("INSERT INTO reading_parking VALUES ('d', '2026-03-10T10:00Z', 1)")
        await connection.execute("INSERT INTO reading_home_personal VALUES ('d', '2026-03-10T10:00Z', 1)")
        await connection.execute(
            "INSERT INTO reading_mill VALUES ('d', '2026-03-10T10:00Z', 1), ('d', '2026-03-10T10:50Z', 2),"
            " ('d', '2026-03-10T11:00Z', 3)"
        )
        await connection.execute("INSERT INTO reading_hour VALUES ('mill', '2026-03-10T10:00Z', 1, 1)")
        await connection.commit()

    async with connected(namespace, "test") as connection:
        await connection.execute(migrations()["0014_rollups"].encode())
        await connection.commit()

    marks = await rows_of(namespace, "SELECT family, device, bucket FROM rollup_mark")
    assert marks == [("mill", "d", when(f"2026-03-10T{at}")) for at in ("10:00", "10:45", "11:00")]
    await drop_schema(namespace)


async def test_the_stage_works_off_what_the_store_has_marked(installation: Settings, city: City) -> None:
    await city.store("weather", RAIN)
    quick = changed(installation, derive={"longest_rest_seconds": 0.05})

    async with running(DERIVE, quick) as stage:
        await eventually(lambda: _no_marks(installation), "nothing is marked")
        assert stage.count("sent_events", to="rollups") == stage.count("sent_events", to="rollup_days") == 1

    assert [row["total"] for row in await city.rows("hour", eui(1))] == [6.0]


async def _no_marks(settings: Settings) -> bool:
    return await rows_of(settings, "SELECT count(*) FROM rollup_mark") == [(0,)]


async def test_a_time_zone_that_nobody_knows_is_refused(installation: Settings) -> None:
    wrong = changed(installation, derive={"time_zone": "Europe/Krefeld"})
    with pytest.raises(SettingsError, match=r"derive.time_zone: .* such as Europe/Berlin; given: 'Europe/Krefeld'"):
        async with running(DERIVE, wrong) as stage:
            await stage.task
