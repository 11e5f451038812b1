"""The fleet on the real Kafka and TimescaleDB: who is silent, whose fault it is, and the account of a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.core.clock import from_us
from pipeline.core.errors import Reason
from pipeline.core.settings import Settings
from pipeline.core.topics import DEAD_LETTER, FRAME
from pipeline.database.connection import connected
from pipeline.store.worker import STAGE_STORE
from schemas.silkstream.v1.frame_pb2 import Frame
from tests.integration.servers import as_stage, eventually, log_of, rows_of, running
from tests.integration.test_topologies import Producer, describe, settled, until_settled
from tests.unit.topologies.material import at, eui, frame
from topologies.derive.derivation import Derivation
from topologies.derive.fleet_days import watch_days
from topologies.derive.fleet_offline import watch_fleet
from topologies.fleet.topology import STAGE as FLEET

pytestmark = pytest.mark.integration

WEST, EAST = "00000000000000a1", "00000000000000a2"


class Frames(Producer):
    """Writes frames as decode does."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "parking")
        self.topic = settings.namespace + FRAME

    async def say(self, frames: Sequence[Frame], until: float) -> None:
        await self.send(*(self.of(each) for each in frames), until)  # type: ignore[arg-type]  # it has what is needed


def regular(number: int, first: int, last: int, gateway: str) -> list[Frame]:
    """A device that speaks every ten minutes, and counts."""
    return [frame(eui(number), minute, gateways=[gateway], f_cnt=minute // 10) for minute in range(first, last + 1, 10)]


async def derived(settings: Settings, derivation: Derivation) -> None:
    """Let a derivation do what is marked."""
    async with connected(await as_stage(settings), "test") as connection:
        await connection.set_autocommit(True)
        while (await derivation.run(connection, settings)).more:
            pass


async def alerts(settings: Settings) -> list[tuple[Any, ...]]:
    """Device or gateway, since, until, whether people heard of it, and which gateway explains it."""
    return [
        (device, since, resolved, not (silenced or retrospective), cause)
        for device, since, resolved, silenced, retrospective, cause in await rows_of(
            settings,
            "SELECT alert.device, alert.since, alert.resolved_at, alert.silenced, alert.retrospective, cause.device"
            " FROM alert LEFT JOIN alert AS cause ON cause.id = alert.cause ORDER BY 1, 2",
        )
    ]


async def told(settings: Settings) -> list[tuple[str, str]]:
    return await rows_of(
        settings,
        "SELECT split_part(event->>'type', '.', 4), event->'data'->>'device' FROM outbox ORDER BY outbox.id",
    )


async def test_a_silent_gateway_is_told_and_its_devices_are_not(settings: Settings) -> None:
    await describe(settings, "container", {"c5": ("", eui(5), {})}, from_minutes=-1000)
    producer = Frames(settings)
    silences = watch_fleet(settings)
    by_west = [each for number in (1, 2, 3) for each in regular(number, 0, 300, WEST)]
    async with running(FLEET, settings):
        await producer.say([*by_west, *regular(4, 0, 500, EAST), *regular(5, 0, 200, EAST)], 500)
        await until_settled(settings, FLEET.name, producer)
        await derived(settings, silences)

        assert await alerts(settings) == [
            (eui(1), from_us(at(300)), None, False, WEST),
            (eui(2), from_us(at(300)), None, False, WEST),
            (eui(3), from_us(at(300)), None, False, WEST),
            (eui(5), from_us(at(200)), None, True, None),
            (WEST, from_us(minute_of(300)), None, True, None),
        ]
        ((subject, value, message),) = await rows_of(
            settings, "SELECT subject, value, message_en FROM alert WHERE rule = 'fleet_gateway_offline'"
        )
        assert (subject, value) == (WEST, 3)
        assert message.endswith(f"3 devices are without reception: {eui(1)}, {eui(2)}, {eui(3)}.")
        assert sorted(await told(settings)) == [("opened", eui(5)), ("opened", WEST)]
        assert await rows_of(settings, "SELECT subject FROM alert WHERE device = %s", eui(5)) == [("c5",)]

        # The gateway is back, and one of its devices is not.
        back = [*regular(1, 520, 600, WEST), *regular(2, 520, 600, WEST), *regular(4, 510, 600, EAST)]
        await producer.say(back, 600)
        await until_settled(settings, FLEET.name, producer)
        await derived(settings, silences)
        found = {device: rest for device, *rest in await alerts(settings)}
        assert found[eui(1)] == [from_us(at(300)), from_us(at(520)), False, WEST]
        assert found[eui(3)] == [from_us(at(300)), None, True, WEST]
        assert found[WEST] == [from_us(minute_of(300)), from_us(minute_of(520)), True, None]
        assert sorted((await told(settings))[2:]) == [("opened", eui(3)), ("resolved", WEST)]

        # What comes late shows that a device was alive, and that the gateway was.
        await producer.say([*regular(5, 210, 600, EAST), *regular(1, 310, 510, WEST), *regular(3, 310, 600, WEST)], 600)
        await until_settled(settings, FLEET.name, producer)
        await derived(settings, silences)
        assert await alerts(settings) == [(eui(2), from_us(at(300)), from_us(at(520)), False, None)]
        assert await rows_of(settings, "SELECT cause FROM alert") == [(None,)]
        await derived(settings, silences)
        left = "SELECT count(*) FROM mark WHERE what IN ('fleet_gateway', 'fleet_silence')"
        assert await rows_of(settings, left) == [(0,)]


def minute_of(minutes: float) -> int:
    """The begin of the minute that a time lies in."""
    return at(minutes) // 60_000_000 * 60_000_000


async def test_a_day_is_accounted_for_and_what_was_not_stored_is_found(settings: Settings) -> None:
    producer = Frames(settings)
    device = eui(7)
    sent = regular(7, 0, 600, WEST)
    del sent[10:13]
    late_copy = frame(
        device, 500.1, verdict="duplicate", copy_of=sent[20].event_id, gateways=[EAST], f_cnt=sent[20].f_cnt
    )
    joined = [
        frame(device, 610, event="join"),
        frame(device, 620, f_cnt=2, dev_addr="0a0b0c0d"),
        frame(device, 630, f_cnt=3, dev_addr="0a0b0c0d", verdict="rejected"),
        frame(device, 640, f_cnt=1, dev_addr="0a0b0c0d"),
        frame(device, 650, event="status", battery_ratio=0.15),
    ]
    days = watch_days(settings)
    async with running(FLEET, settings), running(STAGE_STORE, settings):
        await producer.say([*sent, late_copy, *joined], 700)
        await until_settled(settings, FLEET.name, producer)
        await eventually(lambda: settled(settings, "store", producer), "the store has all")
    await derived(settings, days)

    assert await rows_of(
        settings,
        "SELECT sum(received), sum(accepted), sum(rejected), sum(copies), sum(joins), sum(resets), sum(missing),"
        " sum(lost), max(battery_ratio), max(spreading_factor) FROM fleet_day",
    ) == [(len(sent) + 3, len(sent) + 2, 1, 1, 1, 1, 3 + 2 + 1, 0, 0.15, 7)]
    assert await rows_of(
        settings, "SELECT begun_by, sum(received), sum(missing) FROM fleet_session GROUP BY 1 ORDER BY 1"
    ) == [("first", len(sent), 3), ("join", 2, 2), ("reset", 1, 1)] or await rows_of(
        settings, "SELECT count(DISTINCT day) FROM fleet_day"
    ) != [(1,)]
    assert await rows_of(settings, "SELECT rule, status FROM alert") == [("fleet_battery_low", "open")]

    # A row that vanished is found by the other way that its event went.
    async with connected(settings, "test") as connection:
        await connection.execute(
            "DELETE FROM frame WHERE device = %s AND f_cnt = 5 AND dev_addr = '01020304'", [device]
        )
        await connection.execute(
            "INSERT INTO mark (what, subject, bucket) SELECT 'fleet_day', device, day FROM fleet_day"
        )
        await connection.commit()
    await derived(settings, days)
    assert await rows_of(settings, "SELECT sum(lost), sum(missing) FROM fleet_day") == [(1, 7)]
    assert await rows_of(settings, "SELECT severity, message_en FROM alert WHERE rule = 'fleet_frames_lost'") == [
        ("critical", "1 messages of device 7 were received and not stored.")
    ]
    assert await rows_of(settings, "SELECT count(*) FROM mark WHERE what = 'fleet_day'") == [(0,)]


async def test_a_charge_that_the_fleet_tells_later_than_the_store_comes_into_its_day(settings: Settings) -> None:
    producer = Frames(settings)
    days = watch_days(settings)
    async with running(STAGE_STORE, settings):
        await producer.say([*regular(7, 0, 60, WEST), frame(eui(7), 65, event="status", battery_ratio=0.15)], 100)
        await eventually(lambda: settled(settings, "store", producer), "the store has all")
    await derived(settings, days)
    assert await rows_of(settings, "SELECT max(battery_ratio) FROM fleet_day") == [(None,)]

    async with running(FLEET, settings):
        await until_settled(settings, FLEET.name, producer)
    await derived(settings, days)
    assert await rows_of(settings, "SELECT max(battery_ratio) FROM fleet_day") == [(0.15,)]
    assert await rows_of(settings, "SELECT rule, status FROM alert") == [("fleet_battery_low", "open")]
    assert await rows_of(settings, "SELECT count(*) FROM mark WHERE what = 'fleet_day'") == [(0,)]


async def test_a_gap_that_no_column_can_hold_is_a_dead_letter_and_the_others_stay(settings: Settings) -> None:
    producer = Frames(settings)
    century = 60 * 24 * 365 * 100
    broken = frame(eui(1), 0.7 * century)
    sent = [frame(eui(1), -0.54 * century), frame(eui(2), 1), broken, frame(eui(2), 2)]
    async with running(FLEET, settings) as stage:
        await producer.say(sent, 3)
        await until_settled(settings, FLEET.name, producer)
        assert stage.discarded() == {Reason.ROW_REFUSED: 1.0}

    (letter,) = await log_of(settings, DEAD_LETTER)
    assert letter.value == broken.SerializeToString()
    assert await rows_of(settings, "SELECT count(*) FROM fleet_frame") == [(3,)]
