"""Migrations on the real TimescaleDB: from nothing and from any earlier version, the same database."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from psycopg import sql

from decoders.api import Decoder, Sample
from decoders.quantities import Quantity
from decoders.registry import load, vocabulary
from pipeline.core.clock import to_us
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.database.families import table_of
from pipeline.database.migrate import migrate, migrations
from pipeline.database.wide import check_wide_tables
from tests.integration.servers import FAMILIES, drop_schema, fresh_settings, rows_of
from topologies.runtime.alarms import Alarm, read_alarms
from topologies.water.facts import Volumes
from topologies.water.topology import FACTS, read_fact

pytestmark = pytest.mark.integration

CATALOG: Final = {
    "columns": """
        SELECT c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               (SELECT collname FROM pg_collation WHERE oid = a.attcollation),
               pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p')""",
    "relations": """
        -- Columns come in the order of their coming, in views as in tables: lines are compared without it.
        SELECT relname, relkind, obj_description(oid, 'pg_class'), relacl::text, pg_get_userbyid(relowner), reloptions,
               CASE WHEN relkind = 'v' THEN
                   (SELECT array_agg(line ORDER BY line)
                    FROM unnest(string_to_array(replace(pg_get_viewdef(oid), ',', ''), E'\n')) AS line)
               END
        FROM pg_class WHERE relnamespace = current_schema()::regnamespace""",
    "indexes": """
        SELECT tablename, indexname, replace(indexdef, schemaname || '.', '') FROM pg_indexes
        WHERE schemaname = current_schema()""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = current_schema()::regnamespace""",
    "hypertables": """
        SELECT hypertable_name, column_name, time_interval FROM timescaledb_information.dimensions
        WHERE hypertable_schema = current_schema()""",
    "functions": """
        SELECT proname, pg_get_function_arguments(oid), prosrc, provolatile, obj_description(oid, 'pg_proc')
        FROM pg_proc WHERE pronamespace = current_schema()::regnamespace""",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, tgtype FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
        WHERE c.relnamespace = current_schema()::regnamespace AND NOT tgisinternal""",
}


async def catalog(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """What the database says of itself: everything that a migration could make otherwise than the schema does."""
    return {name: sorted(await rows_of(settings, query), key=repr) for name, query in CATALOG.items()}


@pytest.fixture
async def schema(namespace: Settings) -> AsyncIterator[Settings]:
    """A namespace without anything in it, whose schema is dropped at the end."""
    yield namespace
    await drop_schema(namespace)


@pytest.mark.parametrize("earlier", migrations())
async def test_every_earlier_version_becomes_the_database_that_is_built_from_nothing(
    schema: Settings, earlier: str
) -> None:
    fresh = fresh_settings()
    assert await migrate(fresh, load().values())
    built = await catalog(fresh)
    await drop_schema(fresh)

    await migrate(schema, load().values(), upto=earlier)
    await migrate(schema, load().values())

    migrated = await catalog(schema)
    for part, wanted in built.items():
        assert _renamed(migrated[part], schema, fresh) == wanted, part
    assert len(built["columns"]) > 100
    assert {row[0] for row in built["hypertables"]} >= {"frame", "link_quality", *map(table_of, FAMILIES)}


def _renamed(rows: list[tuple[Any, ...]], old: Settings, new: Settings) -> list[tuple[Any, ...]]:
    """The rows as if they were of the other schema, whose name stands in defaults and view texts."""
    return [
        tuple(v.replace(old.schema_name, new.schema_name) if isinstance(v, str) else v for v in row) for row in rows
    ]


async def test_migrating_twice_finds_nothing_to_do(schema: Settings) -> None:
    assert await migrate(schema, load().values())
    before = await catalog(schema)

    assert await migrate(schema, load().values()) == []
    assert await catalog(schema) == before


async def test_two_that_migrate_at_once_wait_for_each_other(schema: Settings) -> None:
    done = await asyncio.gather(*(migrate(schema, load().values()) for _ in range(3)))

    assert sorted(map(bool, done)) == [False, False, True]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear(Sample):
    """What a plugin of somebody else measures."""

    sound_pressure_pascals: float | None = None


PLUGIN = Decoder(
    name="acme_ear",
    version="1",
    family="container",
    about="of these tests",
    samples=(Ear,),
    decode=lambda _: (),
    quantities=(
        Quantity(name="sound_pressure_pascals", unit="Pa", low=0, high=1e3, kind="level", help="How loud it is"),
    ),
)


async def test_a_plugin_brings_its_column_and_its_family_a_table(schema: Settings) -> None:
    await migrate(schema, load().values())
    with_plugin = [*load().values(), PLUGIN, replace(PLUGIN, name="acme_nose", family="odour")]
    async with connected(schema, "test") as connection:
        with pytest.raises(SettingsError, match=r"reading_container.sound_pressure_pascals; the remedy: .* migrate"):
            await check_wide_tables(connection, with_plugin)

    done = await migrate(schema, with_plugin)

    assert done == [
        "added reading_container.sound_pressure_pascals",
        "created reading_odour",
        "added reading_odour.sound_pressure_pascals",
        "set the rights of reading_odour",
    ]
    async with connected(schema, "test") as connection:
        await check_wide_tables(connection, with_plugin)
    (said,) = await rows_of(
        schema,
        "SELECT col_description('reading_container'::regclass, attnum), format_type(atttypid, NULL) FROM pg_attribute"
        " WHERE attrelid = 'reading_container'::regclass AND attname = 'sound_pressure_pascals'",
    )
    assert said == ("How loud it is [Pa]", "double precision")


UNIT: Final = re.compile(r"\[\S+\]|unit of its")
FIRST: Final = ("bosch_tps110", "decentlab_dl_pr26", "milesight_em310_udl", "nas_ul20xx")
FILL: Final = """
    INSERT INTO {table} (device, observed_at, event_id, f_cnt, decoder, decoder_version, ingested_at, raw_partition,
                         raw_offset, {column})
    SELECT 'd' || number, timestamptz '2026-01-01' + number * interval '1 day', gen_random_uuid(), number, 'x', '1',
           now(), 0, number, {value}
    FROM generate_series(1, 40) AS number"""


async def test_a_filled_database_takes_the_columns_of_new_models_and_keeps_its_rows(schema: Settings) -> None:
    """A city that began with four models installs thirty: its chunks have rows by then."""
    await migrate(schema, [load()[name] for name in FIRST])
    filled = {"parking": ("occupied", "true"), "groundwater": ("pressure_bar", "0.5"), "lighting": ("lamp_on", "false")}
    async with connected(schema, "test") as connection:
        for family, (column, value) in filled.items():
            fill = FILL.format(table=table_of(family), column=column, value=value)
            await connection.execute(fill.encode())
        await connection.commit()
    fresh = fresh_settings()
    await migrate(fresh, load().values())
    built = await catalog(fresh)
    await drop_schema(fresh)

    done = await migrate(schema, load().values())

    assert {"created reading_weather", "created reading_water", "added reading_parking.previous_state_seconds"} <= {
        *done
    }
    migrated = await catalog(schema)
    for part, wanted in built.items():
        assert _renamed(migrated[part], schema, fresh) == wanted, part
    async with connected(schema, "test") as connection:
        await check_wide_tables(connection, load().values())
    parking = "SELECT count(*), bool_and(occupied), count(previous_state_seconds) FROM reading_parking"
    assert await rows_of(schema, parking) == [(40, True, 0)]
    wells = "SELECT count(*), min(pressure_bar), count(water_column_metres) FROM reading_groundwater"
    assert await rows_of(schema, wells) == [(40, 0.5, 0)]


async def test_an_alert_that_is_open_goes_on_when_rules_become_several(schema: Settings) -> None:
    """The newest fact says since when its container is full, so the next one opens nothing again."""
    await migrate(schema, load().values(), upto="0003_hours")
    async with connected(schema, "test") as connection:
        for device, site, full in (("d1", "'s'", "true"), ("d2", "'s'", "false"), ("d3", "NULL", "true")):
            values = f"'{device}', '2026-01-02Z', gen_random_uuid(), {site}, {full}, '2026-01-01Z'"
            columns = "device, observed_at, event_id, site, is_full, since"
            for into, more in ((f"container_level ({columns})", ""), (f"container ({columns}, partition)", ", 0")):
                await connection.execute(f"INSERT INTO {into} VALUES ({values}{more})".encode())  # noqa: S608  # ours above
        await connection.commit()

    await migrate(schema, load().values())

    began = to_us(datetime(2026, 1, 1, tzinfo=UTC))
    for table in ("container", "container_level"):
        rows = await rows_of(schema, f"SELECT device, alarms FROM {table} ORDER BY 1")  # noqa: S608  # ours above
        assert [(device, read_alarms(alarms)) for device, alarms in rows] == [
            ("d1", (Alarm("container_full", began, began),)),
            ("d2", ()),
            ("d3", ()),
        ]


async def test_a_database_of_a_newer_silkstream_is_refused(schema: Settings) -> None:
    await migrate(schema, load().values())
    async with connected(schema, "test") as connection:
        await connection.execute("INSERT INTO migration (name) VALUES ('9999_the_future')")
        await connection.commit()

    with pytest.raises(SettingsError, match="9999_the_future, unknown to this version"):
        await migrate(schema, load().values())


async def test_every_table_view_and_column_says_what_it_means_and_in_which_unit(schema: Settings) -> None:
    await migrate(schema, load().values())

    silent = await rows_of(
        schema,
        """SELECT c.relname::text || coalesce('.' || a.attname, '')
           FROM pg_class c CROSS JOIN LATERAL (
               SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
               UNION ALL SELECT NULL, 0
           ) a
           WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
             AND coalesce(CASE a.attnum WHEN 0 THEN obj_description(c.oid, 'pg_class')
                          ELSE col_description(c.oid, a.attnum) END, '') = ''
           ORDER BY 1""",
    )
    assert not silent, "COMMENT ON is missing"
    fractions = await rows_of(
        schema,
        """SELECT c.relname::text, a.attname::text, col_description(c.oid, a.attnum)
           FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')
             AND a.atttypid IN ('float4'::regtype, 'float8'::regtype, 'numeric'::regtype)""",
    )
    assert len(fractions) > 60
    known = vocabulary(tuple(load().values()))
    unitless = {
        f"{table}.{column}: {comment}"
        for table, column, comment in fractions
        if not UNIT.search(comment) and (column not in known or known[column].unit)
    }
    assert not unitless, "a comment ends with the unit as a UCUM code: [m], [1] for a ratio"


async def test_comments_of_an_earlier_version_are_brought_up_to_date(schema: Settings) -> None:
    await migrate(schema, load().values())
    async with connected(schema, "test") as connection:
        await connection.execute("COMMENT ON COLUMN reading_water.device IS NULL")
        await connection.execute("COMMENT ON COLUMN reading_water.burst IS 'as an older decoder put it'")
        await connection.execute("SELECT set_chunk_time_interval('reading_parking', interval '7 days')")
        await connection.commit()

    assert await migrate(schema, load().values()) == ["commented reading_water"]
    assert await rows_of(
        schema,
        "SELECT time_interval FROM timescaledb_information.dimensions"
        " WHERE hypertable_schema = current_schema() AND hypertable_name = 'reading_parking'",
    ) == [(timedelta(days=1),)]
    assert await migrate(schema, load().values()) == []


async def test_volumes_that_an_earlier_version_stored_are_read_as_what_they_were(schema: Settings) -> None:
    await migrate(schema, load().values(), upto="0016")
    async with connected(schema, "test") as connection:
        await connection.execute(
            "INSERT INTO water_consumption (device, observed_at, event_id, volumes) VALUES"
            " ('a', '2026-03-10T10:00Z', gen_random_uuid(), '[[1000, 7], [2000, 7.5]]'),"
            " ('b', '2026-03-10T10:00Z', gen_random_uuid(), NULL)"
        )
        await connection.commit()

    await migrate(schema, load().values())

    rows = await rows_of(
        schema, sql.SQL("SELECT {} FROM water_consumption ORDER BY device").format(_columns(FACTS.columns))
    )
    assert [read_fact(row).volumes for row in rows] == [(Volumes(1000, 0, (7,)), Volumes(2000, 0, (7.5,))), ()]


def _columns(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
