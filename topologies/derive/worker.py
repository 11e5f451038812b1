"""Derive's loop: one active writer that does what is marked."""

from __future__ import annotations

import time
from typing import Final

from pipeline.core.retry import sleep_unless
from pipeline.core.stage import Context, Stage
from pipeline.database.connection import connected
from pipeline.database.facts_from import BEYOND_RETENTION
from pipeline.database.queries import load_queries
from topologies.derive.emptyings import PUBLICATION as EMPTYINGS
from topologies.derive.emptyings import derive_emptyings
from topologies.derive.hours import derive_hours
from topologies.derive.zones import PUBLICATION as ZONES
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
    async with connected(settings, NAME) as connection:
        await connection.set_autocommit(True)
        if not await wait_for_turn(connection, _QUERIES["lock_derive"], context):
            return
        sites = SitesWatch()
        look_at = time.monotonic()
        while not context.stop.is_set():
            if time.monotonic() >= look_at:
                await sites.look(connection)
                look_at = time.monotonic() + _LOOK_SECONDS
            started = time.perf_counter()
            zones = await derive_zones(connection, settings)
            hours = await derive_hours(connection, settings)
            emptyings = await derive_emptyings(connection, settings)
            context.progress.moved()
            if count := zones + hours.marks + emptyings:
                metrics.received.inc(count)
                metrics.add_sent("zones", zones)
                metrics.add_sent("hours", hours.marks - hours.beyond_retention)
                metrics.add_sent("emptyings", emptyings)
                metrics.add_discarded({BEYOND_RETENTION: hours.beyond_retention} if hours.beyond_retention else {})
                metrics.observe_batch(events=count, started=started)
            if max(zones, hours.marks, emptyings) < settings.derive.batch_marks:
                await sleep_unless(context.stop, settings.derive.poll_seconds)


STAGE: Final = Stage(
    name=NAME,
    about="Results across devices: recomputes what is marked.",
    run=run,
    order=50,
    publishes=(ZONES, EMPTYINGS),
)
