"""Judges a run by what the simulator published, what the raw log holds, and what a replay makes of it.

Three independent witnesses: the simulator's ledger says what the broker acknowledged; the pure decode says what the
topics should hold; a replay without failures says what the tables should hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from psycopg import sql

from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.database.families import table_of
from pipeline.kafka.consumer import open_log
from pipeline.simulator import Ledger
from tests.chaos.replay import Comparison, replay_and_compare
from tests.chaos.settle import families
from tests.chaos.streams import Found, Recomputed, Told, find, listen, recompute
from tests.chaos.system import System


@dataclass(slots=True)
class Judgement:
    """What became of everything that was published."""

    published: dict[str, int] = field(default_factory=dict)
    """By event and fate, as `up accepted`."""
    published_total: int = 0
    unheard: int = 0
    """Acknowledged by the broker though nobody was subscribed."""
    raw_records: int = 0
    raw_ticks: int = 0
    raw_repeats: int = 0
    stored: dict[str, int] = field(default_factory=dict)
    """Rows of `frame` by verdict, and reason where there is one."""
    repeated: dict[str, int] = field(default_factory=dict)
    """Records of repeated blocks by topic: harmless, since they are known by their raw offset."""
    dead: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    """Outgoing events by topic."""
    told_repeats: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)
    replay_seconds: float = 0.0

    @property
    def is_even(self) -> bool:
        """Nothing lost, nothing doubled, nothing out of order, nothing different from the recomputation."""
        return not (self.lost or self.doubled or self.problems)

    def plain(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


async def judge(system: System, ledgers: Sequence[Ledger]) -> Judgement:
    """Judge a system that has settled.

    Args:
        system: its stages may still run.
        ledgers: of all loads that its namespace has had, in their order.
    """
    settings = system.settings
    judgement = Judgement()
    async with open_log(settings) as log:
        recomputed = await recompute(settings, log)
        found = await find(settings, log)
        told = await listen(settings, log)
    _published(judgement, ledgers)
    if judgement.unheard:
        judgement.problems.append(f"{judgement.unheard} messages were published while the broker knew no bridge")
    _logs(judgement, recomputed, found)
    _order(judgement, ledgers, recomputed, found)
    _told(judgement, told)
    await _tables(judgement, settings, ledgers, recomputed)
    if judgement.lost:
        judgement.problems.append(f"{judgement.lost} published events have no row")
    judgement.problems += [f"{d.name} ended by itself with {d.status}: {d.said}" for d in system.deaths]
    _replayed(judgement, await replay_and_compare(system))
    return judgement


def _published(judgement: Judgement, ledgers: Sequence[Ledger]) -> None:
    counts: Counter[str] = Counter()
    for ledger in ledgers:
        for event, fates in ledger.counts.items():
            counts.update({f"{event} {fate}": number for fate, number in fates.items()})
        judgement.published_total += ledger.published
        judgement.unheard += ledger.unheard
    judgement.published = dict(sorted(counts.items()))


def _logs(judgement: Judgement, recomputed: Recomputed, found: Found) -> None:
    """The topics behind decode hold exactly what follows from the raw log, in its order."""
    judgement.raw_records = recomputed.records
    judgement.raw_ticks = recomputed.ticks
    judgement.raw_repeats = recomputed.repeats
    judgement.repeated = dict(sorted(found.repeats.items()))
    judgement.dead = {f"{stage}: {reason}": count for (stage, reason), count in sorted(found.dead.items())}
    for place in sorted(recomputed.outputs.keys() | found.outputs.keys()):
        wanted, there = recomputed.outputs.get(place, []), found.outputs.get(place, [])
        if wanted != there:
            first = next((i for i, (a, b) in enumerate(zip(wanted, there, strict=False)) if a != b), len(wanted))
            judgement.problems.append(
                f"{place[0]}[{place[1]}] is not what the raw log makes: {len(there)} records instead of "
                f"{len(wanted)}, the first difference at the {first}th"
            )


def _order(judgement: Judgement, ledgers: Sequence[Ledger], recomputed: Recomputed, found: Found) -> None:
    """Each device's events in one order: published, in the raw log, on the frame topic; repeats left out."""
    for device, order in recomputed.order.items():
        published = [key for ledger in ledgers for key in ledger.keys.get(device, ())]
        known = set(published)
        # What was under way when a load was told to stop may have arrived without our having heard of it.
        if [key for key in order if key in known] != [key for key in published if key in set(order)]:
            judgement.problems.append(f"device {device}: the raw log is not in the order of publishing")
        if found.order.get(device) != order:
            judgement.problems.append(f"device {device}: the frame topic is not in the order of the raw log")


def _told(judgement: Judgement, told: Told) -> None:
    judgement.told = dict(sorted(told.events.items()))
    judgement.told_repeats = told.repeats
    judgement.problems += told.problems


async def _tables(judgement: Judgement, settings: Settings, ledgers: Sequence[Ledger], recomputed: Recomputed) -> None:
    """Every published event has its one row, every sample its one row."""
    published = {key for ledger in ledgers for keys in ledger.keys.values() for key in keys}
    async with connected(settings, "chaos") as connection:
        cursor = await connection.execute("SELECT event_id, count(*) FROM frame GROUP BY event_id")
        stored: Mapping[UUID, int] = dict(await cursor.fetchall())
        lost = published - {str(key) for key in stored}
        judgement.lost = len(lost)
        judgement.doubled = sum(count - 1 for count in stored.values())
        cursor = await connection.execute("SELECT verdict, coalesce(reason, ''), count(*) FROM frame GROUP BY 1, 2")
        verdicts = Counter({(verdict, reason): count for verdict, reason, count in await cursor.fetchall()})
        judgement.stored = {" ".join(filter(None, name)): count for name, count in sorted(verdicts.items())}
        for name in sorted(verdicts.keys() | recomputed.verdicts.keys()):
            if verdicts[name] != recomputed.verdicts[name]:
                judgement.problems.append(
                    f"frame: {verdicts[name]} rows are {' '.join(name)}, the raw log makes {recomputed.verdicts[name]}"
                )
        for family in families():
            table = table_of(family)
            cursor = await connection.execute(
                sql.SQL("SELECT device, (extract(epoch FROM observed_at) * 1000000)::bigint, channel FROM {}").format(
                    sql.Identifier(table)
                )
            )
            there = set(await cursor.fetchall())
            wanted = recomputed.samples[family]
            judgement.doubled += len(there - wanted)
            if there != wanted:
                judgement.problems.append(
                    f"{table}: {len(wanted - there)} samples are missing, {len(there - wanted)} are too many"
                )


def _replayed(judgement: Judgement, comparison: Comparison) -> None:
    judgement.rows = comparison.rows
    judgement.replay_seconds = comparison.seconds
    for difference in comparison.differences:
        judgement.problems.append(
            f"{difference.table}: {difference.live_only} rows differ from the replay's {difference.replay_only}: "
            + "; ".join(difference.examples)
        )
