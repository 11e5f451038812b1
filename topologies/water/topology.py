"""The water topology: its logic, its tables, its stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pipeline.city.model import City
from pipeline.city.read import load_city
from pipeline.core import topics
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.runtime import alert_events, rows
from topologies.runtime.alarms import alarms_field, read_alarms
from topologies.runtime.binary import NULL, head, integer, jsonb, number, text, texts, time
from topologies.runtime.model import Table, Topology
from topologies.runtime.stage import stage_of
from topologies.water.facts import Consumption, Low, Now, Report, Track, Volumes
from topologies.water.limits import FAMILY
from topologies.water.logic import WaterLogic
from topologies.water.rules import RULES

NAME: Final = "water"
FACTS: Final = Table(
    "water_consumption",
    (
        *("device", "observed_at", "event_id", "volumes", "raised", "cleared", "site", "used_litres"),
        *("peak_litres_per_hour", "track", "found", "meter_alarms", "alarms", "flags"),
    ),
)
NOW: Final = Table(
    "water_meter",
    (
        *("device", "observed_at", "event_id", "partition", "site", "volume_litres", "measured_at"),
        *("flow_litres_per_hour", "lowest_litres_per_hour", "still_since", "found", "meter_alarms", "track", "alarms"),
    ),
)
_encode: Final = msgspec.json.Encoder().encode


def build(settings: Settings) -> Topology[Report, Consumption, Now]:
    """The topology of an installation."""
    return of_city(load_city(settings), late_hours=settings.topology.late_hours)


def of_city(city: City, *, late_hours: int = 48) -> Topology[Report, Consumption, Now]:
    """The topology with a city's rules.

    Args:
        city: its rules.
        late_hours: how late a reading may be where the city does not say so.
    """
    return Topology(
        name=NAME,
        family=FAMILY,
        logic=WaterLogic(city),
        queries=load_queries("topologies.water"),
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


def fact_row(fact: Consumption) -> bytes:
    """A fact for `water_consumption`."""
    device, at_us, event_id, volumes, raised, cleared, site, used, peak, track, found, own, alarms, flags = fact
    return b"".join(
        (
            head(len(FACTS.columns), device, at_us, event_id),
            jsonb(_encode(volumes)) if volumes else NULL,
            texts(raised),
            texts(cleared),
            text(site),
            number(used),
            number(peak),
            _track_field(track),
            texts(found),
            texts(own),
            alarms_field(alarms) if alarms else NULL,
            texts(flags),
        )
    )


def now_row(partition: int, fact: Consumption, shown: Now) -> bytes:
    """A meter for `water_meter`."""
    site, volume, measured_us, flow, lowest, still_us, found, own = shown
    return b"".join(
        (
            head(len(NOW.columns), fact.device, fact.observed_at_us, fact.event_id),
            integer(partition),
            text(site),
            number(volume),
            time(measured_us),
            number(flow),
            number(lowest),
            time(still_us),
            texts(found),
            texts(own),
            _track_field(fact.track),
            alarms_field(fact.alarms) if fact.alarms else NULL,
        )
    )


def read_fact(row: Sequence[Any]) -> Consumption:
    """A fact from a row."""
    device, observed_at, event_id, volumes, raised, cleared, site, used, peak, track, found, own, alarms, flags = row[
        :14
    ]
    return Consumption(
        DevEui(device),
        rows.known_us(observed_at),
        rows.identity(event_id),
        tuple(Volumes(first_us, step_us, tuple(litres)) for first_us, step_us, litres in volumes or ()),
        rows.names(raised),
        rows.names(cleared),
        site,
        used,
        peak,
        _read_track(track),
        rows.names(found),
        rows.names(own),
        read_alarms(alarms),
        rows.names(flags),
    )


def read_now(row: Sequence[Any]) -> tuple[Consumption, Now]:
    """The newest fact and what is shown, from a row."""
    site, volume, measured_at, flow, lowest, still_since, found, own = row[14:22]
    shown = Now(
        site,
        volume,
        rows.time_us(measured_at),
        flow,
        lowest,
        rows.time_us(still_since),
        rows.names(found),
        rows.names(own),
    )
    return read_fact(row), shown


def _track_field(track: Track | None) -> bytes:
    return NULL if track is None else jsonb(_encode(track))


def _read_track(value: Sequence[Any] | None) -> Track | None:
    if value is None:
        return None
    last_us, last, anchor_us, anchor, known_from_us, still_us, fast_us, lows = value
    return Track(last_us, last, anchor_us, anchor, known_from_us, still_us, fast_us, tuple(Low(*low) for low in lows))


STAGE: Final = stage_of(
    NAME,
    "Consumption of water meters, leaks, bursts and alerts.",
    build,
    publishes=(
        alert_events.publication(topics.alerts(FAMILY)),
        alert_events.publication(topics.alerts(FAMILY, personal=True)),
    ),
)
