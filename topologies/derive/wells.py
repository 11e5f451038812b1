"""Hours, days and trends of wells, recomputed from the levels of the hours that are marked.

A well keeps its history when its probe is replaced: all of this is by site. Days are derived from hours, and trends
too, so each of them follows from the facts alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from statistics import median
from typing import Any, Final, NamedTuple

import psycopg

from pipeline.core.clock import to_us
from pipeline.core.settings import Settings
from pipeline.database.facts_from import facts_from
from pipeline.database.queries import load_queries
from topologies.derive.derivation import Derivation, Done
from topologies.derive.marks import taken
from topologies.groundwater.logic import HOUR_MARK
from topologies.groundwater.surroundings import GAP_US
from topologies.runtime.slopes import slopes_per_day

_QUERIES = load_queries("topologies.derive", "wells.sql")
_FACTS: Final = "groundwater_level"
PRESSURE_MARK: Final = "air_pressure"
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_FEWEST: Final = 6
"""From fewer hours, or from less than half of the time, nothing is concluded."""
_REST_SECONDS: Final = 10.0
_PRESSURE_REST_SECONDS: Final = 2.0


class Hour(NamedTuple):
    """A well's mean level in an hour."""

    begin: datetime
    mean: float


async def derive_wells(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
    """Recompute what is marked, in one transaction. Marks first, facts second."""
    async with taken(connection, HOUR_MARK, settings.derive.batch_marks) as (cursor, marks):
        if not marks:
            return Done()
        begin = (await facts_from(cursor, {_FACTS}))[_FACTS]
        whole = [(mark.subject, mark.bucket) for mark in marks if mark.bucket >= begin]
        await cursor.execute(_QUERIES["recompute_hours"], _columns(whole))
        changed = await cursor.fetchall()
        if changed:
            await cursor.execute(_QUERIES["recompute_days"], _columns(changed))
            await _derive_trends(cursor, changed)
    return Done(len(marks), len(marks) - len(whole))


async def _derive_trends(cursor: psycopg.AsyncCursor[Any], changed: Sequence[tuple[Any, ...]]) -> None:
    await cursor.execute(_QUERIES["read_week"], _columns(changed))
    rows = await cursor.fetchall()
    trends = [
        (site, hours[-1].begin, trend_of(hours, _DAY), trend_of(hours, _WEEK))
        for site, hours in (
            (site, [Hour(begin, mean) for _, begin, mean in mine]) for site, mine in groupby(rows, lambda row: row[0])
        )
    ]
    if trends:
        sites, newest, days, weeks = map(list, zip(*trends, strict=True))
        await cursor.execute(_QUERIES["keep_trends"], {"sites": sites, "hours": newest, "days": days, "weeks": weeks})
    await cursor.execute(_QUERIES["forget_trends"], {"sites": sorted({site for site, _ in changed})})


def trend_of(hours: Sequence[Hour], span: timedelta) -> float | None:
    """Metres per day over the last stretch of time of some hours, in order; None where they are too few."""
    mine = [hour for hour in hours if hour.begin > hours[-1].begin - span]
    if len(mine) < _FEWEST or mine[-1].begin - mine[0].begin < span / 2:
        return None
    return median(slopes_per_day([to_us(hour.begin) for hour in mine], [hour.mean for hour in mine]))


def _columns(rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    rows = list(rows)
    return {"sites": [site for site, _ in rows], "hours": [hour for _, hour in rows]}


async def request_wells(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
    """Have the wells computed anew whose barometers have told something."""
    async with taken(connection, PRESSURE_MARK, settings.derive.batch_marks) as (cursor, marks):
        if not marks:
            return Done()
        told = {"devices": [mark.subject for mark in marks], "times": [mark.bucket for mark in marks]}
        await cursor.execute(_QUERIES["request_wells"], {**told, "gap": timedelta(microseconds=GAP_US)})
    return Done(len(marks))


WELLS: Final = Derivation(name="wells", run=derive_wells, rest_seconds=_REST_SECONDS)
BAROMETERS: Final = Derivation(name="barometers", run=request_wells, rest_seconds=_PRESSURE_REST_SECONDS)
