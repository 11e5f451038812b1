"""The lighting topology: its logic, its tables, its stage."""

from __future__ import annotations

from collections.abc import Sequence
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
from topologies.runtime.model import Topology
from topologies.runtime.rows import NULL, flag, number, text, texts
from topologies.runtime.stage import stage_of

NAME: Final = "lighting"
_NOTHING_USED: Final = f"{NULL}\t{NULL}"


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
        fact_line=fact_line,
        now_line=now_line,
        read_fact=read_fact,
        read_now=read_now,
        rules=RULES,
        maintenance=city.maintenance,
        late_hours=city.late_hours(FAMILY, late_hours),
    )


def fact_line(fact: State) -> str:
    """A state for `stage_facts`."""
    device, at_us, event_id, report, site, segment, rated, night_us, prior_us, burning, since_us, until_us = fact[:12]
    failed, should_burn, level, watts, lamp_fault, driver_fault, energy, used, used_us, lamp, lit, lit_us = fact[12:24]
    consumed = _NOTHING_USED if used is None else f"{used}\t{used_us}"
    burnt = _NOTHING_USED if lit is None else f"{lit}\t{lit_us}"
    return (
        f"{device}\t{at_us}\t{event_id.hex()}\t{_report_fields(report)}\t{text(site)}\t{text(segment)}\t"
        f"{number(rated)}\t{number(night_us)}\t{number(prior_us)}\t{flag(burning)}\t{number(since_us)}\t{until_us}\t"
        f"{flag(failed)}\t{flag(should_burn)}\t{number(level)}\t{number(watts)}\t{flag(lamp_fault)}\t"
        f"{flag(driver_fault)}\t{_meter_field(energy)}\t{consumed}\t{_meter_field(lamp)}\t{burnt}\t"
        f"{alarms_field(fact.alarms) if fact.alarms else NULL}\t{texts(fact.flags)}\n"
    )


def _report_fields(report: Report) -> str:
    level, lamp_on, failure, driver, power, energy, energy_at, seconds, lamp_at = report[3:12]
    meters = f"{number(power)}\t{number(energy)}\t{energy_at}\t{number(seconds)}\t{lamp_at}"
    return f"{number(level)}\t{flag(lamp_on)}\t{flag(failure)}\t{flag(driver)}\t{meters}"


def _meter_field(meter: Meter | None) -> str:
    """A counter as a field for an array of numbers."""
    if meter is None:
        return NULL
    channel, value, at_us, odd, odd_us = meter
    return f"{{{channel},{value},{at_us},{'NULL' if odd is None else odd},{'NULL' if odd_us is None else odd_us}}}"


def now_line(partition: int, fact: State, shown: Now) -> str:
    """A luminaire for `stage_now`."""
    site, segment, burning, since_us, should_burn, level, power, lamp_fault, driver_fault, energy, seconds = shown
    return (
        f"{fact.device}\t{partition}\t{fact.observed_at_us}\t{fact.event_id.hex()}\t{text(site)}\t{text(segment)}\t"
        f"{flag(burning)}\t{number(since_us)}\t{flag(should_burn)}\t{number(level)}\t{number(power)}\t"
        f"{flag(lamp_fault)}\t{flag(driver_fault)}\t{number(energy)}\t{number(seconds)}\t{fact.until_us}\t"
        f"{flag(fact.failed)}\t{_meter_field(fact.energy)}\t{_meter_field(fact.lamp)}\t{alarms_field(fact.alarms)}\n"
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
