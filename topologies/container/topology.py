"""The container topology: its logic, its tables, its stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pipeline.city.model import City
from pipeline.city.read import load_city
from pipeline.core import topics
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.container.facts import Level, Measurement, Now
from topologies.container.limits import FAMILY
from topologies.container.logic import ContainerLogic
from topologies.container.rules import RULES
from topologies.container.trend import read_trend
from topologies.runtime import alert_events, rows
from topologies.runtime.alarms import alarms_field, read_alarms
from topologies.runtime.model import Topology
from topologies.runtime.rows import NULL, flag, number, text, texts
from topologies.runtime.stage import stage_of

NAME: Final = "container"
_NOTHING_OWN: Final = f"{NULL}\t{NULL}"
_NO_DROP: Final = f"{NULL}\t{NULL}\t{NULL}"


def build(settings: Settings) -> Topology[Measurement, Level, Now]:
    """The topology of an installation."""
    return of_city(load_city(settings), late_hours=settings.topology.late_hours)


def of_city(city: City, *, late_hours: int = 48) -> Topology[Measurement, Level, Now]:
    """The topology with a city's rules.

    Args:
        city: its rules.
        late_hours: how late a reading may be where the city does not say so.
    """
    return Topology(
        name=NAME,
        family=FAMILY,
        logic=ContainerLogic(city),
        queries=load_queries("topologies.container"),
        fact_line=fact_line,
        now_line=now_line,
        read_fact=read_fact,
        read_now=read_now,
        rules=RULES,
        maintenance=city.maintenance,
        late_hours=city.late_hours(FAMILY, late_hours),
    )


def fact_line(fact: Level) -> str:
    """A level for `stage_facts`; the fill that holds is written only where the frame gave none of its own."""
    (device, at_us, event_id, distance, tilted, celsius, sensor_fill, site, fill, level, prior, is_full) = fact[:12]
    (since_us, drop_us, drop_ratio, emptying, emptied_us, watched_us, due_us, trend, alarms, flags) = fact[12:]
    # Most facts have no drop, no emptying and no temperature: one look for all of them.
    drop, own = _NO_DROP, _NOTHING_OWN
    if drop_us is not None or emptying is not None:
        drop = f"{number(drop_us)}\t{number(drop_ratio)}\t{number(emptying)}"
    if celsius is not None or sensor_fill is not None:
        own = f"{number(celsius)}\t{number(sensor_fill)}"
    held = NULL if fill is not None else number(level)
    # Many facts have the same points: they are written with the one that changed them.
    is_news = trend is not None and (emptying is not None or trend.times_us[-1] == at_us)
    points = NULL if trend is None or not is_news else trend.field
    return (
        f"{device}\t{at_us}\t{event_id.hex()}\t{NULL if distance is None else distance}\t{flag(tilted)}\t{own}\t"
        f"{text(site)}\t{NULL if fill is None else fill}\t{held}\t{NULL if prior is None else prior}\t"
        f"{flag(is_full)}\t{NULL if since_us is None else since_us}\t{drop}\t"
        f"{NULL if emptied_us is None else emptied_us}\t{NULL if watched_us is None else watched_us}\t"
        f"{NULL if due_us is None else due_us}\t{points}\t{alarms_field(alarms) if alarms else NULL}\t{texts(flags)}\n"
    )


def now_line(partition: int, fact: Level, shown: Now) -> str:
    """A container for `stage_now`."""
    site, fill, distance, tilted, is_full, since_us, suspected, *rest = shown
    numbers = "\t".join(map(number, rest))
    return (
        f"{fact.device}\t{partition}\t{fact.observed_at_us}\t{fact.event_id.hex()}\t{text(site)}\t{number(fill)}\t"
        f"{number(distance)}\t{flag(tilted)}\t{flag(is_full)}\t{number(since_us)}\t{flag(suspected)}\t{numbers}\t"
        f"{number(fact.watched_us)}\t{NULL if fact.trend is None else fact.trend.field}\t{alarms_field(fact.alarms)}\n"
    )


def read_fact(row: Sequence[Any]) -> Level:
    """A level from a row."""
    device, observed_at, event_id, distance, tilted, celsius, sensor_fill, site, fill, held, prior, is_full = row[:12]
    since, drop_at, drop_ratio, emptying, emptied_at, watched_since, due_at, trend, alarms, flags = row[12:22]
    return Level(
        DevEui(device),
        rows.known_us(observed_at),
        rows.identity(event_id),
        distance,
        tilted,
        celsius,
        sensor_fill,
        site,
        fill,
        held if fill is None else fill,
        prior,
        is_full,
        rows.time_us(since),
        rows.time_us(drop_at),
        drop_ratio,
        emptying,
        rows.time_us(emptied_at),
        rows.time_us(watched_since),
        rows.time_us(due_at),
        read_trend(trend),
        read_alarms(alarms),
        rows.names(flags),
    )


def read_now(row: Sequence[Any]) -> tuple[Level, Now]:
    """The newest level and what is shown, from a row."""
    site, fill, distance, tilted, is_full, since, suspected, celsius, sensor_fill, emptied_at, due_at, rate = row[22:34]
    shown = Now(
        site,
        fill,
        distance,
        tilted,
        is_full,
        rows.time_us(since),
        suspected,
        celsius,
        sensor_fill,
        rows.time_us(emptied_at),
        rows.time_us(due_at),
        rate,
        *map(rows.time_us, row[34:40]),
    )
    return read_fact(row), shown


STAGE: Final = stage_of(
    NAME,
    "Fill levels of containers, emptyings and alerts.",
    build,
    publishes=(alert_events.publication(topics.alerts("container")),),
)
