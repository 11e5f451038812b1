"""The lighting topology: its logic, its tables, its stage."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from pipeline.city.model import City
from pipeline.city.read import load_city
from pipeline.core import topics
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.lighting.facts import OWN_FLAGS, Now, Report, State
from topologies.lighting.limits import FAMILY
from topologies.lighting.logic import LightingLogic
from topologies.lighting.meters import Meter, read_meter
from topologies.lighting.rules import RULES
from topologies.runtime import alert_events, rows
from topologies.runtime.alarms import alarms_field, read_alarms
from topologies.runtime.binary import NULL, flag, head, integer, number, numbers, text, texts, three, time
from topologies.runtime.model import Table, Topology
from topologies.runtime.stage import stage_of

NAME: Final = "lighting"
FACTS: Final = Table(
    "luminaire_state",
    (
        *("device", "observed_at", "event_id", "site", "segment", "rated_watts", "night", "lamp_on", "lamp_failure"),
        *("driver_failure", "burning", "failed", "should_burn", "lamp_fault", "driver_fault", "dimming_ratio"),
        *("power_watts", "energy_watt_hours", "energy_channel", "lamp_seconds", "lamp_channel", "prior_at", "since"),
        *("until_at", "level_ratio", "draws_watts", "meter", "used_watt_hours", "used_since", "lamp_meter"),
        *("lit_seconds", "lit_since", "alarms", "flags"),
    ),
)
NOW: Final = Table(
    "luminaire",
    (
        *("device", "observed_at", "event_id", "partition", "site", "segment", "burning", "since", "should_burn"),
        *("level_ratio", "power_watts", "lamp_fault", "driver_fault", "energy_watt_hours", "lamp_seconds", "until_at"),
        *("failed", "meter", "lamp_meter", "alarms"),
    ),
)
_NOTHING_USED: Final = 2 * NULL


def build(settings: Settings) -> Topology[Report, State, Now]:
    """The topology of an installation."""
    return of_city(load_city(settings), late_hours=settings.topology.late_hours)


def of_city(city: City, *, late_hours: int = 48) -> Topology[Report, State, Now]:
    """The topology with a city's plans and rules.

    Args:
        city: its plans and rules.
        late_hours: how late a reading may be where the city does not say so.
    """
    return Topology(
        name=NAME,
        family=FAMILY,
        logic=LightingLogic(city),
        queries=load_queries("topologies.lighting"),
        facts=FACTS,
        fact_row=fact_row,
        now=NOW,
        now_row=now_row,
        read_fact=read_fact,
        read_now=read_now,
        rules=RULES,
        maintenance=city.maintenance,
        late_hours=city.late_hours(FAMILY, late_hours),
    )


def fact_row(fact: State) -> bytes:
    """A state for `luminaire_state`."""
    device, at_us, event_id, report, site, segment, rated, night_us, prior_us, burning, since_us, until_us = fact[:12]
    failed, should_burn, level, watts, lamp_fault, driver_fault, energy, used, used_us, lamp, lit, lit_us = fact[12:24]
    told, lamp_on, failure, driver, power, consumed, energy_at, seconds, lamp_at = report[3:12]
    return b"".join(
        (
            head(len(FACTS.columns), device, at_us, event_id),
            _where(site, segment, rated, night_us),
            _states(lamp_on, failure, driver, burning, failed, should_burn, lamp_fault, driver_fault),
            number(told),
            number(power),
            number(consumed),
            integer(energy_at),
            number(seconds),
            integer(lamp_at),
            time(prior_us),
            time(since_us),
            time(until_us),
            number(level),
            number(watts),
            _meter_field(energy),
            _NOTHING_USED if used is None else number(used) + time(used_us),
            _meter_field(lamp),
            _NOTHING_USED if lit is None else number(lit) + time(lit_us),
            alarms_field(fact.alarms) if fact.alarms else NULL,
            texts(fact.flags),
        )
    )


@lru_cache(maxsize=20_000)
def _where(site: str | None, segment: str | None, rated: float | None, night_us: int | None) -> bytes:
    """The fields that a luminaire's facts of a night have in common."""
    return b"".join((text(site), text(segment), number(rated), time(night_us)))


@lru_cache(maxsize=3**8)
def _states(*states: bool | None) -> bytes:
    return b"".join(map(flag, states))


def _meter_field(meter: Meter | None) -> bytes:
    if meter is None:
        return NULL
    channel, value, at_us, odd, odd_us = meter
    return three(channel, value, at_us) if odd_us is None else numbers((channel, value, at_us, odd, odd_us))


def now_row(partition: int, fact: State, shown: Now) -> bytes:
    """A luminaire for `luminaire`."""
    site, segment, burning, since_us, should_burn, level, power, lamp_fault, driver_fault, energy, seconds = shown
    return b"".join(
        (
            head(len(NOW.columns), fact.device, fact.observed_at_us, fact.event_id),
            integer(partition),
            text(site),
            text(segment),
            flag(burning),
            time(since_us),
            flag(should_burn),
            number(level),
            number(power),
            flag(lamp_fault),
            flag(driver_fault),
            number(energy),
            number(seconds),
            time(fact.until_us),
            flag(fact.failed),
            _meter_field(fact.energy),
            _meter_field(fact.lamp),
            alarms_field(fact.alarms),
        )
    )


def read_fact(row: Sequence[Any]) -> State:
    """A state from a row."""
    device, observed_at, event_id, level, lamp_on, failure, driver, power, energy, energy_at, seconds, lamp_at = row[
        :12
    ]
    site, segment, rated, night, prior_at, burning, since, until_at, failed, should_burn, held, watts = row[12:24]
    lamp_fault, driver_fault, meter, used, used_since, lamp, lit, lit_since, alarms, flags = row[24:34]
    at_us, identity, noticed = rows.known_us(observed_at), rows.identity(event_id), rows.names(flags)
    told = tuple(each for each in noticed if each not in OWN_FLAGS)
    report = Report(
        DevEui(device),
        at_us,
        identity,
        level,
        lamp_on,
        failure,
        driver,
        power,
        energy,
        energy_at or 0,
        seconds,
        lamp_at or 0,
        told,
    )
    return State(
        DevEui(device),
        at_us,
        identity,
        report,
        site,
        segment,
        rated,
        rows.time_us(night),
        rows.time_us(prior_at),
        burning,
        rows.time_us(since),
        rows.known_us(until_at),
        failed,
        should_burn,
        held,
        watts,
        lamp_fault,
        driver_fault,
        read_meter(meter),
        used,
        rows.time_us(used_since),
        read_meter(lamp),
        lit,
        rows.time_us(lit_since),
        read_alarms(alarms),
        noticed,
    )


def read_now(row: Sequence[Any]) -> tuple[State, Now]:
    """The newest state and what is shown, from a row."""
    site, segment, burning, since, *rest = row[34:45]
    return read_fact(row), Now(site, segment, burning, rows.time_us(since), *rest)


STAGE: Final = stage_of(
    NAME,
    "Street lights: state against plan, energy, faults and alerts.",
    build,
    publishes=(alert_events.publication(topics.alerts("lighting")),),
)
