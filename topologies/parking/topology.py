"""The parking topology: its logic, its tables, its stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pipeline.city.model import City
from pipeline.city.read import load_city
from pipeline.core import topics
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.parking.facts import Bay, Now, Observation
from topologies.parking.limits import FAMILY
from topologies.parking.logic import ParkingLogic
from topologies.parking.rules import RULES
from topologies.runtime import alert_events, rows
from topologies.runtime.binary import flag, head, integer, text, texts, time
from topologies.runtime.model import Table, Topology
from topologies.runtime.stage import stage_of

NAME: Final = "parking"
FACTS: Final = Table(
    "parking_observation",
    (
        *("device", "observed_at", "event_id", "reported", "heartbeat", "site", "zone", "occupied", "since"),
        *("earliest_at", "settles_at", "held", "held_since", "held_earliest_at", "silent_at", "overstay_at", "flags"),
    ),
)
NOW: Final = Table(
    "parking_bay",
    ("device", "observed_at", "event_id", "partition", "site", "zone", "occupied", "since", "settled"),
)


def build(settings: Settings) -> Topology[Observation, Bay, Now]:
    """The topology of an installation."""
    return of_city(load_city(settings), late_hours=settings.topology.late_hours)


def of_city(city: City, *, late_hours: int = 48) -> Topology[Observation, Bay, Now]:
    """The topology with a city's rules.

    Args:
        city: its rules.
        late_hours: how late a reading may be where the city does not say so.
    """
    return Topology(
        name=NAME,
        family=FAMILY,
        logic=ParkingLogic(city),
        queries=load_queries("topologies.parking"),
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


def fact_row(fact: Bay) -> bytes:
    """An observation for `parking_observation`."""
    device, at_us, event_id, reported, heartbeat, site, zone, occupied, since_us, earliest_us, settles_us = fact[:11]
    held, held_since_us, held_earliest_us, silent_us, overstay_us, flags = fact[11:]
    return b"".join(
        (
            head(len(FACTS.columns), device, at_us, event_id),
            flag(reported),
            flag(heartbeat),
            text(site),
            text(zone),
            flag(occupied),
            time(since_us),
            time(earliest_us),
            time(settles_us),
            flag(held),
            time(held_since_us),
            time(held_earliest_us),
            time(silent_us),
            time(overstay_us),
            texts(flags),
        )
    )


def now_row(partition: int, fact: Bay, shown: Now) -> bytes:
    """A bay for `parking_bay`."""
    site, zone, occupied, since_us, settled = shown
    return b"".join(
        (
            head(len(NOW.columns), fact.device, fact.observed_at_us, fact.event_id),
            integer(partition),
            text(site),
            text(zone),
            flag(occupied),
            time(since_us),
            flag(settled),
        )
    )


def read_fact(row: Sequence[Any]) -> Bay:
    """An observation from a row.

    Where retention has taken it, what is shown stands for it: the sensor has been silent for long.
    """
    device, observed_at, event_id, reported, heartbeat, site, zone, occupied, since, earliest_at, settles_at = row[:11]
    held, held_since, held_earliest_at, silent_at, overstay_at, flags = row[11:17]
    at_us = rows.known_us(observed_at)
    since_us = rows.time_us(since) or at_us
    return Bay(
        DevEui(device),
        at_us,
        rows.identity(event_id),
        reported,
        heartbeat,
        site,
        zone,
        occupied,
        since_us,
        rows.time_us(earliest_at),
        rows.time_us(settles_at),
        held,
        rows.time_us(held_since) or since_us,
        rows.time_us(held_earliest_at),
        rows.time_us(silent_at) or at_us,
        rows.time_us(overstay_at),
        rows.names(flags),
    )


def read_now(row: Sequence[Any]) -> tuple[Bay, Now]:
    """The newest observation and what is shown, from a row."""
    site, zone, occupied, since, settled = row[17:22]
    return read_fact(row), Now(site, zone, occupied, rows.time_us(since), settled)


STAGE: Final = stage_of(
    NAME,
    "Parking bays: occupied, free or unknown, and for too long.",
    build,
    publishes=(alert_events.publication(topics.alerts(FAMILY)),),
)
