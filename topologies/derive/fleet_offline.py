"""Devices and gateways that have fallen silent: found from what the fleet topology knows of each, decided in one place.

Time is the least that the ledger of the fleet has for all partitions: while our own intake is down it stands still,
and nobody is called silent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from pipeline.city.read import load_city
from pipeline.core.clock import MINUTE_US, from_us, to_us
from pipeline.core.identity import Id, derived_id
from pipeline.core.settings import Settings
from topologies.derive import marks
from topologies.derive.derivation import Derivation, Done
from topologies.derive.fleet_look import QUERIES, Look
from topologies.derive.fleet_rules import (
    DEVICE_OFFLINE,
    FAMILY,
    GATEWAY_OFFLINE,
    device_offline,
    gateway_offline,
)
from topologies.derive.fleet_silence import NOT_YET_US, Outage, Silence, allowed_gap_us, judge
from topologies.derive.stream import complete_us
from topologies.fleet.logic import SILENCE_MARK
from topologies.runtime import rows
from topologies.runtime.episodes import Episode
from topologies.runtime.model import Opened

GATEWAY_MARK: Final = "fleet_gateway"
_REST_SECONDS: Final = 5.0
_NOTHING: Final = Opened(None, None, "", "")


def watch_fleet(settings: Settings) -> Derivation:
    """The derivation with the rules of the installation's city."""
    city = load_city(settings)

    async def run(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
        async with connection.transaction(), connection.cursor() as cursor:
            as_of_us = await complete_us(cursor, FAMILY)
            if as_of_us is None:
                return Done()
            return await _Silences(cursor, settings, city, as_of_us).run()

    return Derivation(name="silences", run=run, rest_seconds=_REST_SECONDS)


class _Silences(Look):
    """One look at who is silent, in one transaction."""

    async def run(self) -> Done:
        """Marks first, facts second; gateways first, since devices' silences may be theirs."""
        gateways = await self.marks(GATEWAY_MARK)
        silences = await self.marks(SILENCE_MARK)
        outages = await self._gateways(gateways.from_us)
        await self._devices(await self._with_explained(silences.from_us, outages))
        ids = gateways.ids + silences.ids
        if ids:
            await marks.delete(self.cursor, ids)
        most = self.settings.derive.batch_marks
        return Done(len(ids), more=len(gateways.ids) >= most or len(silences.ids) >= most)

    # ── gateways ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _gateways(self, marked: Mapping[str, int]) -> Collection[Id]:
        """Find their outages; returns the alerts that have changed, or are gone."""
        begins = dict(marked)
        for gateway, heard_at in await self.rows("gateways_due", as_of=from_us(self.as_of_us)):
            begins.setdefault(gateway, to_us(heard_at))
        if not begins:
            return ()
        gaps = await self.rows("gateway_gaps", gateways=list(begins), begins=[from_us(at) for at in begins.values()])
        found: dict[str, list[Episode]] = {gateway: [] for gateway in begins}
        newest: list[tuple[str, int, int, int]] = []
        for gateway, minute, following, minutes, first, begin in gaps:
            since_us, next_us = to_us(minute), rows.time_us(following)
            begins[gateway] = min(begins[gateway], to_us(begin))
            parameters = self.parameters("", gateway, since_us)
            due_us = since_us + allowed_gap_us(
                minutes,
                since_us - to_us(first),
                factor=parameters.gateway_factor,
                minimum_us=round(parameters.gateway_minimum_minutes * MINUTE_US),
            )
            if next_us is None:
                newest.append((gateway, since_us, minutes, due_us))
            if parameters.gateway_alert and due_us < (self.as_of_us if next_us is None else next_us):
                found[gateway].append(self._gateway_episode(gateway, since_us, due_us, next_us))
        if newest:
            names, heard, minutes_, due = zip(*newest, strict=True)
            await self.cursor.execute(
                QUERIES["keep_gateways"],
                {
                    "gateways": list(names),
                    "heard": list(map(from_us, heard)),
                    "minutes": list(minutes_),
                    "due": list(map(from_us, due)),
                },
            )
        stored = await self.stored(GATEWAY_OFFLINE, begins)
        known = {(alert.device, alert.since_us) for alert in stored}
        new = [each for mine in found.values() for each in mine if (each.site, each.since_us) not in known]
        if new:
            sentences = await self._gateway_sentences(new, [each for mine in found.values() for each in mine])
            found = {name: [sentences.get((e.site, e.since_us), e) for e in mine] for name, mine in found.items()}
        outcome = await self.reconcile(GATEWAY_OFFLINE, begins, found, stored)
        return [*outcome.deleted, *(alert.id for alert in outcome.stored)]

    def _gateway_episode(self, gateway: str, since_us: int, due_us: int, ended_us: int | None) -> Episode:
        minute = from_us(since_us).isoformat()
        return Episode(
            site=gateway,
            since_us=since_us,
            opens_us=due_us,
            ended_us=ended_us,
            resolved_us=ended_us,
            settled_us=ended_us or self.as_of_us,
            tells_us=self.city.maintenance.after("", gateway, due_us),
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
        for gateway, name in await self.rows("dependent_devices", gateways=off):
            dependent.setdefault(gateway, []).append(name)
        return {
            (each.site, each.since_us): each._replace(
                is_earlier=False,
                opened=gateway_offline(
                    each.site, each.since_us, dependent.get(each.site, ()) if each.ended_us is None else None
                ),
            )
            for each in new
        }

    # ── devices ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _with_explained(self, marked: Mapping[str, int], outages: Collection[Id]) -> Mapping[str, int]:
        """Besides what is marked the silences that outages explained which are others now."""
        begins = dict(marked)
        ids = [UUID(bytes=each) for each in sorted(outages)]
        for device, since in await self.rows("explained", ids=ids) if ids else ():
            begins[device] = min(to_us(since), begins.get(device, NOT_YET_US))
        return begins

    async def _devices(self, marked: Mapping[str, int]) -> None:
        begins = dict(marked)
        silences = {}
        moved = [(device, to_us(since)) for device, since in await self.rows("heard_again", rule=DEVICE_OFFLINE.name)]
        for device, since_us in moved:
            begins[device] = min(since_us, begins.get(device, since_us))
        for query, wanted in (("left_silences", moved), ("ended_silences", begins.items())):
            devices, times = [device for device, _ in wanted], [from_us(at_us) for _, at_us in wanted]
            for row in await self.rows(query, devices=devices, begins=times) if devices else ():
                silence = _silence(row)
                silences[silence.device, silence.since_us] = silence
        for row in await self.rows("open_silences", as_of=from_us(self.as_of_us), rule=DEVICE_OFFLINE.name):
            silence = _silence(row)
            if silence.ended_us is not None and silence.ended_us > self.as_of_us:
                silence = silence._replace(ended_us=None)
            begins.setdefault(silence.device, silence.since_us)
            if silence.ended_us is None or silence.ended_us > silence.due_us:
                silences[silence.device, silence.since_us] = silence
        if not begins:
            return
        stored = await self.stored(DEVICE_OFFLINE, begins)
        found = await self._episodes(begins, list(silences.values()))
        await self.reconcile(DEVICE_OFFLINE, begins, found, stored)

    async def _episodes(self, devices: Collection[str], silences: Sequence[Silence]) -> dict[str, list[Episode]]:
        pairs = sorted({(gateway, each.due_us) for each in silences for gateway in each.usual})
        outages: dict[str, list[Outage]] = {}
        heard: dict[tuple[str, int], int | None] = {}
        if pairs:
            names, dues = [gateway for gateway, _ in pairs], [from_us(due_us) for _, due_us in pairs]
            since = from_us(min(each.since_us for each in silences))
            for gateway, identity, begun, over in await self.rows(
                "outages", rule=GATEWAY_OFFLINE.name, gateways=sorted(set(names)), since=since
            ):
                outages.setdefault(gateway, []).append(
                    Outage(rows.identity(identity), to_us(begun), rows.time_us(over))
                )
            for gateway, due_at, minute in await self.rows("first_heard", gateways=names, dues=dues):
                heard[gateway, to_us(due_at)] = rows.time_us(minute)
        found: dict[str, list[Episode]] = {device: [] for device in devices}
        for silence in sorted(silences, key=lambda each: (each.device, each.since_us)):
            if self.parameters(silence.group, silence.site, silence.since_us).offline_alert:
                found[silence.device].append(self._device_episode(silence, outages, heard))
        return found

    def _device_episode(
        self,
        silence: Silence,
        outages: Mapping[str, Sequence[Outage]],
        heard: Mapping[tuple[str, int], int | None],
    ) -> Episode:
        verdict = judge(silence, outages, heard)
        worked_us = self.city.maintenance.after(silence.group, silence.site, silence.due_us)
        # What is over is told to nobody who has not heard of it.
        tells_us = max(verdict.tells_us, worked_us, silence.ended_us or 0)
        return Episode(
            site=silence.site,
            since_us=silence.since_us,
            opens_us=silence.due_us,
            ended_us=silence.ended_us,
            resolved_us=silence.ended_us,
            settled_us=silence.ended_us or self.as_of_us,
            tells_us=tells_us,
            opened_event=silence.event_id,
            opened=device_offline(silence.name, silence.since_us, silence.due_us - silence.since_us),
            cause=verdict.cause,
        )


def _silence(row: Sequence[Any]) -> Silence:
    device, since, due_at, ended, usual, event_id, site, group, name = row
    return Silence(
        device, to_us(since), to_us(due_at), rows.time_us(ended), tuple(usual), _id(event_id), site, group, name
    )


def _id(value: Any) -> Id:
    return rows.identity(value)
