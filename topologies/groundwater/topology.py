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
from topologies.runtime.binary import NULL, flag, head, integer, number, numbers, text, texts, time
from topologies.runtime.model import Surroundings, Table, Topology
from topologies.runtime.stage import stage_of

NAME: Final = "groundwater"
FACTS: Final = Table(
    "groundwater_level",
    (
        *("device", "observed_at", "event_id", "pressure_bar", "absolute_pressure_bar", "water_column_metres"),
        *("distance_metres", "air_pressure_hectopascals", "freezing", "site", "reference_hectopascals"),
        *("column_metres", "offset_metres", "level_metres_nhn", "depth_metres", "is_usable", "since", "past", "alarms"),
        "flags",
    ),
)
NOW: Final = Table(
    "groundwater_well",
    (
        *("device", "observed_at", "event_id", "partition", "site", "level_metres_nhn", "level_at", "depth_metres"),
        *("column_metres", "offset_metres", "rise_metres_per_hour", "since", "flags", "past", "alarms"),
    ),
)
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
        facts=FACTS,
        fact_row=fact_row,
        now=NOW,
        now_row=now_row,
        read_fact=read_fact,
        read_now=read_now,
        rules=RULES,
        maintenance=city.maintenance,
        surroundings=Surroundings(queries=("load_air_pressure", "load_dips"), bind=logic.within, reach_us=GAP_US),
        late_hours=city.late_hours(FAMILY, late_hours),
    )


def fact_row(fact: Level) -> bytes:
    """A level for `groundwater_level`."""
    device, at_us, event_id, pressure, absolute, water, distance, air, freezing, site = fact[:10]
    reference, column, offset, level, depth, is_usable, since_us, past, alarms, flags = fact[10:]
    return b"".join(
        (
            head(len(FACTS.columns), device, at_us, event_id),
            number(pressure),
            number(absolute),
            number(water),
            number(distance),
            number(air),
            flag(freezing),
            text(site),
            number(reference),
            number(column),
            number(offset),
            number(level),
            number(depth),
            flag(is_usable),
            time(since_us),
            numbers(past),
            alarms_field(alarms) if alarms else NULL,
            texts(flags),
        )
    )


def now_row(partition: int, fact: Level, shown: Now) -> bytes:
    """A well for `groundwater_well`."""
    site, level, level_us, depth, column, offset, rise, since_us, flags = shown
    return b"".join(
        (
            head(len(NOW.columns), fact.device, fact.observed_at_us, fact.event_id),
            integer(partition),
            text(site),
            number(level),
            time(level_us),
            number(depth),
            number(column),
            number(offset),
            number(rise),
            time(since_us),
            texts(flags),
            numbers(fact.past),
            alarms_field(fact.alarms),
        )
    )


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
