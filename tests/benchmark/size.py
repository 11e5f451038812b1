"""How much room a device takes in the database in a year: a generated month, measured table by table.

    size.py [--devices N] [--report FILE]

Rows are made by the database itself, in the order of time as they come in life, and not through the stages: what is
measured is what is left on the disk. Roll-ups are derive's own, of the whole month at once. Each kind has a namespace
of its own, so that its share of `frame` and `link_quality` is seen.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, LiteralString, NamedTuple

# Run as a script, Python looks beside this file first; the repository is meant.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from psycopg import sql  # noqa: E402  # needs the path set above
from rich.console import Console  # noqa: E402  # as above
from rich.filesize import decimal  # noqa: E402  # as above

from decoders.registry import load  # noqa: E402  # as above
from pipeline.core.settings import Retention, Settings  # noqa: E402  # as above
from pipeline.database.catalogue import entry_of  # noqa: E402  # as above
from pipeline.database.connection import Connection, connected  # noqa: E402  # as above
from pipeline.database.families import is_rolled_up, table_of  # noqa: E402  # as above
from pipeline.database.migrate import drop, migrate  # noqa: E402  # as above
from tests.benchmark.installation import fresh_settings  # noqa: E402  # as above
from topologies.derive.rollups import rollups  # noqa: E402  # as above

DAYS: Final = 30
GATEWAYS: Final = 2
YEAR: Final = 365.0


class Kind(NamedTuple):
    """A device of one kind: how often it sends, and what becomes rows of it."""

    name: str
    frames_a_day: int
    family: str
    decoder: str
    payload_bytes: int
    quantities: dict[LiteralString, LiteralString]
    """Column -> an SQL expression of `n`, the number of the frame."""
    facts: LiteralString = ""
    """A table, columns and values of the topology's fact."""


KINDS: Final = (
    Kind(
        "well",
        96,
        "groundwater",
        "decentlab_dl_pr26",
        11,
        {
            "pressure_bar": "0.5 + 0.01 * random()",
            "water_temperature_celsius": "11 + random()",
            "battery_volts": "3.012",
        },
        "groundwater_level (device, observed_at, event_id, pressure_bar, site, reference_hectopascals, column_metres,"
        " offset_metres, level_metres_nhn, depth_metres, is_usable, since, past)"
        " SELECT device, at, id, 0.5 + 0.01 * random(), 'gwm-' || n, 0, 2.28 + random(), 0, 30.48 + random(),"
        " 13.8 + random(), true, at, ARRAY[1e15, -14.6, 30.48, 13.8, NULL, 1e15, 0.000311, NULL, NULL, NULL, 1e15,"
        " -14.6] FROM moment ORDER BY at",
    ),
    Kind(
        "bay",
        40,
        "parking",
        "bosch_tps110",
        2,
        {"occupied": "n % 2 = 0", "device_temperature_celsius": "round(20 * random())"},
        "parking_observation (device, observed_at, event_id, reported, site, zone, occupied, since)"
        " SELECT device, at, id, n % 2 = 0, 'bay-' || device, 'Königstraße', n % 2 = 0, at FROM moment ORDER BY at",
    ),
    Kind(
        "container",
        24,
        "container",
        "milesight_em310_udl",
        10,
        {"distance_metres": "round((2 * random())::numeric, 3)", "tilted": "false", "battery_ratio": "0.97"},
        "container_level (device, observed_at, event_id, distance_metres, tilted, site, fill_ratio, is_full, since)"
        " SELECT device, at, id, 1.234, false, 'huels-' || device, 0.5, false, at FROM moment ORDER BY at",
    ),
    Kind(
        "lamp",
        48,
        "lighting",
        "nas_ul20xx",
        20,
        {
            "dimming_ratio": "0.7",
            "lamp_on": "n % 2 = 0",
            "active_power_watts": "41 + random()",
            "active_energy_watt_hours": "100000 + n",
            "lamp_on_seconds": "360000 + n * 1800",
            "driver_operating_seconds": "720000 + n * 1800",
            "power_factor_ratio": "0.97",
            "mains_volts": "230 + random()",
            "device_temperature_celsius": "round(20 * random())",
            "device_time_unix_seconds": "1780272000 + n * 1800",
        },
        "luminaire_state (device, observed_at, event_id, dimming_ratio, lamp_on, lamp_failure, driver_failure,"
        " energy_channel, lamp_channel, site, segment, rated_watts, night, prior_at, burning, since, until_at,"
        " should_burn, level_ratio, draws_watts, lamp_fault, driver_fault, meter, lamp_meter)"
        " SELECT device, at, id, 0.7, true, false, false, 0, 0, 'westwall-' || n, 'westwall', 42, at, at, true, at, at,"
        " true, 0.7, 29.4, false, false, ARRAY[0, 655826, 1e15, NULL, NULL], ARRAY[10, 24359266, 1e15, NULL, NULL]"
        " FROM moment ORDER BY at",
    ),
    Kind(
        "home's meter",
        2,
        "water",
        "axioma_qalcosonic_w1",
        51,
        {"water_volume_litres": "72000 + n"},
        "water_consumption (device, observed_at, event_id, volumes, cleared, site, used_litres, track)"
        " SELECT device, at, id, (SELECT jsonb_agg(ARRAY[1795431600000000 + h, 72484 + n + h]) FROM"
        " generate_series(1, 15) AS h), '{meter_fault,meter_disturbed,leak,burst,backflow,frost}', 'wz-' || n, 79,"
        " '[1e15, 72704, 1e15, 72704, 1e15, 1e15, null, [[1e15, 0.5], [1e15, 2.5]]]' FROM moment ORDER BY at",
    ),
)
"""How often: as the simulator's devices send; a bay at each of 16 changes a day and once an hour."""

MOMENTS: Final = sql.SQL("""
    CREATE TEMPORARY TABLE moment AS
    SELECT lpad(to_hex(d), 16, '0') AS device, n, gen_random_uuid() AS id,
        timestamptz '2026-06-01 00:00+00' + (n + random()) * interval '1 day' / {frames} AS at
    FROM generate_series(1, {devices}) AS d, generate_series(0, {days} * {frames} - 1) AS n;
    ANALYZE moment;
    INSERT INTO frame (event_id, observed_at, device, event, verdict, frame_id, dev_addr, f_cnt, f_port, data_rate,
                       spreading_factor, payload_bytes, decoder, decoder_version, ingested_at, raw_partition,
                       raw_offset)
    SELECT id, at, device, 'up', 'accepted', gen_random_uuid(), '260b1234', n, 1, 5, 7, {payload}, {decoder}, '1.0.0',
        at, 3, n FROM moment ORDER BY at;
    INSERT INTO link_quality (event_id, gateway, observed_at, device, rssi_dbm, snr_db)
    SELECT id, '0016c001f153a14' || gateway, at, device, -97, 7.5
    FROM moment, generate_series(1, {gateways}) AS gateway ORDER BY at;
    INSERT INTO {table} (device, observed_at, event_id, f_cnt, decoder, decoder_version, ingested_at, raw_partition,
                         raw_offset, {columns})
    SELECT device, at, id, n, {decoder}, '1.0.0', at, 3, n, {values} FROM moment ORDER BY at;
    INSERT INTO fleet_frame (device, observed_at, event_id, raw_offset, event, is_copy, profile, family, gateways, site,
                             known_family, gaps, interval_seconds, due_at, usual, missed)
    SELECT device, at, id, n, 'up', false, {decoder}, 'a family', heard.by, 'site-' || device, 'a family',
        '{{300,301,301,300,300,301,301,301}}', 301, at, heard.by, '{{0,0}}'
    FROM moment, (VALUES ('{{0016c001f153a141,0016c001f153a142}}'::text[])) AS heard (by) ORDER BY at;
""")

MARKS: Final[LiteralString] = """
    INSERT INTO rollup_mark (family, device, bucket)
    SELECT DISTINCT %(family)s, device, date_bin('15 minutes', at, 'epoch') FROM moment
"""


class Share(NamedTuple):
    """What one device leaves in one table."""

    kind: Kind
    table: str
    bytes_a_year: float
    bytes_a_row: float
    kept_days: int


async def measure(settings: Settings, kind: Kind, devices: int) -> list[Share]:
    """A month of some devices of one kind, in a namespace of its own."""
    await migrate(settings, load().values())
    try:
        async with connected(settings, "size") as connection:
            await connection.execute(
                MOMENTS.format(
                    frames=sql.Literal(kind.frames_a_day),
                    devices=sql.Literal(devices),
                    days=sql.Literal(DAYS),
                    gateways=sql.Literal(GATEWAYS),
                    payload=sql.Literal(kind.payload_bytes),
                    decoder=sql.Literal(kind.decoder),
                    table=sql.Identifier(table_of(kind.family)),
                    columns=sql.SQL(", ").join(map(sql.Identifier, kind.quantities)),
                    values=sql.SQL(", ").join(map(sql.SQL, kind.quantities.values())),
                )
            )
            if kind.facts:
                await connection.execute(sql.SQL("INSERT INTO ") + sql.SQL(kind.facts))
            if is_rolled_up(kind.family):
                await connection.execute(MARKS, {"family": kind.family})
            await connection.commit()
            for derivation in rollups(load().values()):
                while (await derivation.run(connection, settings)).more:
                    pass
            return await _shares(connection, kind, devices, settings.retention)
    finally:
        await drop(settings)


async def _shares(connection: Connection, kind: Kind, devices: int, retention: Retention) -> list[Share]:
    cursor = await connection.execute(
        """SELECT hypertable_name::text,
                  sum(pg_total_relation_size(format('%I.%I', chunk_schema, chunk_name)::regclass))::bigint
           FROM timescaledb_information.chunks WHERE hypertable_schema = current_schema() GROUP BY 1 ORDER BY 1"""
    )
    found = []
    for table, size in await cursor.fetchall():
        await cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
        ((rows,),) = await cursor.fetchall()
        entry = entry_of(table)
        days = getattr(retention, entry.kept) if entry is not None and entry.kept else 0
        found.append(Share(kind, table, size / devices / DAYS * YEAR, size / rows, days))
    return found


def report_of(shares: list[Share], version: str, devices: int) -> str:
    """The page."""
    lines = [
        "# Size per device and year",
        "",
        f"Made by `.venv/bin/python tests/benchmark/size.py --devices {devices}` on {datetime.now(UTC):%Y-%m-%d}:",
        f"{DAYS} days, {GATEWAYS} gateways for each frame, TimescaleDB {version} without compression, indexes and page",
        "overhead included. A year is 365 / 30 of what was measured.",
        "",
        "| device | frames a day | table | bytes a row | a year | kept (default) | at rest |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for share in shares:
        rest = share.bytes_a_year * share.kept_days / YEAR
        lines.append(
            f"| {share.kind.name} | {share.kind.frames_a_day} | `{share.table}` | {share.bytes_a_row:.0f} |"
            f" {decimal(round(share.bytes_a_year))} |"
            + (f" {share.kept_days} d | {decimal(round(rest))} |" if share.kept_days else " for ever | grows |")
        )
    lines += ["", "| device | a year | at rest |", "|---|---:|---:|"]
    for kind in KINDS:
        mine = [share for share in shares if share.kind is kind]
        year = sum(share.bytes_a_year for share in mine)
        rest = sum(share.bytes_a_year * share.kept_days / YEAR for share in mine)
        lines.append(f"| {kind.name} | {decimal(round(year))} | {decimal(round(rest))} |")
    lines += [
        "",
        "At rest is what a device takes once retention drops as much as comes in; besides, what is kept for",
        "ever grows.",
        "",
    ]
    return "\n".join(lines)


async def work(devices: int) -> str:
    """Measure all kinds; returns the page."""
    out = Console(highlight=False)
    shares: list[Share] = []
    for kind in KINDS:
        shares += await measure(fresh_settings(), kind, devices)
        out.print(f"{kind.name}: {sum(each.bytes_a_year for each in shares if each.kind is kind) / 1e6:.1f} MB a year")
    async with connected(fresh_settings(), "size") as connection:
        cursor = await connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
        ((version,),) = await cursor.fetchall()
    return report_of(shares, version, devices)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="size.py", description="How much room a device takes in a year.")
    parser.add_argument("--devices", type=int, default=50, metavar="N", help="of each kind (default 50)")
    parser.add_argument("--report", type=Path, default=Path("docs/benchmarks/size.md"), metavar="FILE")
    given = parser.parse_args()
    given.report.write_text(asyncio.run(work(given.devices)))


if __name__ == "__main__":
    main()
