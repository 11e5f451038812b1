"""The groundwater topology: its logic, its tables, its stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pipeline.city.model import City
from pipeline.city.read import load_city
from pipeline.core import topics
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.groundwater.facts import START, Level, Measurement, Now, Past
from topologies.groundwater.limits import FAMILY, Limitations
from topologies.groundwater.logic import GroundwaterLogic
from topologies.groundwater.rules import RULES
from topologies.groundwater.surroundings import GAP_US
from topologies.runtime import alert_events, rows
from topologies.runtime.alarms import alarms_field, read_alarms
from topologies.runtime.model import Surroundings, Topology
from topologies.runtime.rows import NULL, flag, number, text, texts
from topologies.runtime.stage import stage_of

NAME: Final = "groundwater"
_TIMES: Final = tuple(index for index, name in enumerate(Past._fields) if name.endswith("_us"))


def build(settings: Settings) -> Topology[Measurement, Level, Now]:
    """The topology of an installation."""
    return of_city(load_city(settings), late_hours=settings.topology.late_hours)


def of_city(city: City, *, late_hours: int = 48) -> Topology[Measurement, Level, Now]:
    """The topology with a city's rules.

    Args:
        city: its rules.
        late_hours: how late a reading may be where the city does not say so.
    """
    logic = GroundwaterLogic(Limitations(city))
    return Topology(
        name=NAME,
        family=FAMILY,
        logic=logic,
        queries=load_queries("topologies.groundwater"),
        fact_line=fact_line,
        now_line=now_line,
        read_fact=read_fact,
        read_now=read_now,
        rules=RULES,
        maintenance=city.maintenance,
        surroundings=Surroundings(queries=("load_air_pressure", "load_dips"), bind=logic.within, reach_us=GAP_US),
        late_hours=city.late_hours(FAMILY, late_hours),
    )


def fact_line(fact: Level) -> str:
    """A level for `stage_facts`."""
    device, at_us, event_id, pressure, absolute, water, distance, air, freezing, site = fact[:10]
    reference, column, offset, level, depth, is_usable, since_us, past, alarms, flags = fact[10:]
    return (
        f"{device}\t{at_us}\t{event_id.hex()}\t{NULL if pressure is None else pressure}\t"
        f"{NULL if absolute is None else absolute}\t{NULL if water is None else water}\t"
        f"{NULL if distance is None else distance}\t{NULL if air is None else air}\t{flag(freezing)}\t{text(site)}\t"
        f"{NULL if reference is None else reference}\t{NULL if column is None else column}\t{offset}\t"
        f"{NULL if level is None else level}\t{NULL if depth is None else depth}\t{'t' if is_usable else 'f'}\t"
        f"{since_us}\t{_array(past)}\t{alarms_field(alarms) if alarms else NULL}\t{texts(flags)}\n"
    )


def now_line(partition: int, fact: Level, shown: Now) -> str:
    """A well for `stage_now`."""
    site, level, level_us, depth, column, offset, rise, since_us, flags = shown
    numbers = "\t".join(map(number, (level, level_us, depth, column, offset, rise, since_us)))
    return (
        f"{fact.device}\t{partition}\t{fact.observed_at_us}\t{fact.event_id.hex()}\t{text(site)}\t{numbers}\t"
        f"{texts(flags)}\t{_array(fact.past)}\t{alarms_field(fact.alarms)}\n"
    )


def _array(past: Past) -> str:
    # The tuple's own text is twice as fast as one of its members after the other.
    return "{" + tuple.__repr__(past)[1:-1].replace("None", "NULL") + "}"


def _past(values: Sequence[float | None] | None) -> Past:
    if values is None:
        return START
    found: list[Any] = list(values)
    for index in _TIMES:
        if (value := found[index]) is not None:
            found[index] = round(value)
    return Past(*found)


def read_fact(row: Sequence[Any]) -> Level:
    """A level from a row."""
    device, observed_at, event_id, pressure, absolute, water, distance, air, freezing = row[:9]
    site, reference, column, offset, level, depth, is_usable, since, past, alarms, flags = row[9:20]
    return Level(
        DevEui(device),
        rows.known_us(observed_at),
        rows.identity(event_id),
        pressure,
        absolute,
        water,
        distance,
        air,
        freezing,
        site,
        reference,
        column,
        offset,
        level,
        depth,
        is_usable,
        rows.known_us(since),
        _past(past),
        read_alarms(alarms),
        rows.names(flags),
    )


def read_now(row: Sequence[Any]) -> tuple[Level, Now]:
    """The newest level and what is shown, from a row."""
    site, level, level_at, depth, column, offset, rise, since, flags = row[20:29]
    shown = Now(
        site, level, rows.time_us(level_at), depth, column, offset, rise, rows.time_us(since), rows.names(flags)
    )
    return read_fact(row), shown


STAGE: Final = stage_of(
    NAME,
    "Water levels of wells above NHN, and alerts.",
    build,
    publishes=(alert_events.publication(topics.alerts("groundwater")),),
)
