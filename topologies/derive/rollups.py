"""Roll-ups of every quantity of every family by quarter of an hour, hour and day.

The store marks the quarters of each device that it wrote into. None is ever added to: the marked ones are computed anew
from their readings, by the kind of each quantity, hours from their quarters and days from their hours. So neither the
age of a reading nor its repetition is a special case, and a plugin's quantity comes out like ours. Marks gather for
some minutes, and many devices are one statement: a live reading costs little.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, groupby
from typing import Any, Final, NamedTuple

import psycopg

from decoders.api import Decoder
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Derive, Settings
from pipeline.database.facts_from import ALWAYS, facts_from
from topologies.derive.derivation import Derivation, Done
from topologies.derive.rollup_queries import (
    HOUR,
    HOURS,
    QUARTER,
    QUARTERS,
    QUERIES,
    TO_DAYS,
    TO_HOURS,
    Family,
    Step,
    families_of,
)


class Marked(NamedTuple):
    """A time of a device whose roll-ups are to be recomputed, with all its marks."""

    family: str
    device: str
    bucket: datetime
    ids: Sequence[int]


class Bucket(NamedTuple):
    """A quarter of an hour, hour or day of a device."""

    device: str
    begins_at: datetime


_FIRST: Final = Marked("", "", ALWAYS, ())._asdict()


_REST_SECONDS: Final = 300.0
"""What a device sends meanwhile is computed once."""
_REST_OF_DAYS_SECONDS: Final = 3600.0
"""Their hours settle first."""
_READINGS: Final = 8
"""Marks for each time of a device, on average, in one transaction: devices that speak all the time have fewer times."""


class _Round:
    """Works off marks of one length in the order of families and devices; what comes behind it waits for the next."""

    minutes: int

    def __init__(self, families: Mapping[str, Family]) -> None:
        self._families = families
        self._after = _FIRST

    async def derive(self, connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
        """Recompute a batch of what is marked, in one transaction. Marks first, facts second."""
        most = settings.derive.rollup_buckets
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.execute(QUERIES["read_marks"], {"minutes": self.minutes, "most": most, **self._after})
            found = [Marked(*row) for row in await cursor.fetchall()]
            marked = _at_most(found, most * _READINGS)
            beyond = await self._recompute(cursor, marked, settings.derive)
            ids = [mark for each in marked for mark in each.ids]
            if marked:
                first = {f"from_{name}": value for name, value in marked[0]._asdict().items()}
                done = {"minutes": self.minutes, **first, **marked[-1]._asdict(), "ids": ids}
                await cursor.execute(QUERIES["delete_marks"], done, prepare=False)
        more = len(marked) < len(found) or len(found) == most
        self._after = marked[-1]._asdict() if more else _FIRST
        return Done(len(ids), beyond, more=more)

    async def _recompute(self, cursor: psycopg.AsyncCursor[Any], marked: Sequence[Marked], settings: Derive) -> int:
        """Returns how many marks are beyond retention."""
        # Of a family that is not installed any more nobody knows the kinds: its roll-ups stay as they are.
        by_family = {
            self._families[name]: list(group)
            for name, group in groupby(marked, lambda each: each.family)
            if name in self._families
        }
        if not by_family:
            return 0
        begins = await facts_from(cursor, {QUARTERS, HOURS, *(family.table for family in by_family)})
        beyond = 0
        for family, group in by_family.items():
            begin = self._whole_from(family, begins)
            buckets = {Bucket(each.device, each.bucket) for each in group if each.bucket >= begin}
            beyond += sum(len(each.ids) for each in group if each.bucket < begin)
            if buckets:
                await self._roll_up(cursor, family, buckets, begins=begins, settings=settings)
        return beyond

    def _whole_from(self, family: Family, begins: Mapping[str, datetime]) -> datetime:
        raise NotImplementedError

    async def _roll_up(
        self,
        cursor: psycopg.AsyncCursor[Any],
        family: Family,
        buckets: Collection[Bucket],
        *,
        begins: Mapping[str, datetime],
        settings: Derive,
    ) -> None:
        raise NotImplementedError


class Quarters(_Round):
    """Quarters from readings, and hours from quarters."""

    minutes = 15

    def _whole_from(self, family: Family, begins: Mapping[str, datetime]) -> datetime:
        return max(begins[family.table], begins[QUARTERS])

    async def _roll_up(
        self,
        cursor: psycopg.AsyncCursor[Any],
        family: Family,
        buckets: Collection[Bucket],
        *,
        begins: Mapping[str, datetime],
        settings: Derive,
    ) -> None:
        gaps = {
            "state_gap": timedelta(hours=settings.state_gap_hours),
            "counter_gap": timedelta(days=settings.counter_gap_days),
        }
        gap = max(gaps.values())
        values: dict[str, Any] = {**family.values, **gaps}
        touched = set(buckets)
        if family.is_connected:
            await cursor.execute(family.reach, values | _spread(buckets, QUARTER + gap), prepare=False)
            touched |= {Bucket(*row) for row in await cursor.fetchall()}
        values["before"] = min(touched, key=_begin_of).begins_at - gap
        quarters = await _keep(cursor, family.to_quarters, touched, values)
        begin = max(self._whole_from(family, begins), begins[HOURS])
        hours = {Bucket(device, bucket.replace(minute=0)) for device, bucket in quarters}
        hours = {hour for hour in hours if hour.begins_at >= begin}
        if hours and (changed := await _keep(cursor, TO_HOURS, hours, family.values | _as("UTC", TO_HOURS))):
            # Days are done when their hours have settled: a device speaks a hundred times a day.
            days = {"family": family.values["family"], "zone": settings.time_zone, **_spread(changed, HOUR)}
            await cursor.execute(QUERIES["mark_days"], days, prepare=False)


class Days(_Round):
    """Days from hours."""

    minutes = 1440

    def _whole_from(self, family: Family, begins: Mapping[str, datetime]) -> datetime:
        del family
        return begins[HOURS]

    async def _roll_up(
        self,
        cursor: psycopg.AsyncCursor[Any],
        family: Family,
        buckets: Collection[Bucket],
        *,
        begins: Mapping[str, datetime],
        settings: Derive,
    ) -> None:
        del begins
        await _keep(cursor, TO_DAYS, buckets, family.values | _as(settings.time_zone, TO_DAYS))


def _at_most(found: Sequence[Marked], marks: int) -> Sequence[Marked]:
    """As many from the first one on as have that many marks; one at least."""
    counts = accumulate(len(each.ids) for each in found)
    return [each for each, count in zip(found, counts, strict=True) if count <= marks] or found[:1]


async def _keep(
    cursor: psycopg.AsyncCursor[Any], step: Step, buckets: Collection[Bucket], values: Mapping[str, Any]
) -> set[Bucket]:
    """Recompute buckets; returns those in which something has changed."""
    # Planned each time: the times in it say which chunks it is about.
    await cursor.execute(step.recompute, {**values, **_spread(buckets, step.at_most)}, prepare=False)
    rows = await cursor.fetchall()
    lost = [row for row in rows if row[2] is not None]
    if lost:
        names = ("device", "bucket", "quantity", "channel")
        await cursor.executemany(
            step.drop, [{"family": values["family"], **dict(zip(names, row, strict=True))} for row in lost]
        )
    return {Bucket(device, bucket) for device, bucket, _, _ in rows}


def _as(zone: str, step: Step) -> dict[str, Any]:
    return {"zone": zone, "length": step.length}


def _begin_of(bucket: Bucket) -> datetime:
    return bucket.begins_at


def _spread(buckets: Collection[Bucket], length: timedelta) -> dict[str, Any]:
    """The buckets as a query has them, and the time that holds all of them."""
    devices, begins = map(list, zip(*sorted(buckets), strict=True))
    return {"devices": devices, "buckets": begins, "begin": min(begins), "end": max(begins) + length}


def rollups(decoders: Iterable[Decoder]) -> tuple[Derivation, ...]:
    """The derivations; they read the vocabulary once."""
    families = families_of(decoders)
    quarters, days = Quarters(families), Days(families)
    return (
        Derivation(name="rollups", run=quarters.derive, rest_seconds=_REST_SECONDS),
        Derivation(name="rollup_days", run=days.derive, rest_seconds=_REST_OF_DAYS_SECONDS),
    )


async def check_zone(connection: psycopg.AsyncConnection[Any], zone: str) -> None:
    """Refuse a time zone by which the database cannot make days.

    Raises:
        SettingsError: it does not know it, or its days do not begin with an hour of UTC.
    """
    cursor = await connection.execute(QUERIES["knows_zone"], {"zone": zone})
    if await cursor.fetchone() != (True,):
        raise SettingsError(
            "setting derive.time_zone: the database knows no such time zone, or its days do not begin with an hour of "
            f"UTC; expected: a name such as Europe/Berlin; given: {zone!r}"
        )
