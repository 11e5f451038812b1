"""Lists of containers to be emptied on real servers: made once a day, made anew by late data, told while they count."""

from __future__ import annotations

from typing import Any, Final, LiteralString

import orjson
import pytest

from pipeline.core.clock import from_us
from pipeline.core.settings import Settings
from pipeline.core.topics import city
from tests.integration.servers import changed, eventually, log_of, rows_of, running
from tests.integration.test_topologies import GEOMETRY, Producer, describe, level, until_settled
from tests.unit.topologies.material import at, eui
from topologies.container.topology import STAGE as CONTAINER
from topologies.derive.worker import STAGE as DERIVE
from topologies.relay.worker import STAGE as RELAY

pytestmark = pytest.mark.integration

HOUR: Final = 60
# The zero of minutes is 10:53:20 in legal time: the rounds begin at 5 on the two days after it.
FIRST: Final = 18 * HOUR + 400 / 60
SECOND: Final = FIRST + 24 * HOUR
STOPS: LiteralString = (
    "SELECT day::text, material, position, site, reason FROM container_route_stop ORDER BY day, material, position"
)


async def lists(settings: Settings) -> list[tuple[Any, ...]]:
    return await rows_of(settings, STOPS)


async def test_a_list_is_made_each_morning_and_made_anew_by_late_data(settings: Settings) -> None:
    quick = changed(settings, derive={"longest_rest_seconds": 0.1})
    paper, glass, other = eui(1), eui(2), eui(3)
    await describe(quick, "container", {"p1": ("west", paper, {**GEOMETRY, "material": "paper"})})
    await describe(quick, "container", {"g1": ("west", glass, {**GEOMETRY, "material": "glass"})})
    await describe(quick, "container", {"p2": ("east", other, {**GEOMETRY, "material": "paper"})})
    producer = Producer(quick, "container")
    await producer.send(level(paper, 60, 1.0), level(glass, 60, 0.2), level(other, 60, 1.0), FIRST - 1)

    async with running(CONTAINER, quick), running(DERIVE, quick), running(RELAY, quick):
        await until_settled(quick, CONTAINER.name, producer)
        await eventually(lambda: _no_marks(quick), "what is marked is done")
        assert await lists(quick) == []

        await producer.send(FIRST + 1)
        await eventually(lambda: _made(quick, 1), "the first list is made")
        first = [
            ("2025-10-10", "glass", 1, "g1", "full"),
            ("2025-10-10", "paper", 1, "p1", None),
            ("2025-10-10", "paper", 2, "p2", None),
        ]
        assert await lists(quick) == first

        # Behind the begin: of no consequence today. Before it: the list is another one, and that is told.
        await producer.send(level(glass, FIRST + 2, 1.9), level(paper, FIRST - 30, 0.1))
        await until_settled(quick, CONTAINER.name, producer)
        await eventually(lambda: _no_marks(quick), "what is marked is done")
        first[1] = ("2025-10-10", "paper", 1, "p1", "full")
        assert await lists(quick) == first
        # Late, and nothing for the crew: it is another estimate, and it can still wait.
        await producer.send(level(other, FIRST - 20, 0.9))
        await until_settled(quick, CONTAINER.name, producer)
        await eventually(lambda: _no_marks(quick), "what is marked is done")

        await producer.send(SECOND + 1)
        await eventually(lambda: _made(quick, 2), "the second list is made")
        # Too late for the crew of yesterday; its list is as it would have been, and nobody is told.
        await producer.send(level(other, FIRST - 10, 0.1), level(other, FIRST + 60, 1.9))
        await until_settled(quick, CONTAINER.name, producer)
        await eventually(lambda: _no_marks(quick), "what is marked is done")
        assert [row for row in await lists(quick) if row[0] == "2025-10-10" and row[3] == "p2"] == [
            ("2025-10-10", "paper", 2, "p2", "full")
        ]
        await eventually(lambda: _all_sent(quick), "all is sent")

    events = [orjson.loads(record.value or b"") for record in await log_of(quick, city("container"))]
    routes = [event for event in events if event["type"] == "de.silkstream.container.route.v1"]
    told = [
        (
            event["data"]["day"],
            event["subject"],
            event["data"]["revision"],
            [(stop["site"], stop["reason"]) for stop in event["data"]["to_empty"]],
            [stop["site"] for stop in event["data"]["can_wait"]],
        )
        for event in routes
    ]
    assert sorted(each for each in told if each[0] == "2025-10-10") == [
        ("2025-10-10", "glass", 1, [("g1", "full")], []),
        ("2025-10-10", "paper", 1, [], ["p1", "p2"]),
        ("2025-10-10", "paper", 2, [("p1", "full")], ["p2"]),
    ]
    assert {event["time"] for event in routes if event["data"]["day"] == "2025-10-10"} == {
        from_us(at(FIRST)).isoformat()
    }
    counts = "SELECT day::text, material, to_empty, can_wait FROM container_route ORDER BY 1, 2"
    assert (await rows_of(quick, counts))[:2] == [("2025-10-10", "glass", 1, 0), ("2025-10-10", "paper", 2, 0)]


async def _made(settings: Settings, days: int) -> bool:
    return await rows_of(settings, "SELECT count(*) FROM container_route_day") == [(days,)]


async def _no_marks(settings: Settings) -> bool:
    return await rows_of(settings, "SELECT count(*) FROM mark") == [(0,)]


async def _all_sent(settings: Settings) -> bool:
    return await rows_of(settings, "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [(0,)]
