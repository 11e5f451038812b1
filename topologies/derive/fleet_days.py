"""What each device sent a day, and how it was heard: recomputed from `frame` and `link_quality` where the store marks.

The fleet topology has seen the same events on a way of its own: what it saw and the store did not store is lost inside,
and there must be none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from decoders.registry import load
from pipeline.city.read import load_city
from pipeline.core import topics
from pipeline.core.clock import to_us
from pipeline.core.settings import Settings
from pipeline.database.facts_from import facts_from
from pipeline.database.families import quantities_by_family, table_of
from topologies.derive.derivation import Derivation, Done
from topologies.derive.fleet_account import Account, Event, Session, account, battery_days_left
from topologies.derive.fleet_alerts import DayAlerts
from topologies.derive.fleet_look import QUERIES
from topologies.derive.marks import delete
from topologies.runtime import rows

MOST_DAYS: Final = 200
"""Days of devices in one transaction: nobody else waits longer than that takes."""
BATTERY_DAYS: Final = 90
RULE_DAYS: Final = 14
"""So many days before one that changed are looked at for what began or ended with it."""
_REST_SECONDS: Final = 300.0
_DAY: Final = timedelta(days=1)
_FACTS: Final = ("frame", "link_quality", "fleet_frame")
_BATTERY: Final = ("battery_ratio", "battery_low")

Cursor = psycopg.AsyncCursor[Any]
Key = tuple[str, datetime]


class Day(NamedTuple):
    """A row of `fleet_day`."""

    device: str
    day: datetime
    received: int
    accepted: int
    no_payload: int
    ignored: int
    rejected: int
    copies: int
    sessions: int
    joins: int
    resets: int
    missing: int
    lost: int
    spreading_factor: float | None
    rssi_dbm: float | None
    snr_db: float | None
    gateways: float | None
    battery_ratio: float | None
    battery_low: bool | None
    battery_days_left: float | None


def watch_days(settings: Settings) -> Derivation:
    """The derivation with the rules of the installation's city and the batteries of its decoders."""
    city = load_city(settings)
    batteries = [
        _battery_query(family, columns)
        for family, columns in quantities_by_family(load().values()).items()
        if any(name in columns for name in _BATTERY)
    ]

    async def run(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.execute(QUERIES["read_day_marks"], {"most": MOST_DAYS})
            marks = await cursor.fetchall()
            if not marks:
                return Done()
            begins = await facts_from(cursor, _FACTS)
            whole_from = max(begins["frame"], begins["link_quality"])
            wanted = {(str(device), day) for device, day, _ in marks if day >= whole_from}
            if wanted:
                days = _Days(cursor, settings, batteries, signs_from=begins["fleet_frame"])
                changed, known = await days.recompute(wanted)
                if changed:
                    await DayAlerts(cursor, settings, city).raise_for(changed, known)
            ids = [identity for _, _, mine in marks for identity in mine]
            await delete(cursor, ids)
        beyond = sum(len(mine) for _, day, mine in marks if day < whole_from)
        return Done(len(ids), beyond, more=len(marks) == MOST_DAYS)

    return Derivation(name="days", run=run, rest_seconds=_REST_SECONDS)


class _Days:
    """Days of devices, in one transaction."""

    def __init__(
        self, cursor: Cursor, settings: Settings, batteries: Sequence[sql.Composed], *, signs_from: datetime
    ) -> None:
        self._cursor = cursor
        self._topic = settings.namespace + topics.FRAME
        self._batteries = batteries
        self._signs_from = signs_from

    async def recompute(self, wanted: Collection[Key]) -> tuple[set[str], dict[Key, Day]]:
        """Hold days against what came; returns whose changed, and the days of these devices of late."""
        devices, days = _columns(wanted)
        more = await self._rows(QUERIES["neighbours"], devices=devices, days=days)
        keys = sorted({*wanted, *((str(device), day) for device, day in more)})
        devices, days = _columns(keys)
        where = {"devices": devices, "days": days}
        accounts = await self._accounts(keys, where)
        links = _by_key(await self._rows(QUERIES["links"], **where))
        lost = _by_key(await self._rows(QUERIES["lost"], topic=self._topic, **where))
        batteries = await self._last_batteries(where)
        points = await self._points(batteries)
        since = min(days) - timedelta(days=RULE_DAYS)
        known = {
            (row[0], row[1]): Day(*row)
            for row in await self._rows(QUERIES["known_days"], devices=sorted(set(devices)), since=since)
        }
        changed: list[Day] = []
        for key in keys:
            before = known.get(key)
            signs_are_whole = key[1] >= self._signs_from
            # What retention has taken of the signs of life stays as it was counted.
            gone = 0 if before is None else before.lost
            ratio, low = batteries.get(key, (None, None))
            if before is not None and not signs_are_whole and ratio is None and low is None:
                ratio, low = before.battery_ratio, before.battery_low
                if ratio is not None:
                    points.setdefault(key[0], {})[key[1]] = ratio
            counted = accounts[key]
            if before is None and not (counted.received or counted.copies or counted.joins or lost.get(key)):
                # History of another day spoke of it.
                continue
            after = _day(
                key,
                counted,
                lost=lost.get(key, (0,))[0] if signs_are_whole else gone,
                link=links.get(key, (None,) * 4),
                battery=(ratio, low, None if ratio is None else _days_left(points[key[0]], key[1])),
            )
            if after != before:
                known[key] = after
                changed.append(after)
        await self._keep(changed, keys, accounts, where)
        return {day.device for day in changed}, known

    async def _rows(self, query: Any, **parameters: Any) -> Sequence[tuple[Any, ...]]:
        await self._cursor.execute(query, parameters)
        return await self._cursor.fetchall()

    async def _accounts(self, keys: Sequence[Key], where: Mapping[str, Any]) -> dict[Key, Account]:
        earlier: dict[Key, list[Event]] = {key: [] for key in keys}
        events: dict[Key, list[Event]] = {key: [] for key in keys}
        for device, day, at, event, verdict, dev_addr, f_cnt, is_earlier in await self._rows(
            QUERIES["events"], **where
        ):
            mine = earlier if is_earlier else events
            mine[device, day].append(Event(to_us(at), event, verdict, dev_addr or "", f_cnt or 0))
        return {key: account(earlier[key], events[key]) for key in keys}

    async def _last_batteries(self, where: Mapping[str, Any]) -> dict[Key, tuple[float | None, bool | None]]:
        """The last that each day said of a battery, in a status or a reading."""
        found: dict[Key, tuple[datetime, float | None, bool | None]] = {}
        for query in (QUERIES["reported_batteries"], *self._batteries):
            for device, day, at, ratio, low in await self._rows(query, **where):
                if (device, day) not in found or at > found[device, day][0]:
                    found[device, day] = (at, ratio, low)
        return {key: (ratio, low) for key, (_, ratio, low) in found.items()}

    async def _points(
        self, batteries: Mapping[Key, tuple[float | None, bool | None]]
    ) -> dict[str, dict[datetime, float]]:
        """The charges of the devices that report one, by day, with those of now."""
        new = {key: ratio for key, (ratio, _) in batteries.items() if ratio is not None}
        points: dict[str, dict[datetime, float]] = {device: {} for device, _ in new}
        if new:
            since = min(day for _, day in new) - timedelta(days=BATTERY_DAYS)
            for device, day, ratio in await self._rows(QUERIES["charges"], devices=sorted(points), since=since):
                points[device][day] = ratio
        for (device, day), ratio in new.items():
            points[device][day] = ratio
        return points

    async def _keep(
        self,
        changed: Sequence[Day],
        keys: Sequence[Key],
        accounts: Mapping[Key, Account],
        where: Mapping[str, Any],
    ) -> None:
        if changed:
            await self._cursor.executemany(QUERIES["keep_day"], [day._asdict() for day in changed])
        known: dict[Key, list[Session]] = {key: [] for key in keys}
        for device, day, begins_at, *rest in await self._rows(QUERIES["known_sessions"], **where):
            known[device, day].append(Session(rows.known_us(begins_at), *rest))
        others = [key for key in keys if known[key] != list(accounts[key].sessions)]
        if others:
            devices, days = _columns(others)
            await self._cursor.execute(QUERIES["clear_sessions"], {"devices": devices, "days": days})
            lines = [
                {
                    "device": device,
                    "day": day,
                    "begins_at": day + timedelta(microseconds=each.begins_us - to_us(day)),
                    **each._asdict(),
                }
                for device, day in others
                for each in accounts[device, day].sessions
            ]
            if lines:
                await self._cursor.executemany(QUERIES["keep_session"], lines)


def _day(
    key: Key,
    counted: Account,
    *,
    lost: int,
    link: tuple[Any, ...],
    battery: tuple[float | None, bool | None, float | None],
) -> Day:
    device, day = key
    spreading_factor, rssi_dbm, snr_db, gateways = link
    return Day(
        device,
        day,
        counted.received,
        counted.accepted,
        counted.no_payload,
        counted.ignored,
        counted.rejected,
        counted.copies,
        len(counted.sessions),
        counted.joins,
        counted.resets,
        counted.missing,
        lost,
        spreading_factor,
        rssi_dbm,
        snr_db,
        gateways,
        *battery,
    )


def _days_left(charges: Mapping[datetime, float], last: datetime) -> float | None:
    """From the charges of a device up to a day."""
    first = last - timedelta(days=BATTERY_DAYS)
    points = [((day - last) / _DAY, ratio) for day, ratio in sorted(charges.items()) if first <= day <= last]
    return battery_days_left(points)


def _columns(keys: Collection[Key]) -> tuple[list[str], list[datetime]]:
    ordered = sorted(keys)
    return [device for device, _ in ordered], [day for _, day in ordered]


def _by_key(found: Sequence[tuple[Any, ...]]) -> dict[Key, tuple[Any, ...]]:
    return {(row[0], row[1]): row[2:] for row in found}


def _battery_query(family: str, columns: Collection[str]) -> sql.Composed:
    """The last that each day's readings of a family say of a battery."""
    ratio, low = (sql.Identifier(name) if name in columns else sql.SQL("NULL") for name in _BATTERY)
    return sql.SQL(
        "SELECT DISTINCT ON (w.device, w.day) w.device, w.day, observed_at, {ratio}::double precision, {low}::boolean"
        " FROM unnest(%(devices)s::text[], %(days)s::timestamptz[]) AS w (device, day)"
        " JOIN {table} AS reading ON reading.device = w.device AND observed_at >= w.day"
        " AND observed_at < w.day + interval '24 hours' AND ({ratio} IS NOT NULL OR {low} IS NOT NULL)"
        " ORDER BY w.device, w.day, observed_at DESC"
    ).format(ratio=ratio, low=low, table=sql.Identifier(table_of(family)))
