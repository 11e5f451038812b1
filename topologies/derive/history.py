"""The history of parking zones by quarter of an hour, hour and day of legal time, recomputed from phases of bays.

A stretch of time is counted when it is over. Time itself marks it then, once for each zone, whether anything was
heard in it or not; later whatever changes a phase marks it again. So a row never shows half a stretch, and a car that
stands for days without a word costs a mark each quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import psycopg

from pipeline.core.clock import from_us
from pipeline.core.settings import Settings
from pipeline.database.facts_from import ALWAYS, facts_from
from pipeline.database.queries import load_queries
from topologies.derive.derivation import Derivation, Done
from topologies.derive.marks import taken
from topologies.derive.stays import FACTS, QUARTER_MARK, QUARTER_US, time_us

QUARTER: Final = timedelta(minutes=15)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
REST_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 5.0
ROUND: Final = timedelta(hours=1)
"""No round of derive takes longer."""
MOST: Final = 500
"""Marks in one transaction: so many quarters, with their hours and days, are a fraction of a second's work."""
_QUERIES = load_queries("topologies.derive", "parking.sql")


class Stretch(NamedTuple):
    """A stretch of time of a zone."""

    zone: str
    period: str
    begin_at: datetime
    end_at: datetime


def stretches(quarters: Collection[tuple[str, datetime]], zone_info: ZoneInfo) -> list[Stretch]:
    """The quarters, their hours and their days in legal time, which have 23, 24 or 25 hours."""
    found: set[Stretch] = set()
    for zone, begin_at in quarters:
        local = begin_at.astimezone(zone_info)
        # Hours begin with those of legal time, which everywhere begin with a quarter of an hour of UTC.
        hour = begin_at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        midnight = datetime(local.year, local.month, local.day, tzinfo=zone_info)
        following = local.date() + DAY
        next_midnight = datetime(following.year, following.month, following.day, tzinfo=zone_info)
        found.add(Stretch(zone, "quarter", begin_at, begin_at + QUARTER))
        found.add(Stretch(zone, "hour", hour, hour + HOUR))
        found.add(Stretch(zone, "day", midnight.astimezone(UTC), next_midnight.astimezone(UTC)))
    return sorted(found)


async def derive_history(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
    """Recompute what is marked, in one transaction. Marks first, facts second."""
    async with taken(connection, QUARTER_MARK, min(MOST, settings.derive.batch_marks)) as (cursor, marks):
        if not marks:
            return Done()
        whole_from = (await facts_from(cursor, {FACTS}))[FACTS]
        if whole_from != ALWAYS:
            # Phases go by their end and facts by the day, so phases may lack up to a day more than facts do.
            whole_from += DAY
        as_of = from_us(await time_us(cursor) or 0)
        whole = {(zone, begin_at) for _, zone, begin_at in marks if begin_at >= whole_from}
        wanted = [
            each
            for each in stretches(whole, ZoneInfo(settings.derive.time_zone))
            if each.begin_at >= whole_from and each.end_at <= as_of
        ]
        if wanted:
            zones, periods, begins, ends = zip(*wanted, strict=True)
            await cursor.execute(
                _QUERIES["recompute_history"],
                {"zones": list(zones), "periods": list(periods), "begins": list(begins), "ends": list(ends)},
            )
    return Done(len(marks), sum((zone, begin_at) not in whole for _, zone, begin_at in marks))


def watch_time() -> Derivation:
    """Marks the quarters of an hour that have passed, and those whose bays are described otherwise since.

    Where it went on after a stop is in the rows. A quarter that is over has one as soon as anything has marked it, but
    that a later one has says nothing of it: what changed a phase may have marked that before time did. Sites are looked
    at by the same rounds that write rows, so what was changed long before the newest row was seen.
    """
    passed: datetime | None = None
    described: datetime | None = None

    async def look(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
        nonlocal passed, described
        del settings
        async with connection.transaction(), connection.cursor() as cursor:
            as_of_us = await time_us(cursor)
            if as_of_us is None:
                return Done()
            last = from_us(as_of_us - as_of_us % QUARTER_US) - QUARTER
            now_described, written, has_phases = await _one(cursor, "described_at")
            since = described
            if passed is None and not has_phases:
                return Done()
            if passed is None and written is not None:
                since = written - ROUND
            if passed is None or last > passed:
                begin = None if passed is None else passed + QUARTER
                await cursor.execute(_QUERIES["mark_passed"], {"what": QUARTER_MARK, "from": begin, "to": last})
            if since is not None and now_described is not None and now_described > since:
                await cursor.execute(_QUERIES["mark_described"], {"what": QUARTER_MARK, "since": since})
        passed = last if passed is None else max(passed, last)
        described = now_described or since
        return Done()

    return Derivation(name="parking time", run=look, rest_seconds=LOOK_SECONDS)


async def _one(cursor: psycopg.AsyncCursor[Any], query: str) -> tuple[Any, ...]:
    await cursor.execute(_QUERIES[query])
    row = await cursor.fetchone()
    assert row is not None, "an aggregate has a row"  # noqa: S101  # for the type checker
    return row  # type: ignore[no-any-return]


HISTORY: Final = Derivation(name="zone history", run=derive_history, rest_seconds=REST_SECONDS)
