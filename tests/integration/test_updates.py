"""An alert that is not as people were told: a corrected site, on the real servers."""

from __future__ import annotations

import orjson
import pytest

from pipeline.core.clock import from_us
from pipeline.core.settings import Settings
from pipeline.core.topics import alerts
from tests.integration.servers import eventually, log_of, rows_of, running
from tests.integration.test_topologies import GEOMETRY, Producer, describe, level, until_settled
from tests.unit.topologies.material import at, eui
from topologies.container.topology import STAGE as CONTAINER
from topologies.relay.worker import STAGE as RELAY

pytestmark = pytest.mark.integration


async def test_a_corrected_site_changes_what_was_told_once_over_a_restart(settings: Settings) -> None:
    device = eui(1)
    await describe(settings, "container", {"c1": ("", device, GEOMETRY)})
    producer = Producer(settings, "container")
    await producer.send(level(device, 1, 1.0), level(device, 2, 0.2), 3.0)
    async with running(CONTAINER, settings):
        await until_settled(settings, CONTAINER.name, producer)

    table = {**GEOMETRY, "volume_table": "0:1000 1:600 2:0"}
    await describe(settings, "container", {"c1": ("", device, table)}, recompute=True)
    for minute in (4.0, 5.0):
        await producer.send(minute)
        async with running(CONTAINER, settings):
            await until_settled(settings, CONTAINER.name, producer)
    # A late frame changes when it began, and one that says nothing new nothing.
    await producer.send(level(device, 1.5, 0.1), level(device, 1.7, 0.1), 6.0)
    async with running(CONTAINER, settings), running(RELAY, settings):
        await until_settled(settings, CONTAINER.name, producer)
        await eventually(lambda: _all_sent(settings), "all is sent")

    told = [orjson.loads(record.value or b"") for record in await log_of(settings, alerts("container"))]
    assert [(event["type"].split(".")[3], event["sequence"]) for event in told] == [
        ("opened", "1"),
        ("updated", "2"),
        ("updated", "3"),
    ]
    opened, corrected, moved = (event["data"] for event in told)
    assert {each["alert"] for each in (opened, corrected, moved)} == {opened["alert"]}
    assert (opened["value"], corrected["value"], moved["value"]) == pytest.approx((0.9, 0.92, 0.96))
    assert [each["since"] for each in (opened, corrected, moved)] == [from_us(at(m)).isoformat() for m in (2, 2, 1.5)]
    assert (moved["status"], moved["message"]["en"]) == ("open", "Container name of c1 is 96 % full.")


async def _all_sent(settings: Settings) -> bool:
    return await rows_of(settings, "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [(0,)]
