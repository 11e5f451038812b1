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
from topologies.runtime.binary import NULL, flag, head, integer, number, text, texts, time
from topologies.runtime.model import Table, Topology
from topologies.runtime.stage import stage_of

NAME: Final = "container"
FACTS: Final = Table(
    "container_level",
    (
        *("device", "observed_at", "event_id", "distance_metres", "tilted", "device_temperature_celsius"),
        *("sensor_fill_ratio", "site", "fill_ratio", "held_ratio", "prior_ratio", "is_full", "since", "drop_at"),
        *("drop_ratio", "emptying_ratio", "emptied_at", "watched_since", "due_at", "trend", "alarms", "flags"),
    ),
)
NOW: Final = Table(
    "container",
    (
        *("device", "observed_at", "event_id", "partition", "site", "fill_ratio", "distance_metres", "tilted"),
        *("is_full", "since", "suspected_full", "device_temperature_celsius", "sensor_fill_ratio", "emptied_at"),
        *("due_at", "rate_per_day", "nearly_full_at", "nearly_full_earliest_at", "nearly_full_latest_at", "full_at"),
        *("full_earliest_at", "full_latest_at", "watched_since", "trend", "alarms"),
    ),
)
_NOTHING_OWN: Final = 2 * NULL
_NO_DROP: Final = 3 * NULL


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


def fact_row(fact: Level) -> bytes:
    """A level for `container_level`; the fill that holds is written only where the frame gave none of its own."""
    (device, at_us, event_id, distance, tilted, celsius, sensor_fill, site, fill, level, prior, is_full) = fact[:12]
    (since_us, drop_us, drop_ratio, emptying, emptied_us, watched_us, due_us, trend, alarms, flags) = fact[12:]
    # Most facts have no drop, no emptying and no temperature: one look for all of them.
    drop, own = _NO_DROP, _NOTHING_OWN
    if drop_us is not None or emptying is not None:
        drop = time(drop_us) + number(drop_ratio) + number(emptying)
    if celsius is not None or sensor_fill is not None:
        own = number(celsius) + number(sensor_fill)
    # Many facts have the same points: they are written with the one that changed them.
    is_news = trend is not None and (emptying is not None or trend.times_us[-1] == at_us)
    return b"".join(
        (
            head(len(FACTS.columns), device, at_us, event_id),
            number(distance),
            flag(tilted),
            own,
            text(site),
            number(fill),
            number(level) if fill is None else NULL,
            number(prior),
            flag(is_full),
            time(since_us),
            drop,
            time(emptied_us),
            time(watched_us),
            time(due_us),
            NULL if trend is None or not is_news else trend.field,
            alarms_field(alarms) if alarms else NULL,
            texts(flags),
        )
    )


def now_row(partition: int, fact: Level, shown: Now) -> bytes:
    """A container for `container`."""
    site, fill, distance, tilted, is_full, since_us, suspected, celsius, sensor_fill, emptied_us, due_us, rate = shown[
        :12
    ]
    return b"".join(
        (
            head(len(NOW.columns), fact.device, fact.observed_at_us, fact.event_id),
            integer(partition),
            text(site),
            number(fill),
            number(distance),
            flag(tilted),
            flag(is_full),
            time(since_us),
            flag(suspected),
            number(celsius),
            number(sensor_fill),
            time(emptied_us),
            time(due_us),
            number(rate),
            *map(time, shown[12:]),
            time(fact.watched_us),
            NULL if fact.trend is None else fact.trend.field,
            alarms_field(fact.alarms),
        )
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
