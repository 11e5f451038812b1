"""Derive's loop: one active writer that does what is marked."""

from __future__ import annotations

import time
from typing import Final

from decoders.registry import load
from pipeline.core.retry import sleep_unless
from pipeline.core.stage import Context, Stage
from pipeline.database.connection import connected
from pipeline.database.migrate import check_wide_tables
from pipeline.database.queries import load_queries
from topologies.derive.hours import derive_hours
from topologies.derive.rollups import Rollups, rolled_up
from topologies.derive.zones import SitesWatch, derive_zones
from topologies.runtime.turn import wait_for_turn

NAME: Final = "derive"
_QUERIES = load_queries("topologies.derive")
_LOOK_SECONDS: Final = 2.0


async def run(context: Context) -> None:
    """Derive until `context.stop`.

    Raises:
        Transient: the database is away.
    """
    settings, metrics = context.settings, context.metrics
    decoders = load()
    rollups = Rollups(rolled_up(decoders.values()), settings)
    async with connected(settings, NAME) as connection:
        await connection.set_autocommit(True)
        if not await wait_for_turn(connection, _QUERIES["lock_derive"], context):
            return
        # A quantity that has no column yet would be missing in what its marks bring about.
        await check_wide_tables(connection, decoders.values())
        await rollups.prepare(connection)
        sites = SitesWatch()
        look_at = roll_at = time.monotonic()
        while not context.stop.is_set():
            if time.monotonic() >= look_at:
                await sites.look(connection)
                look_at = time.monotonic() + _LOOK_SECONDS
            started = time.perf_counter()
            zones = await derive_zones(connection, settings)
            hours = rolled = 0
            more = zones == settings.derive.batch_marks
            if time.monotonic() >= roll_at:
                hours = await derive_hours(connection, settings)
                behind = hours == settings.derive.batch_marks
                for family in rollups.families:
                    marks, more_marks = await rollups.derive(connection, family)
                    behind = behind or more_marks
                    rolled += marks
                    # A display board does not wait for last year's roll-ups.
                    zones += await derive_zones(connection, settings)
                more = more or behind
                roll_at = time.monotonic() + (0 if behind else settings.derive.rollup_seconds)
            context.progress.moved()
            if count := zones + hours + rolled:
                metrics.received.inc(count)
                metrics.add_sent("zones", zones)
                metrics.add_sent("hours", hours)
                metrics.add_sent("rollups", rolled)
                metrics.observe_batch(events=count, started=started)
            if not more:
                await sleep_unless(context.stop, settings.derive.poll_seconds)


STAGE: Final = Stage(name=NAME, about="Results across devices: recomputes what is marked.", run=run, order=50)
