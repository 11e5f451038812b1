"""Derive's loop: one active writer that does what is marked."""

from __future__ import annotations

import time
from typing import Final

from pipeline.core.retry import sleep_unless
from pipeline.core.stage import Context, Stage
from pipeline.database.connection import connected
from pipeline.database.facts_from import BEYOND_RETENTION
from pipeline.database.queries import load_queries
from topologies.derive.derivation import Derivation
from topologies.derive.emptyings import EMPTYINGS
from topologies.derive.hours import HOURS
from topologies.derive.routes import ROUTES
from topologies.derive.zones import ZONES, watch_sites
from topologies.runtime.turn import wait_for_turn

NAME: Final = "derive"
DERIVATIONS: Final = (ZONES, HOURS, EMPTYINGS, ROUTES)
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
        due_at = dict.fromkeys((watch_sites(), *DERIVATIONS), 0.0)
        while not context.stop.is_set():
            most = 0
            for derivation, at in due_at.items():
                started = time.perf_counter()
                if started < at:
                    continue
                done = await derivation.run(connection, settings)
                most = max(most, done.marks)
                if done.marks:
                    _count(context, derivation, marks=done.marks, beyond=done.beyond_retention, started=started)
                if done.marks < settings.derive.batch_marks:
                    rest = min(derivation.rest_seconds, settings.derive.longest_rest_seconds)
                    due_at[derivation] = time.perf_counter() + rest
            context.progress.moved()
            if most < settings.derive.batch_marks:
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
    publishes=tuple(publication for derivation in DERIVATIONS for publication in derivation.publishes),
)
