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

    INSERT INTO groundwater_level (device, observed_at, event_id, site, offset_metres, is_usable, since, past)
    SELECT device, at, gen_random_uuid(), 'well-' || substr(device, 2), 0, true, at, '{}' FROM moment;
    INSERT INTO groundwater_well (device, partition, observed_at, event_id, site, past)
    SELECT 'd' || n, n % 6, now(), gen_random_uuid(), 'well-' || n, '{}' FROM generate_series(0, 4999) AS n;
    INSERT INTO groundwater_day (site, day, levels, left_out)
    SELECT 'well-' || n, day, 24, 0 FROM generate_series(0, 449) AS n,
        generate_series(date '2026-01-01', date '2026-12-31', '1 day') AS day;
    INSERT INTO luminaire_state (device, observed_at, event_id, site, until_at)
    SELECT 'l' || n, at, gen_random_uuid(), 'lamp-' || n, at FROM generate_series(0, 99) AS n,
        generate_series(timestamptz '2026-01-01 00:00+00', '2026-05-01 00:00+00', '4 hours') AS at;
    INSERT INTO luminaire_night (site, night, segment, due_seconds, known_seconds, lit_seconds)
    SELECT 'lamp-' || n, night, 'street-' || n / 20, 36000, 36000, 36000 FROM generate_series(0, 499) AS n,
        generate_series(date '2026-01-01', date '2026-06-30', '1 day') AS night;
    INSERT INTO lighting_segment_night (segment, night, luminaires, reporting)
    SELECT 'street-' || n, night, 20, 20 FROM generate_series(0, 199) AS n,
        generate_series(date '2026-01-01', date '2026-12-31', '1 day') AS night;
    INSERT INTO fleet_day (device, day, received, accepted, no_payload, ignored, rejected, copies, sessions, joins,
                           resets, missing, lost)
    SELECT 'x' || n, day, 24, 24, 0, 0, 0, 0, 1, 0, 0, 0, 0 FROM generate_series(0, 999) AS n,
        generate_series(timestamptz '2026-01-01 00:00+00', '2026-04-30 00:00+00', '1 day') AS day;
    INSERT INTO rollup_hour (family, device, channel, quantity, bucket, samples)
    SELECT 'weather', 'x' || n, 0, 'quantity_' || q, at, 4 FROM generate_series(0, 49) AS n,
        generate_series(0, 4) AS q,
        generate_series(timestamptz '2026-01-01 00:00+00', '2026-03-31 23:00+00', '1 hour') AS at;
    INSERT INTO container_route_stop (day, begins_at, material, position, site, name, "group", device, observed_at)
    SELECT day, day, 'material-' || m, n, 'box-' || m * 100 + n, '', '', 'c' || n, day
    FROM generate_series(timestamptz '2026-01-01 00:00+00', '2026-12-31 00:00+00', '1 day') AS day,
        generate_series(0, 4) AS m, generate_series(1, 40) AS n;
    INSERT INTO container_emptying (device, emptied_at, site, emptying_ratio, confirmed_at, event_id)
    SELECT 'c' || n, at, 'box-' || n, 0.8, at, gen_random_uuid() FROM generate_series(0, 299) AS n,
        generate_series(timestamptz '2026-01-01 00:00+00', '2026-12-31 00:00+00', '3 days') AS at;
    INSERT INTO parking_phase (site, begin_at, device, occupied)
    SELECT 'bay-' || n, at, 'b' || n, true FROM generate_series(0, 499) AS n,
        generate_series(timestamptz '2026-02-20 00:00+00', '2026-03-20 00:00+00', '3 hours') AS at;
    INSERT INTO parking_zone_history (zone, period, begin_at, audience, end_at, bays, occupied_seconds, known_seconds,
                                      known_ratio, stays_begun, turnover_ratio, stays_ended)
    SELECT 'zone-' || n, period, at, 'operations', at, 20, 0, 0, 1, 0, 0, 0 FROM generate_series(0, 39) AS n,
        unnest(ARRAY['quarter', 'hour']) AS period,
        generate_series(timestamptz '2026-01-01 00:00+00', '2026-03-31 23:00+00', '1 hour') AS at;
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


@pytest.mark.parametrize(
    ("question", "index"),
    [
        # state now: of a zone, a quantity, a device, a site
        ("SELECT site, occupied, since FROM parking_bay WHERE zone = 'zone-7'", "parking_bay_zone"),
        (
            "SELECT device, number FROM device_latest WHERE quantity = 'quantity_7' AND number = 1",
            "device_latest_quantity",
        ),
        ("SELECT quantity, number, text, observed_at FROM device_latest WHERE device = 'x7'", "device_latest_pkey"),
        ("SELECT * FROM parking_bay WHERE site = 'bay-42'", "parking_bay_site"),
        ("SELECT * FROM groundwater_well WHERE site = 'well-42'", "groundwater_well_site"),
        # nights of a segment's lamps, and of the segment
        (
            (
                "SELECT * FROM luminaire_night WHERE segment = 'street-7'"
                " AND night >= '2026-03-01' AND night < '2026-04-01'"
            ),
            "luminaire_night_segment",
        ),
        (
            "SELECT * FROM lighting_segment_night WHERE segment = 'street-7' AND night >= '2026-03-01'",
            "lighting_segment_night_pkey",
        ),
        # the account of a device, and everybody's of a day
        (
            "SELECT * FROM fleet_day WHERE device = 'x42' AND day >= '2026-03-01' AND day < '2026-04-01'",
            "fleet_day_pkey",
        ),
        ("SELECT device, missing, lost FROM fleet_day WHERE day = '2026-03-07 00:00+00'", "fleet_day_day"),
        # a quantity's month by hour
        (
            (
                "SELECT * FROM rollup_hour WHERE device = 'x42' AND quantity = 'quantity_3'"
                " AND bucket >= '2026-03-01 00:00+00' AND bucket < '2026-04-01 00:00+00' ORDER BY bucket"
            ),
            "rollup_hour_pkey",
        ),
        # the list of a day
        (
            "SELECT * FROM container_route_stop WHERE day = '2026-03-07' AND material = 'material-2' ORDER BY position",
            "container_route_stop_pkey",
        ),
        # the stays of a bay, and a zone's week
        (
            (
                "SELECT * FROM parking_phase WHERE site = 'bay-42'"
                " AND begin_at >= '2026-03-02' AND begin_at < '2026-03-09'"
            ),
            "parking_phase_pkey",
        ),
        (
            (
                "SELECT * FROM parking_zone_history WHERE zone = 'zone-7' AND period = 'hour'"
                " AND begin_at >= '2026-03-02' AND begin_at < '2026-03-09' ORDER BY begin_at"
            ),
            "parking_zone_history_pkey",
        ),
    ],
)
def test_reads_one_index_and_nothing_whole(city: Settings, question: LiteralString, index: str) -> None:
    found = plan(city, question)
    assert (found.indexes, found.whole) == ({index}, set())


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


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (
            "SELECT day FROM container_route_stop WHERE site = 'box-142' ORDER BY day DESC LIMIT 10",
            "container_route_stop_site",
        ),
        (
            "SELECT * FROM container_emptying WHERE site = 'box-142' ORDER BY emptied_at DESC LIMIT 10",
            "container_emptying_site",
        ),
    ],
)
def test_what_became_of_a_container_comes_in_the_order_of_the_index(
    city: Settings, question: LiteralString, index: str
) -> None:
    found = plan(city, question)
    assert (found.indexes, found.whole, found.sorts) == ({index}, set(), False)


@pytest.mark.parametrize(
    ("question", "table", "begin", "end"),
    [
        (
            (
                "SELECT * FROM groundwater_level WHERE site = 'well-42'"
                " AND observed_at >= '2026-03-01 00:00+00' AND observed_at < '2026-04-01 00:00+00' ORDER BY observed_at"
            ),
            "groundwater_level",
            "2026-03-01 00:00+00",
            "2026-04-01 00:00+00",
        ),
        (
            (
                "SELECT * FROM luminaire_state WHERE site = 'lamp-42'"
                " AND observed_at >= '2026-03-02 00:00+00' AND observed_at < '2026-03-09 00:00+00' ORDER BY observed_at"
            ),
            "luminaire_state",
            "2026-03-02 00:00+00",
            "2026-03-09 00:00+00",
        ),
    ],
)
def test_the_facts_of_a_site(city: Settings, question: LiteralString, table: str, begin: str, end: str) -> None:
    found = plan(city, question)
    assert (found.indexes, found.whole) == ({f"{table}_site"}, set())
    assert found.chunks == chunks_between(city, table, begin, end)


def test_a_groups_year_of_wells_by_day(city: Settings) -> None:
    found = plan(
        city,
        """SELECT day.*
           FROM (SELECT DISTINCT site FROM site WHERE family = 'groundwater' AND "group" = 'north-3') AS well
           JOIN groundwater_day AS day USING (site)
           WHERE day >= '2026-01-01' AND day < '2027-01-01'""",
    )
    assert "groundwater_day_pkey" in found.indexes
    assert "groundwater_day" not in found.whole
