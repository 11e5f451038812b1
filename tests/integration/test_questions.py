"""What operations asks, by its plans: each question reads an index and the chunks that it is about, and no more.

Plans and no times: a plan does not depend on how busy the machine is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql

from decoders.registry import load
from pipeline.core.settings import Settings
from pipeline.database.migrate import drop, migrate
from tests.integration.servers import fresh_settings

pytestmark = pytest.mark.integration

OF_CHUNK: Final = re.compile(r"^(_hyper_\d+_\d+_chunk_|\d+_\d+_)")
FILL: Final[LiteralString] = """
    INSERT INTO site (site, valid_from, family, name, "group")
    SELECT 'well-' || n, '2025-01-01', 'groundwater', 'Well ' || n, 'north-' || n / 5 FROM generate_series(0, 99) AS n;
    INSERT INTO assignment (device, valid_from, site)
    SELECT 'd' || n, '2025-01-01', 'well-' || n FROM generate_series(0, 99) AS n;

    CREATE TEMPORARY TABLE moment AS
    SELECT 'd' || n AS device, at FROM generate_series(0, 99) AS n,
        generate_series(timestamptz '2025-12-01 00:00+00', '2027-01-24 23:00+00', '8 hours') AS at;
    INSERT INTO reading_groundwater (device, observed_at, event_id, f_cnt, decoder, decoder_version, ingested_at,
                                     raw_partition, raw_offset, pressure_bar)
    SELECT device, at, gen_random_uuid(), 1, 'decentlab_dl_pr26', '1', at, 0, 1, random() FROM moment;
    INSERT INTO frame (event_id, observed_at, device, event, verdict, ingested_at, raw_partition, raw_offset)
    SELECT gen_random_uuid(), at, device, 'up', 'accepted', at, 0, 1 FROM moment;

    INSERT INTO parking_observation (device, observed_at, event_id, reported, occupied)
    SELECT 'b' || n, at, gen_random_uuid(), true, true FROM generate_series(0, 99) AS n,
        generate_series(timestamptz '2026-02-20 00:00+00', '2026-03-20 00:00+00', '2 hours') AS at;
    INSERT INTO parking_bay (device, partition, observed_at, event_id, site, zone, occupied)
    SELECT 'b' || n, n % 6, now(), gen_random_uuid(), 'bay-' || n, 'zone-' || n / 20, n % 3 = 0
    FROM generate_series(0, 4999) AS n;
    INSERT INTO device_latest (device, channel, quantity, observed_at, number, event_id)
    SELECT 'x' || n, 0, 'quantity_' || q, now(), q, gen_random_uuid()
    FROM generate_series(0, 1999) AS n, generate_series(0, 19) AS q;
    INSERT INTO alert (id, rule, family, subject, severity, status, since, opened_event, device, site, retrospective,
                       message_de, message_en)
    SELECT gen_random_uuid(), 'container_full', 'container', 's' || n, 'warning',
        CASE WHEN n % 200 = 0 THEN 'open' ELSE 'resolved' END, now() - n * interval '1 minute', gen_random_uuid(),
        'c' || n % 300, 's' || n, false, '', ''
    FROM generate_series(0, 9999) AS n;
"""


@pytest.fixture(scope="module")
def city() -> Iterator[Settings]:
    """More than a year of a hundred wells, thousands of bays and alerts: enough that the planner has a choice."""
    settings = fresh_settings()
    asyncio.run(migrate(settings, load().values()))
    with connection(settings) as database:
        database.execute(FILL)
        database.commit()
        database.autocommit = True
        tables = database.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
        ).fetchall()
        for (table,) in tables:
            database.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))
    yield settings
    asyncio.run(drop(settings))


def connection(settings: Settings) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(
        settings.database.url, options=f"-c search_path={settings.schema_name},public -c timezone=UTC"
    )


class Plan(NamedTuple):
    """What a plan touches."""

    indexes: set[str]
    """By name; those of chunks without their chunk."""
    whole: set[str]
    """Relations that are read from beginning to end."""
    chunks: set[str]
    sorts: bool


def plan(settings: Settings, question: LiteralString, *, executed: bool = False) -> Plan:
    """How the server answers a question; with `executed` only what it really touched."""
    options = sql.SQL("ANALYZE, " if executed else "")
    with connection(settings) as database:
        ((answer,),) = database.execute(
            sql.SQL("EXPLAIN ({}FORMAT JSON) {}").format(options, sql.SQL(question))
        ).fetchall()
    found = Plan(set(), set(), set(), sorts=False)
    pending = [answer[0]["Plan"]]
    while pending:
        node = pending.pop()
        pending += node.get("Plans", ())
        if executed and not node["Actual Loops"]:
            continue
        relation = node.get("Relation Name", "")
        if "Index Name" in node:
            found.indexes.add(OF_CHUNK.sub("", node["Index Name"]))
        if node["Node Type"] == "Seq Scan":
            found.whole.add(relation)
        if node["Node Type"] in {"Sort", "Incremental Sort"}:
            found = found._replace(sorts=True)
        if relation.startswith("_hyper_"):
            found.chunks.add(relation)
    return found


def chunks_between(settings: Settings, table: str, begin: str, end: str) -> set[str]:
    with connection(settings) as database:
        rows = database.execute(
            "SELECT chunk_name::text FROM timescaledb_information.chunks WHERE hypertable_schema = current_schema()"
            " AND hypertable_name = %s AND range_start < %s AND range_end > %s",
            [table, end, begin],
        )
        return {name for (name,) in rows}


def test_state_now_of_a_zone(city: Settings) -> None:
    found = plan(city, "SELECT site, occupied, since FROM parking_bay WHERE zone = 'zone-7'")
    assert (found.indexes, found.whole) == ({"parking_bay_zone"}, set())


def test_state_now_of_a_quantity_and_of_a_device(city: Settings) -> None:
    found = plan(city, "SELECT device, number FROM device_latest WHERE quantity = 'quantity_7' AND number = 1")
    assert (found.indexes, found.whole) == ({"device_latest_quantity"}, set())
    found = plan(city, "SELECT quantity, number, text, observed_at FROM device_latest WHERE device = 'x7'")
    assert (found.indexes, found.whole) == ({"device_latest_pkey"}, set())


def test_one_devices_month(city: Settings) -> None:
    found = plan(
        city,
        "SELECT observed_at, pressure_bar FROM reading_groundwater WHERE device = 'd42'"
        " AND observed_at >= '2026-03-01 00:00+00' AND observed_at < '2026-04-01 00:00+00' ORDER BY observed_at",
    )
    assert (found.indexes, found.whole) == ({"reading_groundwater_pkey"}, set())
    assert found.chunks == chunks_between(city, "reading_groundwater", "2026-03-01 00:00+00", "2026-04-01 00:00+00")
    assert 5 <= len(found.chunks) <= 6


def test_one_groups_year(city: Settings) -> None:
    found = plan(
        city,
        """SELECT assignment.site, time_bucket('1 day', reading.observed_at) AS day, avg(reading.pressure_bar)
           FROM (SELECT DISTINCT site FROM site WHERE family = 'groundwater' AND "group" = 'north-3') AS well
           JOIN assignment USING (site)
           JOIN reading_groundwater AS reading USING (device)
           WHERE reading.observed_at >= '2026-01-01 00:00+00' AND reading.observed_at < '2027-01-01 00:00+00'
           GROUP BY 1, 2""",
    )
    assert "reading_groundwater_pkey" in found.indexes
    assert not {name for name in found.whole if name.startswith("_hyper_")}
    assert found.chunks == chunks_between(city, "reading_groundwater", "2026-01-01 00:00+00", "2027-01-01 00:00+00")
    assert 52 <= len(found.chunks) <= 54


def test_open_alerts(city: Settings) -> None:
    found = plan(
        city,
        "SELECT subject, since, message_en FROM alert WHERE family = 'container' AND status = 'open' ORDER BY since",
    )
    assert (found.indexes, found.whole) == ({"alert_open"}, set())
    assert not plan(city, "SELECT subject, since FROM alert WHERE status = 'open'").whole, "also without a family"


def test_the_last_frames_of_a_device(city: Settings) -> None:
    found = plan(
        city,
        "SELECT observed_at, event, verdict, reason FROM frame WHERE device = 'd42' ORDER BY observed_at DESC LIMIT 20",
        executed=True,
    )
    assert (found.indexes, found.whole, found.sorts) == ({"frame_device"}, set(), False)
    assert len(found.chunks) <= 2, "from the newest on, and no further than is needed"


def test_a_bays_week_through_the_view_that_leaves_personal_bays_out(city: Settings) -> None:
    """The barrier is no reason to read everything: the device and the time go through it."""
    found = plan(
        city,
        "SELECT observed_at, occupied FROM internal_parking_observation WHERE device = 'b42'"
        " AND observed_at >= '2026-03-02 00:00+00' AND observed_at < '2026-03-09 00:00+00' ORDER BY observed_at",
    )
    assert "parking_observation_pkey" in found.indexes
    assert not {name for name in found.whole if name.startswith("_hyper_")}
    assert found.chunks == chunks_between(city, "parking_observation", "2026-03-02 00:00+00", "2026-03-09 00:00+00")
    assert len(found.chunks) == 7
