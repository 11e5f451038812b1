"""Alerts of what a device's days say: a low battery, frames that were lost inside, too many that never came."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psycopg

from pipeline.city.model import City
from pipeline.core.clock import DAY_US, from_us, to_us
from pipeline.core.identity import derived_id
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from topologies.derive.fleet_account import runs
from topologies.derive.fleet_look import QUERIES
from topologies.derive.fleet_rules import (
    BATTERY_LOW,
    FAMILY,
    FRAMES_LOST,
    MANY_GAPS,
    RULES,
    SOURCE,
    battery_low,
    frames_lost,
    many_gaps,
)
from topologies.derive.stream import complete_us
from topologies.fleet.parameters import FleetParameters
from topologies.runtime.alert_rows import AlertRows
from topologies.runtime.alerts import Alert, Stretch, by_rule_and_device, reconcile_all
from topologies.runtime.batch import Wanted
from topologies.runtime.episodes import Episode
from topologies.runtime.model import Opened, Rule

if TYPE_CHECKING:
    from datetime import datetime

    from topologies.derive.fleet_days import Day

DAY_RULES: Final = (BATTERY_LOW, FRAMES_LOST, MANY_GAPS)


class Who(NamedTuple):
    """A device as people know it."""

    device: str
    site: str
    group: str
    name: str


class DayAlerts:
    """The alerts of days, in one transaction."""

    def __init__(self, cursor: psycopg.AsyncCursor[Any], settings: Settings, city: City) -> None:
        self._cursor = cursor
        self._city = city
        self._alerts = AlertRows(cursor, settings, rules=RULES, family=FAMILY, source=SOURCE)

    async def raise_for(self, devices: Collection[str], known: Mapping[tuple[str, Any], Day]) -> None:
        """Hold the alerts of devices against their days; not before time has come anywhere."""
        as_of_us = await complete_us(self._cursor, FAMILY)
        if as_of_us is None:
            return
        mine: dict[str, list[Day]] = {}
        for day in sorted(known.values(), key=lambda day: day.day):
            if day.device in devices:
                mine.setdefault(day.device, []).append(day)
        who = await self._who([day for days in mine.values() for day in days])
        wanted = [
            Wanted(rule.name, DevEui(device), to_us(days[0].day)) for device, days in mine.items() for rule in DAY_RULES
        ]
        stored = by_rule_and_device(await self._alerts.load(wanted) if wanted else ())
        stretches = []
        for device, days in mine.items():
            for rule in DAY_RULES:
                before = stored.get((rule.name, device), ())
                found = [
                    each._replace(tells_us=self._city.maintenance.after(place.group, each.site, each.opens_us))
                    for each, place in day_episodes(rule, who, days, self._parameters, as_of_us, stored=before)
                ]
                stretches.append(Stretch(rule, device, found, before, as_of_us, as_of_us))
        outcome = await reconcile_all(stretches, self._alerts)
        if any(outcome):
            await self._alerts.write(outcome)

    async def _who(self, days: Sequence[Day]) -> dict[tuple[str, datetime], Who]:
        given = {"devices": [day.device for day in days], "days": [day.day for day in days]}
        await self._cursor.execute(QUERIES["who"], given)
        return {(device, day): Who(device, *rest) for device, day, *rest in await self._cursor.fetchall()}

    def _parameters(self, who: Who, at_us: int) -> FleetParameters:
        return self._city.timeline(FleetParameters, FAMILY, group=who.group, site=who.site).at(at_us)


def day_episodes(
    rule: Rule,
    who: Mapping[tuple[str, datetime], Who],
    days: Sequence[Day],
    parameters_at: Callable[[Who, int], FleetParameters],
    as_of_us: int,
    *,
    stored: Sequence[Alert] = (),
) -> list[tuple[Episode, Who]]:
    """From when to when a rule's condition was so; pure.

    Args:
        rule: one of `DAY_RULES`.
        who: the device as it was known on each day.
        days: of one device, in order.
        parameters_at: of the place, by time.
        as_of_us: how far time has come; a share of a day is known when it is over.
        stored: alerts that the rule has by now: one that began before the days goes on.
    """
    said = {_at(rule, day): day for day in days if _at(rule, day) <= as_of_us}
    on = {at_us: who[day.device, day.day] for at_us, day in said.items()}
    first_us = min(said, default=0)
    found = []
    states = [(at_us, _is_so(rule, day, parameters_at(on[at_us], at_us))) for at_us, day in said.items()]
    for since_us, ended_us in runs(states):
        place, day = on[since_us], said[since_us]
        goes_on = next((a for a in stored if a.resolved_us is None or a.resolved_us > since_us), None)
        is_earlier = goes_on is not None and since_us == first_us and goes_on.since_us < since_us
        begin_us = goes_on.since_us if is_earlier and goes_on is not None else since_us
        episode = Episode(
            site=goes_on.site if is_earlier and goes_on is not None else place.site,
            since_us=begin_us,
            opens_us=begin_us,
            ended_us=ended_us,
            resolved_us=ended_us,
            settled_us=ended_us or as_of_us,
            tells_us=begin_us,
            opened_event=derived_id("fleet day", rule.name, place.device, from_us(begin_us).isoformat()),
            opened=_opened(rule, place.name, day, parameters_at(place, since_us)),
            is_earlier=is_earlier,
        )
        found.append((episode, place))
    return found


def _at(rule: Rule, day: Day) -> int:
    begin_us = to_us(day.day)
    return begin_us + DAY_US if rule == MANY_GAPS else begin_us


def _is_so(rule: Rule, day: Day, parameters: FleetParameters) -> bool | None:
    """None: this day does not say."""
    if rule == FRAMES_LOST:
        return day.lost > 0 and parameters.lost_alert
    if rule == MANY_GAPS:
        return parameters.gaps_alert and _gaps(day) > parameters.gaps_ratio
    if not parameters.battery_alert:
        return False
    if day.battery_ratio is None:
        return day.battery_low
    if day.battery_ratio <= parameters.battery_low_ratio:
        return True
    return False if day.battery_ratio > parameters.battery_resolved_ratio else None


def _gaps(day: Day) -> float:
    sent = day.received + day.missing
    return day.missing / sent if sent else 0.0


def _opened(rule: Rule, name: str, day: Day, parameters: FleetParameters) -> Opened:
    if rule == FRAMES_LOST:
        return frames_lost(name, day.lost)
    if rule == MANY_GAPS:
        return many_gaps(name, _gaps(day), parameters.gaps_ratio)
    return battery_low(name, day.battery_ratio, parameters.battery_low_ratio)
