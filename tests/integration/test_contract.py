"""What is really on the topics is what the contract says, message by message."""

from __future__ import annotations

import pytest

from pipeline.core import clock
from pipeline.core.settings import Settings
from pipeline.core.ticks import Tick, write_tick
from pipeline.core.topics import DEAD_LETTER, FRAME, RAW, readings
from pipeline.decode.worker import STAGE_DECODE
from pipeline.ingest.translate import tick_topic
from tests.integration.contract import hold_to_contract
from tests.integration.servers import FAMILIES, captured, count_of, event_topic, eventually, raw_of, running, send_all

pytestmark = pytest.mark.integration


async def test_every_message_of_the_stream_is_as_promised(settings: Settings) -> None:
    tick = write_tick(Tick(settings.bridge.id, clock.now_us()))
    messages = [
        *captured(settings),
        (event_topic(settings, "0102030405060708"), b"{broken"),
        ("something/else", b"{}"),
        (tick_topic(settings.bridge.id), tick),
    ]
    await send_all(settings, raw_of(settings, messages))

    async with running(STAGE_DECODE, settings):
        ticks = settings.topics.partitions
        await eventually(lambda: _count_is(settings, FRAME, len(messages) - 2 + ticks), "decode has read everything")

    found = await hold_to_contract(settings, [RAW, FRAME, DEAD_LETTER, *map(readings, FAMILIES)])
    assert found["ChirpStackEvent"] == found["Frame"] == len(messages) - 2
    assert found["RawTick"] == ticks
    assert found["Tick"] == ticks * (1 + len(FAMILIES))
    assert found["DeadLetter"] == 2
    assert found["Reading"] > 100


async def _count_is(settings: Settings, topic: str, count: int) -> bool:
    return await count_of(settings, topic) == count
