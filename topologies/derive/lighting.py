"""Nights of luminaires and of their segments, recomputed from the facts of the luminaires that are marked.

A mark names a luminaire and a night, so a new report costs one luminaire's night; a segment's night is summed from
those of its luminaires. What a site's devices said is one history, whoever of them said it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import psycopg

from pipeline.city.read import city_at
from pipeline.core.clock import from_us, to_us
from pipeline.core.settings import Settings
from pipeline.database.facts_from import facts_from
from pipeline.database.queries import load_queries
from topologies.derive.derivation import Derivation, Done
from topologies.derive.marks import taken
from topologies.lighting.limits import Limitations
from topologies.lighting.logic import NIGHT_MARK, SPREAD_US
from topologies.lighting.nights import Said, figures_of
from topologies.lighting.plan import Night, date_of
from topologies.runtime import rows
from topologies.runtime.model import Place

_QUERIES = load_queries("topologies.derive", "lighting.sql")
_FACTS: Final = "luminaire_state"
_REST_SECONDS: Final = 30.0
"""Lamps report every hour, and nobody waits for a night's sums: marks may gather."""


class _Wanted(NamedTuple):
    """A luminaire's night that is to be counted."""

    site: str
    night: Night


async def derive_nights(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
    """Recompute what is marked, in one transaction. Marks first, facts second."""
    async with taken(connection, NIGHT_MARK, settings.derive.batch_marks) as (cursor, marks):
        if not marks:
            return Done()
        whole_from = (await facts_from(cursor, {_FACTS}))[_FACTS]
        # Compared in microseconds: what always was is too early a time to count back from.
        whole_us = to_us(whole_from) + SPREAD_US
        whole = [(mark.subject, mark.bucket) for mark in marks if to_us(mark.bucket) >= whole_us]
        if whole:
            await _recompute(cursor, await _wanted(cursor, settings, sorted(set(whole))))
    return Done(len(marks), len(marks) - len(whole))


async def _wanted(
    cursor: psycopg.AsyncCursor[Any], settings: Settings, marked: Sequence[tuple[str, datetime]]
) -> list[_Wanted]:
    """The nights that are marked, by the plans of their sites as they were described by then."""
    limitations = _limitations(settings.topology.city)
    sites, begins = zip(*marked, strict=True)
    await cursor.execute(_QUERIES["read_places"], {"sites": list(sites), "begins": list(begins)})
    found = []
    for site, begin, group, attributes in await cursor.fetchall():
        begin_us = to_us(begin)
        place = Place(site, site, group or "", attributes or {}, begin_us, None)
        found.append(_Wanted(site, limitations.here(place).at(begin_us).plan.night(begin_us)))
    return found


@lru_cache(maxsize=8)
def _limitations(file: str) -> Limitations:
    """The plans of a city file, read once as the topology does."""
    return Limitations(city_at(file))


async def _recompute(cursor: psycopg.AsyncCursor[Any], wanted: Sequence[_Wanted]) -> None:
    said = await _said(cursor, wanted)
    figures = {
        (site, night.begin_us): found
        for site, night in wanted
        if (found := figures_of(said.get((site, night.begin_us), ()), night)) is not None
    }
    nights = _columns(
        ("sites", "begins", "ends", "nights"),
        ((site, from_us(night.begin_us), from_us(night.end_us), date_of(night.begin_us)) for site, night in wanted),
    )
    hours = _columns(
        ("hour_sites", "hours", "energies"),
        (
            (site, from_us(hour_us), energy)
            for (site, _), found in figures.items()
            for hour_us, energy in sorted(found.hours.items())
        ),
    )
    await cursor.execute(_QUERIES["keep_hours"], {**nights, **hours})
    await cursor.execute(_QUERIES["read_segments"], nights)
    segments = {(segment, night) for segment, night in await cursor.fetchall()}
    kept = _columns(
        ("kept_sites", "kept_nights", "segments", "energies", "due", "known", "lit", "burning", "rated"),
        ((site, date_of(begin_us), *found[:-1]) for (site, begin_us), found in figures.items()),
    )
    await cursor.execute(_QUERIES["keep_nights"], {**nights, **kept})
    segments |= {(found.segment, date_of(begin_us)) for (_, begin_us), found in figures.items()}
    ends = {date_of(night.begin_us): from_us(night.end_us) for _, night in wanted}
    named = sorted((segment, night, ends[night]) for segment, night in segments if segment)
    await cursor.execute(_QUERIES["sum_segments"], _columns(("segments", "nights", "ends"), named))


async def _said(
    cursor: psycopg.AsyncCursor[Any], wanted: Sequence[_Wanted]
) -> Mapping[tuple[str, int], Sequence[Said]]:
    """What was said of luminaires around their nights, by site and begin."""
    begins = [night.begin_us for _, night in wanted]
    ends = [night.end_us for _, night in wanted]
    await cursor.execute(
        _QUERIES["read_said"],
        {
            "sites": [site for site, _ in wanted],
            "begins": [*map(from_us, begins)],
            "ends": [*map(from_us, ends)],
            "spread": timedelta(microseconds=SPREAD_US),
            "first": from_us(min(begins) - SPREAD_US),
            "last": from_us(max(ends) + SPREAD_US),
        },
    )
    found: dict[tuple[str, int], list[Said]] = {}
    for site, begin, at, burning, until, *rest in await cursor.fetchall():
        used, used_since, lit, lit_since, rated, segment = rest
        found.setdefault((site, to_us(begin)), []).append(
            Said(
                observed_at_us=to_us(at),
                burning=burning,
                until_us=to_us(until),
                used_watt_hours=used,
                used_since_us=rows.time_us(used_since),
                lit_seconds=lit,
                lit_since_us=rows.time_us(lit_since),
                rated_watts=rated,
                segment=segment,
            )
        )
    return found


def _columns(names: Sequence[str], lines: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    """Lines as one array for each column."""
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for line in lines:
        for name, value in zip(names, line, strict=True):
            columns[name].append(value)
    return columns


NIGHTS: Final = Derivation(name="nights", run=derive_nights, rest_seconds=_REST_SECONDS)
