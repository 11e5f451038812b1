"""The fleet topology: its logic, its tables, its stage."""

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
from schemas.silkstream.v1.frame_pb2 import Frame
from topologies.fleet.facts import Life, Now, Sign
from topologies.fleet.limits import FAMILY
from topologies.fleet.logic import FleetLogic
from topologies.runtime import rows
from topologies.runtime.model import Topology
from topologies.runtime.rows import NULL, flag, number, text, texts
from topologies.runtime.stage import stage_of

NAME: Final = "fleet"
_WIDTH: Final = len(Life._fields)


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
        fact_line=fact_line,
        now_line=now_line,
        read_fact=read_fact,
        read_now=read_now,
        late_hours=city.late_hours(FAMILY, late_hours),
    )


@lru_cache(maxsize=1000)
def _numbers(values: tuple[int, ...]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def _line(fact: Life) -> str:
    (device, at_us, event_id, raw_offset, event, is_copy, profile, family, gateways, ratio) = fact[:10]
    (site, known_family, gaps, interval, due_us, usual, missed, silent_from_us) = fact[10:]
    heard = texts(gateways)
    # Most frames are heard by those that usually hear them.
    usually = heard if usual == gateways else texts(usual)
    return (
        f"{device}\t{at_us}\t{event_id.hex()}\t{raw_offset}\t{event}\t{flag(is_copy)}\t{text(profile)}\t{text(family)}\t"
        f"{heard}\t{NULL if ratio is None else ratio}\t{text(site)}\t{text(known_family)}\t"
        f"{{{','.join(map(str, gaps))}}}\t{NULL if interval is None else interval}\t{due_us}\t{usually}\t"
        f"{_numbers(missed)}\t{number(silent_from_us)}"
    )


def fact_line(fact: Life) -> str:
    """A sign of life for `stage_facts`."""
    return _line(fact) + "\n"


def now_line(partition: int, fact: Life, shown: Now) -> str:
    """A device for `stage_now`: the newest fact, whole, so that it is there when retention has taken the fact."""
    return f"{_line(fact)}\t{text(shown.site)}\t{partition}\n"


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
