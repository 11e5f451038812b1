"""Roll-ups: marks derived per second, and what a live reading costs the database.

Readings are made by the database itself: a history that is rolled up first, and what gathers behind it, whose working
off is measured.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final, LiteralString, NamedTuple

from decoders.registry import load
from pipeline.core.settings import Settings
from pipeline.database.connection import Connection, connected
from pipeline.database.migrate import drop, migrate
from tests.benchmark.bench import Bench
from tests.benchmark.figures import Figure
from tests.benchmark.installation import fresh_settings
from topologies.derive.rollup_queries import families_of
from topologies.derive.rollups import Quarters

READING_MS: Final = 0.5
TRANSACTION_MS: Final = 250.0
NOW: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)
_FILL: Final[LiteralString] = """
    INSERT INTO reading_weather (
        device, observed_at, event_id, f_cnt, decoder, decoder_version, ingested_at, raw_partition, raw_offset,
        air_temperature_celsius, relative_humidity_ratio, wind_speed_metres_per_second, wind_direction_degrees,
        rain_total_millimetres, battery_volts
    )
    SELECT lpad(to_hex(device), 16, '0'), at + device * interval '1 ms', gen_random_uuid(), n, 'x', '1', at, 0, 1,
           20 * random(), random(), 5 * random(), 360 * random(), 0.2 * n, 3.6
    FROM generate_series(%(begin)s::timestamptz, %(end)s - interval '1 s', %(interval)s) WITH ORDINALITY AS t (at, n),
         generate_series(1, %(devices)s) AS device
    ORDER BY 2
"""
_MARK: Final[LiteralString] = """
    INSERT INTO rollup_mark (family, device, bucket)
    SELECT 'weather', device, date_bin('15 minutes', observed_at, 'epoch') FROM reading_weather
    WHERE observed_at >= %(begin)s AND observed_at < %(end)s
"""


class Pace(NamedTuple):
    """How devices speak, and how long their marks gather."""

    name: str
    devices: int
    interval: timedelta
    history: timedelta
    gathering: timedelta


PACES: Final = (
    Pace("each 10 s", 400, timedelta(seconds=10), timedelta(minutes=10), timedelta(minutes=5)),
    Pace("each hour", 4000, timedelta(hours=1), timedelta(hours=3), timedelta(hours=1)),
)


async def derive(bench: Bench) -> None:
    """What gathers is worked off; wall time of the database's transactions, which nobody else uses."""
    for pace in PACES:
        bench.say(f"derive: roll-ups, {pace.name}")
        settings = fresh_settings()
        await migrate(settings, load().values())
        try:
            async with connected(settings, "benchmark") as connection:
                await connection.set_autocommit(True)
                bench.figures += await _rolled_up(connection, settings, pace)
        finally:
            await drop(settings)


async def _rolled_up(connection: Connection, settings: Settings, pace: Pace) -> list[Figure]:
    quarters = Quarters(families_of(load().values()))
    for begin, end in ((NOW - pace.history, NOW), (NOW, NOW + pace.gathering)):
        times = {"begin": begin, "end": end}
        await connection.execute(_FILL, {**times, "interval": pace.interval, "devices": pace.devices})
        await connection.execute(_MARK, times)
        seconds: list[float] = []
        marks, more = 0, True
        while more:
            started = time.perf_counter()
            done = await quarters.derive(connection, settings)
            seconds.append(time.perf_counter() - started)
            marks, more = marks + done.marks, done.more
    section = f"derive, weather stations that speak {pace.name}"
    per_reading = sum(seconds) / marks * 1000
    return [
        Figure(section=section, name="marks of roll-ups", unit="marks/s", values=[marks / sum(seconds)]),
        Figure(section=section, name="a reading", unit="ms", values=[per_reading], target=READING_MS, at_most=True),
        Figure(
            section=section,
            name="longest transaction",
            unit="ms",
            values=[max(seconds) * 1000],
            target=TRANSACTION_MS,
            at_most=True,
        ),
    ]
