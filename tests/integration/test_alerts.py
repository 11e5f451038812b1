"""`silkstream alerts` on the real database: acknowledged once, told once, and listed as it is."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from pipeline.core.errors import EXIT_SETTINGS
from pipeline.core.settings import Settings
from pipeline.core.topics import alerts
from pipeline.database.connection import connected
from tests.integration.servers import environment_of, eventually, log_of, rows_of, running
from tests.integration.test_topologies import GEOMETRY, Producer, describe, level, until_settled
from tests.unit.topologies.material import eui
from topologies.alerts.acknowledge import Outcome, acknowledge
from topologies.container.topology import STAGE as CONTAINER
from topologies.relay.worker import STAGE as RELAY

pytestmark = pytest.mark.integration

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def silkstream(settings: Settings, *words: str) -> tuple[int, str, str]:
    """Run `silkstream alerts …`: status, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pipeline.cli", "alerts", *words),
        env=environment_of(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return int(process.returncode or 0), output.decode(), errors.decode()


async def fill(settings: Settings, *distances: float) -> Producer:
    """Let the container c1 measure these distances, minute by minute."""
    device = eui(1)
    await describe(settings, "container", {"c1": ("", device, GEOMETRY)})
    producer = Producer(settings, "container")
    await producer.send(*(level(device, minute, distance) for minute, distance in enumerate(distances, 1)))
    async with running(CONTAINER, settings):
        await until_settled(settings, CONTAINER.name, producer)
    return producer


async def only_alert(settings: Settings) -> str:
    ((identity,),) = await rows_of(settings, "SELECT id::text FROM alert")
    return str(identity)


async def acked(settings: Settings, prefix: str, by: str) -> Outcome:
    async with connected(settings, "test") as connection:
        await connection.set_autocommit(True)
        return await acknowledge(connection, settings, prefix, by=by, note="on my way", at=AT)


async def test_an_acknowledgement_is_told_once_in_the_order_of_its_subject(settings: Settings) -> None:
    producer = await fill(settings, 1.0, 0.2)
    prefix = (await only_alert(settings))[:8]

    outcomes = await asyncio.gather(*(acked(settings, prefix, by) for by in ("Anna", "Ben", "Cem")))
    await producer.send(level(eui(1), 9, 1.8))
    async with running(CONTAINER, settings), running(RELAY, settings):
        await until_settled(settings, CONTAINER.name, producer)
        await eventually(lambda: _published(settings, 3), "all is published")

    assert sorted(outcome.is_new for outcome in outcomes) == [False, False, True]
    (first,) = [outcome.alert for outcome in outcomes if outcome.is_new]
    assert {outcome.alert.acknowledged_by for outcome in outcomes} == {first.acknowledged_by}
    events: list[dict[str, Any]] = [orjson.loads(record.value or b"") for record in await log_of(settings, TOPIC)]
    assert [(each["type"].split(".")[-2], each["sequence"]) for each in events] == [
        ("opened", "1"),
        ("acknowledged", "2"),
        ("resolved", "3"),
    ]
    data = events[1]["data"]
    assert (data["acknowledged_by"], data["note"], data["status"]) == (first.acknowledged_by, "on my way", "open")
    assert events[0]["data"].keys() <= data.keys()
    assert all(data[name] == value for name, value in events[0]["data"].items())
    # The topology has resolved it, and has left the acknowledgement alone.
    rows = await rows_of(settings, "SELECT status, acknowledged_at, acknowledged_by, acknowledged_note FROM alert")
    assert rows == [("resolved", AT, first.acknowledged_by, "on my way")]


TOPIC = alerts("container")


async def _published(settings: Settings, count: int) -> bool:
    return len(await log_of(settings, TOPIC)) >= count


async def test_a_resolved_alert_can_be_acknowledged_and_is_listed(settings: Settings) -> None:
    await fill(settings, 1.0, 0.2, 1.8)
    identity = await only_alert(settings)

    assert (await silkstream(settings, "list"))[1] == "0 alerts, 0 open\n"
    status, said, _ = await silkstream(settings, "ack", identity[:6], "--by", "Anna [Hüls]", "--note", "seen")
    assert (status, said.split(": ")[0]) == (0, f"{identity} is acknowledged by Anna [Hüls]")
    status, again, _ = await silkstream(settings, "ack", identity, "--by", "Ben")
    assert (status, again.startswith(f"{identity} was acknowledged by Anna [Hüls] at ")) == (0, True)
    assert "nothing changed" in again

    _, listed, _ = await silkstream(settings, "list", "--all")
    assert identity[:8] in listed
    assert "known to Anna [Hüls]" in listed
    assert "Container name of c1 is 90 % full." in listed
    (whole,) = orjson.loads((await silkstream(settings, "list", "--all", "--json"))[1])
    assert (whole["id"], whole["acknowledged_note"], whole["notifications"]) == (identity, "seen", [])
    assert (await silkstream(settings, "list", "--all", "--family", "parking"))[1] == "0 alerts, 0 open\n"
    assert orjson.loads((await silkstream(settings, "list", "--all", "--rule", "x", "--json"))[1]) == []


async def test_what_was_told_and_what_was_given_up_is_in_the_list(settings: Settings) -> None:
    await fill(settings, 1.0, 0.2)
    identity = await only_alert(settings)
    async with connected(settings, "test") as connection:
        for channel, given_up in (("duty", True), ("waste", False)):
            await connection.execute(
                "INSERT INTO notification (id, channel, alert, topic, subject, sequence, change, event, attempts,"
                " last_error, given_up_at) VALUES (gen_random_uuid(), %s, %s, 't', 'c1', 1, 'opened', '{}', 3,"
                " 'HTTP 404', CASE WHEN %s THEN now() END)",
                (channel, identity, given_up),
            )
        await connection.commit()

    _, listed, _ = await silkstream(settings, "list")

    assert "duty GIVEN UP (HTTP 404), waste waits (3 attempts: HTTP 404)" in listed
    assert listed.splitlines()[-1] == "1 alerts, 1 open; 1 notifications GIVEN UP: nobody was told by them"


async def test_an_id_that_is_unknown_or_of_two_is_one_sentence(settings: Settings) -> None:
    await fill(settings, 1.0, 0.2)
    async with connected(settings, "test") as connection:
        await connection.execute(
            "INSERT INTO alert (id, rule, family, subject, severity, status, since, resolved_at, opened_event, value,"
            " limit_value, device, site, retrospective, message_de, message_en)"
            " SELECT (overlay(id::text placing right(id::text, 4) from 10 for 4))::uuid, rule, family, subject,"
            " severity, status, since, resolved_at, opened_event, value, limit_value, device, site, retrospective,"
            " message_de, message_en FROM alert"
        )
        await connection.commit()
    both = [str(row[0]) for row in await rows_of(settings, "SELECT id FROM alert ORDER BY id")]

    ambiguous = await silkstream(settings, "ack", both[0][:8])
    unknown = await silkstream(settings, "ack", "ffff0000")

    assert ambiguous[::2] == (
        EXIT_SETTINGS,
        f"silkstream: {both[0][:8]!r} may be {both[0]}, {both[1]}; give more of its digits\n",
    )
    assert unknown[::2] == (
        EXIT_SETTINGS,
        "silkstream: there is no alert 'ffff0000'; see `silkstream alerts list --all`\n",
    )


@pytest.mark.parametrize("past", ["retrospective", "replay"])
async def test_where_nobody_was_told_nobody_is_told_of_its_acknowledgement(settings: Settings, past: str) -> None:
    await fill(settings, 1.0, 0.2)
    if past == "retrospective":
        async with connected(settings, "test") as connection:
            await connection.execute("UPDATE alert SET retrospective = true")
            await connection.commit()
    replaying = settings.model_copy(update={"replay": past == "replay"})

    assert (await acked(replaying, await only_alert(settings), "Anna")).is_new

    assert await rows_of(
        settings, "SELECT count(*) FROM outbox WHERE event ->> 'type' LIKE '%%acknowledged%%' AND NOT suppressed"
    ) == [(0,)]
