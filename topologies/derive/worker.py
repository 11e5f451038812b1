"""Derive's loop: one active writer that does what is marked."""

from __future__ import annotations

import time
from typing import Final

from decoders.registry import load
from pipeline.core.retry import sleep_unless
from pipeline.core.stage import Context, Stage
from pipeline.database.connection import connected
from pipeline.database.facts_from import BEYOND_RETENTION
from pipeline.database.queries import load_queries
from pipeline.database.wide import check_wide_tables
from topologies.derive.derivation import Derivation
from topologies.derive.emptyings import EMPTYINGS
from topologies.derive.fleet_days import watch_days
from topologies.derive.fleet_offline import watch_fleet
from topologies.derive.fleet_rules import PUBLISHES as FLEET
from topologies.derive.history import HISTORY, watch_time
from topologies.derive.hours import HOURS
from topologies.derive.lighting import NIGHTS
from topologies.derive.rollups import check_zone, rollups
from topologies.derive.routes import ROUTES
from topologies.derive.stays import STAYS
from topologies.derive.wells import BAROMETERS, WELLS
from topologies.derive.zones import BOARDS, ZONES, watch_sites
from topologies.runtime.turn import wait_for_turn

NAME: Final = "derive"
DERIVATIONS: Final = (ZONES, BOARDS, HOURS, EMPTYINGS, ROUTES, STAYS, HISTORY, NIGHTS, WELLS, BAROMETERS)
_QUERIES = load_queries("topologies.derive")


async def run(context: Context) -> None:
    """Derive until `context.stop`.

    Raises:
        Transient: the database is away.
    """
    settings = context.settings
    async with connected(settings, NAME) as connection:
        await connection.set_autocommit(True)
        if not await wait_for_turn(connection, _QUERIES["lock_derive"], context):
            return
        # A quantity that has no column yet would be missing in what its marks bring about.
        decoders = load().values()
        await check_wide_tables(connection, decoders)
        await check_zone(connection, settings.derive.time_zone)
        look = (watch_sites(), watch_time(), watch_fleet(settings), watch_days(settings))
        due_at = dict.fromkeys((*look, *DERIVATIONS, *rollups(decoders)), 0.0)
        while not context.stop.is_set():
            more = False
            for derivation, at in due_at.items():
                if context.stop.is_set():
                    # Each is a transaction of its own, and all of them together may take longer than a stop may.
                    return
                started = time.perf_counter()
                if started < at:
                    continue
                done = await derivation.run(connection, settings)
                behind = done.more or done.marks >= settings.derive.batch_marks
                more = more or behind
                if done.marks:
                    _count(context, derivation, marks=done.marks, beyond=done.beyond_retention, started=started)
                if not behind:
                    rest = min(derivation.rest_seconds, settings.derive.longest_rest_seconds)
                    due_at[derivation] = time.perf_counter() + rest
            context.progress.moved()
            if not more:
                await sleep_unless(context.stop, settings.derive.poll_seconds)


def _count(context: Context, derivation: Derivation, *, marks: int, beyond: int, started: float) -> None:
    metrics = context.metrics
    metrics.received.inc(marks)
    metrics.add_sent(derivation.name, marks - beyond)
    metrics.add_discarded({BEYOND_RETENTION: beyond} if beyond else {})
    metrics.observe_batch(events=marks, started=started)


STAGE: Final = Stage(
    name=NAME,
    about="Results across devices: recomputes what is marked.",
    run=run,
    order=50,
    publishes=(*(publication for derivation in DERIVATIONS for publication in derivation.publishes), FLEET),
)
