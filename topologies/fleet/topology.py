"""The fleet topology: its logic, its tables, its stage."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from pipeline.city.model import City
from pipeline.city.read import load_city
from pipeline.core import topics
from pipeline.core.clock import MINUTE_US
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from schemas.silkstream.v1.frame_pb2 import Frame
from topologies.fleet.facts import Life, Now, Sign
from topologies.fleet.limits import FAMILY
from topologies.fleet.logic import FleetLogic
from topologies.runtime import rows
from topologies.runtime.binary import bigint, flag, head, integer, integers, number, text, texts, time
from topologies.runtime.model import Table, Topology
from topologies.runtime.stage import stage_of

NAME: Final = "fleet"
_WIDTH: Final = len(Life._fields)
_LIFE: Final = (
    *("device", "observed_at", "event_id", "raw_offset", "event", "is_copy", "profile", "family", "gateways"),
    *("reported_ratio", "site", "known_family", "gaps", "interval_seconds", "due_at", "usual", "missed", "silent_from"),
)
FACTS: Final = Table("fleet_frame", _LIFE)
NOW: Final = Table("fleet_device", (*("fact_site" if name == "site" else name for name in _LIFE), "site", "partition"))


def build(settings: Settings) -> Topology[Sign, Life, Now]:
    """The topology of an installation."""
    return of_city(load_city(settings), late_hours=settings.topology.late_hours)


def of_city(city: City, *, late_hours: int = 48) -> Topology[Sign, Life, Now]:
    """The topology with a city's rules.

    Args:
        city: its rules.
        late_hours: how late a frame may be where the city does not say so.
    """
    return Topology(
        name=NAME,
        family=FAMILY,
        topic=topics.FRAME,
        message=Frame,
        logic=FleetLogic(city),
        queries=load_queries("topologies.fleet"),
        facts=FACTS,
        fact_row=fact_row,
        now=NOW,
        now_row=now_row,
        read_fact=read_fact,
        read_now=read_now,
        beside=minutes_heard,
        late_hours=city.late_hours(FAMILY, late_hours),
    )


_missed = lru_cache(maxsize=1000)(integers)
"""Nearly all are zeros; gaps are nearly all others."""


def _fields(table: Table, fact: Life) -> list[bytes]:
    """The begin of a row of one of the two tables."""
    (device, at_us, event_id, raw_offset, event, is_copy, profile, family, gateways, ratio) = fact[:10]
    (site, known_family, gaps, interval, due_us, usual, missed, silent_from_us) = fact[10:]
    return [
        head(len(table.columns), device, at_us, event_id),
        bigint(raw_offset),
        text(event),
        flag(is_copy),
        text(profile),
        text(family),
        texts(gateways),
        number(ratio),
        text(site),
        text(known_family),
        integers(gaps),
        integer(interval),
        time(due_us),
        texts(usual),
        _missed(missed),
        time(silent_from_us),
    ]


def fact_row(fact: Life) -> bytes:
    """A sign of life for `fleet_frame`."""
    return b"".join(_fields(FACTS, fact))


def now_row(partition: int, fact: Life, shown: Now) -> bytes:
    """A device for `fleet_device`: the newest fact, whole, so that it is there when retention has taken the fact."""
    return b"".join((*_fields(NOW, fact), text(shown.site), integer(partition)))


def minutes_heard(facts: Sequence[Life]) -> dict[str, Any]:
    """The minutes in which gateways heard somebody, sorted, since partitions write the same ones."""
    minutes = sorted({(gateway, fact.observed_at_us // MINUTE_US) for fact in facts for gateway in fact.gateways})
    return {"gateways": [gateway for gateway, _ in minutes], "minutes": [minute for _, minute in minutes]}


def read_fact(row: Sequence[Any]) -> Life:
    """A sign of life from a row."""
    (device, observed_at, event_id, raw_offset, event, is_copy, profile, family, gateways, ratio) = row[:10]
    (site, known_family, gaps, interval, due_at, usual, missed, silent_from) = row[10:_WIDTH]
    return Life(
        DevEui(device),
        rows.known_us(observed_at),
        rows.identity(event_id),
        raw_offset,
        event,
        is_copy,
        profile,
        family,
        tuple(gateways),
        ratio,
        site,
        known_family,
        tuple(gaps),
        interval,
        rows.known_us(due_at),
        tuple(usual),
        tuple(missed),
        rows.time_us(silent_from),
    )


def read_now(row: Sequence[Any]) -> tuple[Life, Now]:
    """The newest sign of life and what is shown, from a row."""
    return read_fact(row), Now(row[_WIDTH])


STAGE: Final = stage_of(NAME, "Every device: when it was heard, how often it speaks, by which gateways.", build)
