"""The parking topology: its logic, its tables, its stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pipeline.city.model import City
from pipeline.city.read import load_city
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.parking.logic import Bay, Now, Observation, ParkingLogic
from topologies.runtime import rows
from topologies.runtime.model import Topology
from topologies.runtime.rows import flag, number, text, texts
from topologies.runtime.stage import stage_of

NAME: Final = "parking"
FAMILY: Final = "parking"


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
        logic=ParkingLogic(),
        queries=load_queries("topologies.parking"),
        fact_line=fact_line,
        now_line=now_line,
        read_fact=read_fact,
        read_now=read_now,
        late_hours=city.late_hours(FAMILY, late_hours),
    )


def fact_line(fact: Bay) -> str:
    """An observation for `stage_facts`."""
    return (
        f"{fact.device}\t{fact.observed_at_us}\t{fact.event_id.hex()}\t{flag(fact.reported)}\t{text(fact.site)}\t"
        f"{text(fact.zone)}\t{flag(fact.occupied)}\t{number(fact.since_us)}\t{texts(fact.flags)}\n"
    )


def now_line(partition: int, fact: Bay, shown: Now) -> str:
    """A bay for `stage_now`."""
    return (
        f"{fact.device}\t{partition}\t{fact.observed_at_us}\t{fact.event_id.hex()}\t{text(shown.site)}\t"
        f"{text(shown.zone)}\t{flag(shown.occupied)}\t{number(shown.since_us)}\n"
    )


def read_fact(row: Sequence[Any]) -> Bay:
    """An observation from a row."""
    device, observed_at, event_id, reported, site, zone, occupied, since, flags = row[:9]
    return Bay(
        DevEui(device),
        rows.known_us(observed_at),
        rows.identity(event_id),
        reported,
        site,
        zone,
        occupied,
        rows.time_us(since),
        rows.names(flags),
    )


def read_now(row: Sequence[Any]) -> tuple[Bay, Now]:
    """The newest observation and what is shown, from a row."""
    site, zone, occupied, since = row[9:13]
    return read_fact(row), Now(site, zone, occupied, rows.time_us(since))


STAGE: Final = stage_of(NAME, "Parking bays: occupied, free or unknown.", build)
