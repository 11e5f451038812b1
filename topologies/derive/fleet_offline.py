"""Devices and gateways that have fallen silent: found from what the fleet topology knows of each, decided in one place.

Time is the least that the ledger of the fleet has for all partitions: while our own intake is down it stands still,
and nobody is called silent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg

from pipeline.city.model import City
from pipeline.city.read import load_city
from pipeline.core.clock import from_us, to_us
from pipeline.core.identity import Id, derived_id
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.derive.derivation import Derivation, Done
from topologies.derive.fleet_rules import (
    DEVICE_OFFLINE,
    FAMILY,
    GATEWAY_OFFLINE,
    RULES,
    SOURCE,
    device_offline,
    gateway_offline,
)
from topologies.derive.fleet_silence import Outage, Silence, allowed_gap_us, judge
from topologies.fleet.parameters import FleetParameters
from topologies.runtime import rows
from topologies.runtime.alert_rows import AlertRows
from topologies.runtime.alerts import Alert, Reconciled, reconcile
from topologies.runtime.batch import Wanted
from topologies.runtime.episodes import Episode
from topologies.runtime.model import Opened, Rule

QUERIES: Final = load_queries("topologies.derive", "fleet.sql")
GATEWAY_MARK: Final = "fleet_gateway"
SILENCE_MARK: Final = "fleet_silence"
_REST_SECONDS: Final = 5.0
_MINUTE_US: Final = 60_000_000
_NOTHING: Final = Opened(None, None, "", "")

Cursor = psycopg.AsyncCursor[Any]


def watch_fleet(settings: Settings) -> Derivation:
    """The derivation with the rules of the installation's city."""
    city = load_city(settings)

    async def run(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.execute(QUERIES["as_of"])
            row = await cursor.fetchone()
            if row is None or row[0] is None:
                return Done()
            return await _Look(cursor, settings, city, rows.known_us(row[0])).run()

    return Derivation(name="silences", run=run, rest_seconds=_REST_SECONDS)


class _Marks(NamedTuple):
    """What is marked, by subject the earliest time."""

    ids: list[int]
    from_us: dict[str, int]


class _Look:
    """One look at the fleet, in one transaction."""

    def __init__(self, cursor: Cursor, settings: Settings, city: City, as_of_us: int) -> None:
        self._cursor = cursor
        self._settings = settings
        self._city = city
        self._as_of_us = as_of_us
        self._alerts = AlertRows(cursor, settings, rules=RULES, family=FAMILY, source=SOURCE)

    async def run(self) -> Done:
        """Marks first, facts second; gateways first, since devices' silences may be theirs."""
        gateways = await self._marks(GATEWAY_MARK)
        silences = await self._marks(SILENCE_MARK)
        await self._gateways(gateways.from_us)
        await self._devices(silences.from_us)
        ids = gateways.ids + silences.ids
        if ids:
            await self._cursor.execute(QUERIES["delete_marks"], {"ids": ids})
        most = self._settings.derive.batch_marks
        return Done(len(ids), more=len(gateways.ids) >= most or len(silences.ids) >= most)

    async def _marks(self, what: str) -> _Marks:
        marks = _Marks([], {})
        for identity, subject, bucket in await self._rows(
            "read_marks", what=what, most=self._settings.derive.batch_marks
        ):
            at_us = to_us(bucket)
            marks.ids.append(identity)
            marks.from_us[subject] = min(at_us, marks.from_us.get(subject, at_us))
        return marks

    async def _rows(self, query: str, **parameters: Any) -> Sequence[tuple[Any, ...]]:
        await self._cursor.execute(QUERIES[query], parameters)
        return await self._cursor.fetchall()

    def _parameters(self, group: str, site: str, at_us: int) -> FleetParameters:
        return self._city.timeline(FleetParameters, FAMILY, group=group, site=site).at(at_us)

    # ── gateways ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _gateways(self, marked: Mapping[str, int]) -> None:
        begins = dict(marked)
        for gateway, heard_at in await self._rows("gateways_due", as_of=from_us(self._as_of_us)):
            begins.setdefault(gateway, to_us(heard_at))
        if not begins:
            return
        gaps = await self._rows("gateway_gaps", gateways=list(begins), begins=[from_us(at) for at in begins.values()])
        found: dict[str, list[Episode]] = {gateway: [] for gateway in begins}
        newest: list[tuple[str, int, int, int]] = []
        for gateway, minute, following, minutes, first, begin in gaps:
            since_us, next_us = to_us(minute), rows.time_us(following)
            begins[gateway] = min(begins[gateway], to_us(begin))
            parameters = self._parameters("", gateway, since_us)
            due_us = since_us + allowed_gap_us(
                minutes,
                since_us - to_us(first),
                factor=parameters.gateway_factor,
                minimum_us=round(parameters.gateway_minimum_minutes * _MINUTE_US),
            )
            if next_us is None:
                newest.append((gateway, since_us, minutes, due_us))
            if parameters.gateway_alert and due_us < (self._as_of_us if next_us is None else next_us):
                found[gateway].append(self._gateway_episode(gateway, since_us, due_us, next_us))
        if newest:
            names, heard, minutes_, due = zip(*newest, strict=True)
            await self._cursor.execute(
                QUERIES["keep_gateways"],
                {
                    "gateways": list(names),
                    "heard": list(map(from_us, heard)),
                    "minutes": list(minutes_),
                    "due": list(map(from_us, due)),
                },
            )
        stored = await self._stored(GATEWAY_OFFLINE, begins)
        known = {(alert.device, alert.since_us) for alert in stored}
        new = [each for mine in found.values() for each in mine if (each.site, each.since_us) not in known]
        if new:
            sentences = await self._gateway_sentences(new, [each for mine in found.values() for each in mine])
            found = {name: [sentences.get((e.site, e.since_us), e) for e in mine] for name, mine in found.items()}
        await self._reconcile(GATEWAY_OFFLINE, begins, found, stored)

    def _gateway_episode(self, gateway: str, since_us: int, due_us: int, ended_us: int | None) -> Episode:
        minute = from_us(since_us).isoformat()
        return Episode(
            site=gateway,
            since_us=since_us,
            opens_us=due_us,
            ended_us=ended_us,
            resolved_us=ended_us,
            settled_us=ended_us or self._as_of_us,
            tells_us=self._city.maintenance.after("", gateway, due_us),
            opened_event=derived_id("gateway heard", gateway, minute),
            opened=_NOTHING,
            # What an alert that there is says of its devices is what was so when it opened.
            is_earlier=True,
        )

    async def _gateway_sentences(
        self, new: Iterable[Episode], silent: Iterable[Episode]
    ) -> dict[tuple[str, int], Episode]:
        """Episodes of which nobody has heard, with the devices that no other gateway hears."""
        off = sorted({each.site for each in silent if each.ended_us is None})
        dependent: dict[str, list[str]] = {}
        for gateway, name in await self._rows("dependent_devices", gateways=off):
            dependent.setdefault(gateway, []).append(name)
        return {
            (each.site, each.since_us): each._replace(
                is_earlier=False,
                opened=gateway_offline(each.site, each.since_us, dependent.get(each.site, ())),
            )
            for each in new
        }

    # ── devices ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _devices(self, marked: Mapping[str, int]) -> None:
        begins = dict(marked)
        silences = {}
        moved = [(device, to_us(since)) for device, since in await self._rows("heard_again", rule=DEVICE_OFFLINE.name)]
        for device, since_us in moved:
            begins[device] = min(since_us, begins.get(device, since_us))
        for query, wanted in (("left_silences", moved), ("ended_silences", begins.items())):
            devices, times = [device for device, _ in wanted], [from_us(at_us) for _, at_us in wanted]
            for row in await self._rows(query, devices=devices, begins=times) if devices else ():
                silence = _silence(row)
                silences[silence.device, silence.since_us] = silence
        for row in await self._rows("open_silences", as_of=from_us(self._as_of_us)):
            silence = _silence(row)
            if silence.ended_us is not None and silence.ended_us > self._as_of_us:
                silence = silence._replace(ended_us=None)
            begins.setdefault(silence.device, silence.since_us)
            if silence.ended_us is None or silence.ended_us > silence.due_us:
                silences[silence.device, silence.since_us] = silence
        if not begins:
            return
        stored = await self._stored(DEVICE_OFFLINE, begins)
        found = await self._episodes(begins, list(silences.values()))
        await self._reconcile(DEVICE_OFFLINE, begins, found, stored)

    async def _episodes(self, devices: Collection[str], silences: Sequence[Silence]) -> dict[str, list[Episode]]:
        pairs = sorted({(gateway, each.due_us) for each in silences for gateway in each.usual})
        outages: dict[str, list[Outage]] = {}
        heard: dict[tuple[str, int], int | None] = {}
        if pairs:
            names, dues = [gateway for gateway, _ in pairs], [from_us(due_us) for _, due_us in pairs]
            since = from_us(min(each.since_us for each in silences))
            for gateway, identity, begun, over in await self._rows(
                "outages", rule=GATEWAY_OFFLINE.name, gateways=sorted(set(names)), since=since
            ):
                outages.setdefault(gateway, []).append(
                    Outage(rows.identity(identity), to_us(begun), rows.time_us(over))
                )
            for gateway, due_at, minute in await self._rows("first_heard", gateways=names, dues=dues):
                heard[gateway, to_us(due_at)] = rows.time_us(minute)
        found: dict[str, list[Episode]] = {device: [] for device in devices}
        for silence in sorted(silences, key=lambda each: (each.device, each.since_us)):
            if self._parameters(silence.group, silence.site, silence.since_us).offline_alert:
                found[silence.device].append(self._device_episode(silence, outages, heard))
        return found

    def _device_episode(
        self,
        silence: Silence,
        outages: Mapping[str, Sequence[Outage]],
        heard: Mapping[tuple[str, int], int | None],
    ) -> Episode:
        verdict = judge(silence, outages, heard)
        worked_us = self._city.maintenance.after(silence.group, silence.site, silence.due_us)
        return Episode(
            site=silence.site,
            since_us=silence.since_us,
            opens_us=silence.due_us,
            ended_us=silence.ended_us,
            resolved_us=silence.ended_us,
            settled_us=silence.ended_us or self._as_of_us,
            tells_us=max(verdict.tells_us, worked_us),
            opened_event=silence.event_id,
            opened=device_offline(silence.name, silence.since_us, silence.due_us - silence.since_us),
            cause=verdict.cause,
        )

    # ── alerts ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _stored(self, rule: Rule, begins: Mapping[str, int]) -> Sequence[Alert]:
        wanted = [Wanted(rule.name, DevEui(device), begin_us) for device, begin_us in begins.items()]
        return await self._alerts.load(wanted, ())

    async def _reconcile(
        self,
        rule: Rule,
        begins: Mapping[str, int],
        found: Mapping[str, Sequence[Episode]],
        stored: Sequence[Alert],
    ) -> None:
        mine: dict[str, list[Alert]] = {}
        for alert in stored:
            mine.setdefault(alert.device, []).append(alert)
        outcome = Reconciled([], [], [])
        for device in sorted(begins):
            one = reconcile(
                rule,
                device,
                found=found[device],
                stored=mine.get(device, ()),
                # What was over when it was found is news to nobody.
                known_us=self._as_of_us,
                horizon_us=self._as_of_us,
            )
            outcome.stored.extend(one.stored)
            outcome.deleted.extend(one.deleted)
            outcome.told.extend(one.told)
        if any(outcome):
            await self._alerts.write(outcome)


def _silence(row: Sequence[Any]) -> Silence:
    device, since, due_at, ended, usual, event_id, site, group, name = row
    return Silence(
        device, to_us(since), to_us(due_at), rows.time_us(ended), tuple(usual), _id(event_id), site, group, name
    )


def _id(value: Any) -> Id:
    return rows.identity(value)
