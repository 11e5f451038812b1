"""Phases of bays, held against the facts of the bays that are marked; and which stretches of a zone's history change.

Late data may begin, end, join or cut a phase: those of a bay are found anew from the last one that the mark cannot
have touched, and what differs is written. Where a phase is another, the quarters of an hour of its zone are marked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg

from pipeline.core.clock import MINUTE_US, from_us, to_us
from pipeline.core.settings import Settings
from pipeline.database.facts_from import facts_from
from pipeline.database.queries import load_queries
from topologies.derive.derivation import Derivation, Done
from topologies.derive.marks import taken
from topologies.derive.phases import BayFact, Phase, Span, from_known, phases
from topologies.parking.logic import STAY_MARK

QUARTER_MARK: Final = "parking_quarter"
QUARTER_US: Final = 15 * MINUTE_US
FACTS: Final = "parking_observation"
REST_SECONDS: Final = 5.0
_QUERIES = load_queries("topologies.derive", "parking.sql")


async def derive_stays(connection: psycopg.AsyncConnection[Any], settings: Settings) -> Done:
    """Find the phases of marked bays, in one transaction. Marks first, facts second."""
    async with taken(connection, STAY_MARK, settings.derive.batch_marks) as (cursor, marks):
        if not marks:
            return Done()
        whole_from = (await facts_from(cursor, {FACTS}))[FACTS]
        wanted: dict[str, datetime] = {}
        for _, site, from_at in marks:
            wanted[site] = min(from_at, wanted.get(site, from_at))
        await _recompute(cursor, wanted, whole_from)
    return Done(len(marks))


async def _recompute(cursor: psycopg.AsyncCursor[Any], wanted: Mapping[str, datetime], whole_from: datetime) -> None:
    """Write what differs."""
    given = {"sites": list(wanted), "from": list(wanted.values())}
    await cursor.execute(_QUERIES["load_phases"], given)
    stored: dict[str, list[Phase]] = defaultdict(list)
    starts: dict[str, Phase] = {}
    for site, is_start, *row in await cursor.fetchall():
        phase = _phase(row)
        stored[site].append(phase)
        if is_start:
            starts[site] = phase
    await cursor.execute(_QUERIES["load_spans"], {"sites": list(wanted)})
    spans: dict[str, list[Span]] = defaultdict(list)
    as_of_us: dict[str, int] = {}
    for site, device, valid_from, until, as_of in await cursor.fetchall():
        spans[site].append(Span(device, to_us(valid_from), None if until is None else to_us(until)))
        if as_of is not None:
            as_of_us[device] = to_us(as_of)
    begins = [from_us(starts[site].begin_us) if site in starts else whole_from for site in wanted]
    await cursor.execute(_QUERIES["load_bay_facts"], {"sites": list(wanted), "begins": begins})
    facts: dict[str, list[BayFact]] = defaultdict(list)
    for site, *row in await cursor.fetchall():
        facts[site].append(_fact(row))
    found = {site: from_known(phases(facts[site], spans[site], as_of_us), starts.get(site)) for site in wanted}
    await _write(cursor, stored, found)


async def _write(
    cursor: psycopg.AsyncCursor[Any], stored: Mapping[str, Sequence[Phase]], found: Mapping[str, Sequence[Phase]]
) -> None:
    gone, news = [], []
    quarters: set[tuple[str, int]] = set()
    now_us = await time_us(cursor)
    for site, phases_now in found.items():
        before = {phase.begin_us: phase for phase in stored.get(site, ())}
        after = {phase.begin_us: phase for phase in phases_now}
        gone += [(site, from_us(begin_us)) for begin_us in before.keys() - after.keys()]
        news += [(site, phase) for begin_us, phase in after.items() if before.get(begin_us) != phase]
        for begin_us in before.keys() | after.keys():
            if now_us is not None:
                quarters.update(changed_quarters(before.get(begin_us), after.get(begin_us), now_us))
    if gone:
        sites, begins = zip(*gone, strict=True)
        await cursor.execute(_QUERIES["delete_phases"], {"sites": list(sites), "begins": list(begins)})
    if news:
        await cursor.executemany(_QUERIES["store_phase"], [_row(site, phase) for site, phase in news])
    if quarters:
        await mark_quarters(cursor, quarters)


async def time_us(cursor: psycopg.AsyncCursor[Any]) -> int | None:
    """How far time has come in the stream of bays; None while no tick has come, and nothing is over."""
    await cursor.execute(_QUERIES["time"])
    row = await cursor.fetchone()
    return None if row is None else _time(row[0])


async def mark_quarters(cursor: psycopg.AsyncCursor[Any], quarters: Iterable[tuple[str, int]]) -> None:
    """Have quarters of an hour of zones recomputed."""
    zones, begins = zip(*sorted(quarters), strict=True)
    await cursor.execute(
        _QUERIES["mark_quarters"],
        {"what": QUARTER_MARK, "zones": list(zones), "begins": [from_us(each) for each in begins]},
    )


def changed_quarters(before: Phase | None, after: Phase | None, as_of_us: int) -> Iterator[tuple[str, int]]:
    """The quarters of an hour that are over and count otherwise, as (zone, begin)."""
    if before == after:
        return
    given = [phase for phase in (before, after) if phase is not None]
    from_us_ = given[0].begin_us
    until_us = max(as_of_us if phase.end_us is None else phase.end_us for phase in given)
    same = before is not None and after is not None and before.zone == after.zone and before.occupied == after.occupied
    if same and given[0].earliest_us == given[1].earliest_us:
        # Up to where the one and the other end they say the same.
        from_us_ = min(as_of_us if phase.end_us is None else phase.end_us for phase in given)
    first_us = from_us_ - from_us_ % QUARTER_US
    last_us = min(until_us, as_of_us - QUARTER_US)
    for zone in {phase.zone for phase in given if phase.zone is not None}:
        for begin_us in range(first_us, last_us + 1, QUARTER_US):
            yield zone, begin_us


def _time(value: datetime | None) -> int | None:
    return None if value is None else to_us(value)


def _fact(row: Sequence[Any]) -> BayFact:
    device, at, zone, occupied, since, earliest, settles, held, held_since, held_earliest, silent = row
    return BayFact(
        device,
        to_us(at),
        zone,
        occupied,
        to_us(since),
        _time(earliest),
        _time(settles),
        held,
        to_us(held_since),
        _time(held_earliest),
        to_us(silent),
    )


def _phase(row: Sequence[Any]) -> Phase:
    begin, zone, device, occupied, earliest, end, end_earliest, ended_by = row
    return Phase(to_us(begin), zone, device, occupied, _time(earliest), _time(end), _time(end_earliest), ended_by)


def _row(site: str, phase: Phase) -> dict[str, Any]:
    def time(at_us: int | None) -> datetime | None:
        return None if at_us is None else from_us(at_us)

    return {
        "site": site,
        "begin": from_us(phase.begin_us),
        "zone": phase.zone,
        "device": phase.device,
        "occupied": phase.occupied,
        "earliest": time(phase.earliest_us),
        "end": time(phase.end_us),
        "end_earliest": time(phase.end_earliest_us),
        "ended_by": phase.ended_by,
    }


STAYS: Final = Derivation(name="stays", run=derive_stays, rest_seconds=REST_SECONDS)
