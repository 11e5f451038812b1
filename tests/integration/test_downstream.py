"""The consumer of docs/downstream.md beside the real relay: killed in the middle, it misses and repeats nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

import pytest

from pipeline.core.settings import Settings
from pipeline.core.topics import city
from pipeline.database import ledger
from pipeline.database.connection import connected
from tests.integration.contract import hold_to_contract, told_on
from tests.integration.servers import eventually, rows_of, running
from tests.unit.topologies.material import at, eui, event_id
from topologies.container.rules import RULES
from topologies.container.topology import STAGE as CONTAINER
from topologies.derive.zones import ParkingZone
from topologies.relay.worker import STAGE as RELAY
from topologies.runtime import outbox
from topologies.runtime.alert_events import AlertOpened, AlertResolved, event_data
from topologies.runtime.alerts import OPEN, RESOLVED, Alert, Told

pytestmark = pytest.mark.integration

CONSUMER: Final = Path(__file__).resolve().parents[2] / "docs/downstream_consumer.py"
STATE: Final = "city.db"
OUTPUT: Final = "output"
ZONES: Final = 20
CONTAINERS: Final = 5
LEAP: Final = 1_000_000


def zone_events(settings: Settings, rounds: range) -> list[outbox.Event]:
    """Each zone once in each round."""
    return [
        outbox.Event(
            topic=settings.namespace + city("parking"),
            subject=f"zone{zone}",
            source="/silkstream/derive/parking",
            time_us=at(number),
            data=ParkingZone(
                zone=f"zone{zone}", bays=90, occupied=number, free=90 - number, unknown=0, changed_at=None
            ),
        )
        for number in rounds
        for zone in range(ZONES)
    ]


def alert_events(settings: Settings, rounds: range) -> list[outbox.Event]:
    """Each container full and empty again in each round; the last time it was a mistake."""
    found = []
    for number in rounds:
        for container in range(CONTAINERS):
            site = f"container{container}"
            alert = Alert(
                id=event_id(site, number),
                rule=RULES[0].name,
                subject=site,
                site=site,
                device=eui(container),
                since_us=at(number),
                resolved_us=None,
                opened_event=event_id(number),
                value=0.9,
                limit=0.8,
                retrospective=False,
                silenced=False,
                message_de=f"Container {site} ist zu 90 % gefüllt.",
                message_en=f"Container {site} is 90 % full.",
            )
            over = alert._replace(resolved_us=None if number == rounds[-1] else at(number + 1))
            found += [
                outbox.Event(
                    topic=settings.namespace + RULES[0].topic,
                    subject=site,
                    source="/silkstream/topology/container",
                    time_us=at(number),
                    data=event_data(RULES[0], "container", told),
                )
                for told in (Told(OPEN, alert), Told(RESOLVED, over, withdrawn=over.resolved_us is None))
            ]
    return found


async def publish(settings: Settings, events: Sequence[outbox.Event]) -> None:
    """Through the outbox and the relay, as stages do."""
    async with connected(settings, "test") as connection, connection.transaction(), connection.cursor() as cursor:
        await outbox.post(cursor, events, suppressed=False)
    async with running(RELAY, settings):
        await eventually(lambda: relayed(settings), "the relay has published everything")


async def relayed(settings: Settings) -> bool:
    return await rows_of(settings, "SELECT FROM outbox WHERE sent_at IS NULL LIMIT 1") == []


@asynccontextmanager
async def consuming(settings: Settings, folder: Path) -> AsyncIterator[None]:
    """The consumer as a process of its own, killed at the end of the block; what it says is added to a file."""
    options = ("--bootstrap", settings.kafka.bootstrap, "--state", str(folder / STATE))
    names = ("--namespace", settings.namespace, "--group", f"{settings.namespace}board", "--member", "first")
    with (folder / OUTPUT).open("ab") as output:
        process = await asyncio.create_subprocess_exec(sys.executable, str(CONSUMER), *options, *names, stdout=output)
        try:
            yield
            assert process.returncode is None, "it runs until it is killed"
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def said(folder: Path, word: str) -> int:
    """How many of its lines begin with a word."""
    return sum(line.startswith(f"{word} ") for line in (folder / OUTPUT).read_text().splitlines())


def told(folder: Path) -> list[tuple[Any, ...]]:
    """What it has done, for each subject in the order in which it did it."""
    with closing(sqlite3.connect(folder / STATE)) as database:
        return database.execute("SELECT topic, subject, sequence FROM told ORDER BY topic, subject, rowid").fetchall()


async def to_tell(settings: Settings) -> list[tuple[Any, ...]]:
    """Every event there ever was, in the order of its subject."""
    return sorted(await rows_of(settings, "SELECT topic, key, sequence FROM outbox"))


async def test_killed_in_the_middle_it_misses_nothing_and_knows_every_repeat(
    settings: Settings, tmp_path: Path
) -> None:
    await publish(settings, [*zone_events(settings, range(10)), *alert_events(settings, range(5))])

    async def is_under_way() -> bool:
        return said(tmp_path, "new") >= 120

    async with consuming(settings, tmp_path):
        await eventually(is_under_way, "a part is done")

    # A relay that was killed between publishing and marking publishes again what it has published.
    again = len(await rows_of(settings, "UPDATE outbox SET sent_at = NULL WHERE id % 2 = 0 RETURNING id"))
    async with connected(settings, "test") as connection:
        await ledger.reset(connection, CONTAINER.name, None)
    await publish(settings, [*zone_events(settings, range(10, 15)), *alert_events(settings, range(5, 8))])
    wanted = await to_tell(settings)

    async def has_told_all() -> bool:
        return told(tmp_path) == wanted and said(tmp_path, "repeat") >= again

    async with consuming(settings, tmp_path):
        await eventually(has_told_all, "it has done everything once and known the repeats")

    assert len(set(wanted)) == len(wanted) == 15 * ZONES + 8 * 2 * CONTAINERS
    assert max(sequence for _, _, sequence in wanted) > LEAP
    published = await hold_to_contract(settings, await told_on(settings))
    assert published.keys() == {data.event_type for data in (AlertOpened, AlertResolved, ParkingZone)}
    assert published.total() == len(wanted) + again
