"""Topologies, derive and relay on the real Kafka and TimescaleDB."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import orjson
import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from pipeline.core.clock import from_us, now_us
from pipeline.core.deadletter import read_verdict
from pipeline.core.errors import LedgerMismatch, Reason
from pipeline.core.model import Outgoing, Partition
from pipeline.core.settings import Settings
from pipeline.core.ticks import EVENT_HEADER, RAW_OFFSET_HEADER, TICK, Tick, write_tick
from pipeline.core.topics import DEAD_LETTER, alerts, city, readings
from pipeline.database import ledger
from pipeline.database.connection import Connection, connected
from pipeline.kafka.partitioner import partition_of
from pipeline.kafka.producer import open_sink
from pipeline.kafka.provision import delete_topics, provision
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.integration.servers import (
    Running,
    changed,
    declared,
    eventually,
    log_of,
    rows_of,
    running,
    spawned,
    with_city,
)
from tests.unit.topologies.material import at, eui, reading, records
from tests.unit.topologies.material import places as material_places
from topologies.container import topology as container_topology
from topologies.container.facts import Level
from topologies.container.topology import STAGE as CONTAINER
from topologies.derive.worker import STAGE as DERIVE
from topologies.derive.zones import ParkingZone
from topologies.parking import topology as parking_topology
from topologies.parking.topology import STAGE as PARKING
from topologies.relay.worker import STAGE as RELAY
from topologies.runtime import outbox
from topologies.runtime.memory import MemoryWorker
from topologies.runtime.model import Topology

pytestmark = pytest.mark.integration

GEOMETRY = {"empty_distance_metres": 2.0, "full_distance_metres": 0.0}


class Producer:
    """Writes readings and ticks as decode does: each on its device's partition, raw offsets rising."""

    def __init__(self, settings: Settings, family: str) -> None:
        self.settings = settings
        self.topic = settings.namespace + readings(family)
        self.raw = dict.fromkeys(range(settings.topics.partitions), 0)

    def _next(self, partition: int) -> int:
        self.raw[partition] += 1
        return self.raw[partition]

    def of(self, content: Reading) -> Outgoing:
        partition = partition_of(content.dev_eui.encode(), self.settings.topics.partitions)
        content.raw_offset = self._next(partition)
        return Outgoing(self.topic, partition, now_us() // 1000, content.dev_eui.encode(), content.SerializeToString())

    def ticks(self, minutes: float) -> list[Outgoing]:
        return [
            Outgoing(
                self.topic,
                partition,
                now_us() // 1000,
                None,
                write_tick(Tick("b", at(minutes))),
                [(EVENT_HEADER, TICK), (RAW_OFFSET_HEADER, b"%d" % self._next(partition))],
            )
            for partition in self.raw
        ]

    async def send(self, *contents: Reading | float | Outgoing) -> None:
        batch: list[Outgoing] = []
        for content in contents:
            if isinstance(content, Reading):
                batch.append(self.of(content))
            elif isinstance(content, Outgoing):
                batch.append(content)
            else:
                batch += self.ticks(content)
        async with open_sink(self.settings) as sink:
            await sink.send(batch)


async def describe(
    settings: Settings,
    family: str,
    sites: Mapping[str, tuple[str, str, Mapping[str, Any]]],
    *,
    from_minutes: float = 0,
    recompute: bool = False,
) -> None:
    """Describe sites (group, device, attributes) as valid from a time, and ask for what follows."""
    async with connected(settings, "test") as connection:
        for site, (group, device, attributes) in sites.items():
            valid_from = from_us(at(from_minutes))
            await connection.execute(
                'INSERT INTO site (site, valid_from, family, name, "group", attributes) VALUES (%s, %s, %s, %s, %s, %s)'
                " ON CONFLICT (site, valid_from) DO UPDATE SET attributes = excluded.attributes",
                (site, valid_from, family, f"name of {site}", group, Jsonb(attributes)),
            )
            await connection.execute(
                "INSERT INTO assignment (device, valid_from, site) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (device, valid_from, site),
            )
            if recompute:
                await connection.execute(
                    "INSERT INTO recompute (device, from_at) VALUES (%s, %s)", (device, valid_from)
                )
        await connection.commit()


async def settled(settings: Settings, stage: str, producer: Producer) -> bool:
    """Whether the ledger has reached the end of the readings."""
    rows = await rows_of(
        settings, "SELECT partition, raw_offset FROM ledger WHERE consumer = %s AND next_offset > 0", stage
    )
    return dict(rows) == {number: raw for number, raw in producer.raw.items() if raw}


async def until_settled(settings: Settings, stage: str, producer: Producer) -> None:
    await eventually(lambda: settled(settings, stage, producer), f"{stage} has read everything", deadline_seconds=60)


def level(device: str, minutes: float, distance: float) -> Reading:
    return reading(device, minutes, {"distance_metres": distance, "tilted": False})


async def test_a_container_that_fills_opens_an_alert_that_reaches_its_topic(settings: Settings) -> None:
    device = eui(1)
    await describe(settings, "container", {"c1": ("", device, GEOMETRY)})
    producer = Producer(settings, "container")
    await producer.send(
        level(device, 1, 1.0), level(device, 2, 0.2), 3.0, level(device, 4, 0.5), level(device, 5, 1.8), 6.0
    )

    async with running(CONTAINER, settings), running(RELAY, settings):
        await until_settled(settings, CONTAINER.name, producer)
        await eventually(lambda: _sent(settings, 2), "both events are sent")

    ((fill, full, since),) = await rows_of(
        settings, "SELECT fill_ratio, is_full, since FROM container WHERE site = 'c1'"
    )
    assert (round(fill, 9), full, since) == (0.1, False, from_us(at(5)))
    ((status, since, resolved, value),) = await rows_of(
        settings, "SELECT status, since, resolved_at, value FROM alert WHERE subject = 'c1'"
    )
    assert (status, since, resolved, value) == ("resolved", from_us(at(2)), from_us(at(5)), 0.9)
    events = [orjson.loads(record.value or b"") for record in await log_of(settings, alerts("container"))]
    assert [(e["type"], e["subject"], e["sequence"], e["time"]) for e in events] == [
        ("de.silkstream.alert.opened.v1", "c1", "1", from_us(at(2)).isoformat()),
        ("de.silkstream.alert.resolved.v1", "c1", "2", from_us(at(5)).isoformat()),
    ]
    assert events[0]["data"]["message"]["en"] == "Container name of c1 is 90 % full."
    assert len({e["id"] for e in events}) == 2


async def _sent(settings: Settings, count: int) -> bool:
    ((sent,),) = await rows_of(settings, "SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL")
    return bool(sent == count)


async def test_what_cannot_be_read_becomes_a_dead_letter_and_nothing_behind_it_waits(settings: Settings) -> None:
    device = eui(1)
    producer = Producer(settings, "container")
    partition = partition_of(device.encode(), settings.topics.partitions)
    broken = Outgoing(producer.topic, partition, now_us() // 1000, device.encode(), b"\xff\xff")
    await producer.send(level(device, 1, 1.0), broken, level(device, 2, 1.0))

    async with running(CONTAINER, settings) as stage:
        await until_settled(settings, CONTAINER.name, producer)
        assert stage.discarded() == {Reason.RECORD_UNREADABLE: 1.0}

    (letter,) = await log_of(settings, DEAD_LETTER)
    assert letter.value == broken.value
    assert read_verdict(letter).reason == Reason.RECORD_UNREADABLE
    assert await rows_of(settings, "SELECT count(*), min(flags) FROM container_level") == [(2, ["no_site"])]


async def test_a_row_that_the_database_refuses_is_found_and_the_others_stay(settings: Settings) -> None:
    await _execute(settings, "ALTER TABLE container_level ADD CONSTRAINT t CHECK (distance_metres <> 7)")
    producer = Producer(settings, "container")
    contents = [level(eui(number % 3), number, 7.0 if number == 11 else 1.0) for number in range(1, 31)]
    await producer.send(*contents)

    async with running(CONTAINER, settings) as stage:
        await until_settled(settings, CONTAINER.name, producer)
        assert stage.discarded() == {Reason.ROW_REFUSED: 1.0}

    (letter,) = await log_of(settings, DEAD_LETTER)
    assert letter.value == contents[10].SerializeToString()
    assert await rows_of(settings, "SELECT count(*) FROM container_level") == [(29,)]


async def test_a_fact_of_which_the_rows_of_now_know_nothing_is_replaced(settings: Settings) -> None:
    device = eui(1)
    await describe(settings, "container", {"c1": ("", device, GEOMETRY)})
    producer = Producer(settings, "container")
    await producer.send(*(level(device, minute, 1.0) for minute in (1, 2, 3)))
    async with running(CONTAINER, settings):
        await until_settled(settings, CONTAINER.name, producer)
    await _execute(settings, "DELETE FROM container")

    await producer.send(level(device, 2, 0.4), level(eui(2), 2, 1.0), level(device, 4, 0.6))
    async with running(CONTAINER, settings) as stage:
        await until_settled(settings, CONTAINER.name, producer)
        assert stage.discarded() == {}

    found = "SELECT fill_ratio FROM container_level WHERE device = %s ORDER BY observed_at"
    assert await rows_of(settings, found, device) == [(0.5,), (0.8,), (0.5,), (0.7,)]


async def _execute(settings: Settings, statement: Any) -> None:
    async with connected(settings, "test") as connection:
        await connection.execute(statement)
        await connection.commit()


async def test_a_corrected_site_repairs_its_history_at_the_next_tick(settings: Settings) -> None:
    device = eui(1)
    producer = Producer(settings, "container")
    await producer.send(level(device, 1, 0.2), level(device, 2, 1.0), 3.0)

    async with running(CONTAINER, settings):
        await until_settled(settings, CONTAINER.name, producer)
        assert await rows_of(settings, "SELECT count(fill_ratio) FROM container_level") == [(0,)]
        await describe(settings, "container", {"c1": ("", device, GEOMETRY)}, recompute=True)
        await producer.send(4.0)
        await until_settled(settings, CONTAINER.name, producer)

    assert await rows_of(settings, "SELECT fill_ratio, flags FROM container_level ORDER BY observed_at") == [
        (0.9, []),
        (0.5, []),
    ]
    assert await rows_of(settings, "SELECT status, retrospective FROM alert") == [("resolved", True)]
    assert await rows_of(settings, "SELECT count(*) FROM recompute") == [(0,)]
    assert await rows_of(settings, "SELECT count(*) FROM outbox") == [(0,)]


async def test_a_corrected_site_leaves_alerts_alone_whose_facts_are_gone(settings: Settings) -> None:
    device = eui(1)
    producer = Producer(settings, "container")
    await describe(settings, "container", {"c1": ("", device, GEOMETRY)})
    await producer.send(*(level(device, *each) for each in ((1, 1.0), (2, 0.2), (5, 1.8), (10, 0.2), (11, 1.8))), 12.0)
    said = "SELECT status, since, resolved_at FROM alert ORDER BY since"

    async with running(CONTAINER, settings):
        await until_settled(settings, CONTAINER.name, producer)
        before = await rows_of(settings, said)
        assert before == [("resolved", from_us(at(begin)), from_us(at(end))) for begin, end in ((2, 5), (10, 11))]
        # As retention does, though not by age.
        await _execute(settings, sql.SQL("DELETE FROM container_level WHERE observed_at < {}").format(from_us(at(8))))
        higher = {**GEOMETRY, "empty_distance_metres": 4.0}
        await describe(settings, "container", {"c1": ("", device, higher)}, recompute=True)
        await producer.send(13.0)
        await until_settled(settings, CONTAINER.name, producer)

    assert await rows_of(settings, "SELECT fill_ratio FROM container_level ORDER BY observed_at") == [(0.95,), (0.55,)]
    assert await rows_of(settings, said) == before
    withdrawn = "SELECT count(*) FROM outbox WHERE (event -> 'data' ->> 'withdrawn')::boolean"
    assert await rows_of(settings, withdrawn) == [(0,)]


async def test_a_topic_made_anew_is_refused_with_a_remedy_that_works(settings: Settings) -> None:
    device = eui(1)
    producer = Producer(settings, "container")
    await producer.send(*(level(device, minute, 1.0) for minute in range(1, 6)))
    async with running(CONTAINER, settings):
        await until_settled(settings, CONTAINER.name, producer)
    wanted = [topic for topic in declared(settings) if topic.name == producer.topic]
    await delete_topics(settings, [producer.topic])
    await provision(settings, wanted)
    again = Producer(settings, "container")
    await again.send(*(level(device, minute, 1.0) for minute in range(11, 21)))

    with pytest.raises(LedgerMismatch, match="ledger reset --consumer topology-container"):
        async with running(CONTAINER, settings) as stage:
            await asyncio.wait_for(stage.task, 30)

    async with connected(settings, "test") as connection:
        await ledger.reset(connection, CONTAINER.name, producer.topic)
    async with running(CONTAINER, settings):
        await until_settled(settings, CONTAINER.name, again)
    assert await rows_of(settings, "SELECT count(*) FROM container_level") == [(15,)]


async def test_a_topic_made_anew_under_a_running_worker_ends_it_too(settings: Settings) -> None:
    device = eui(1)
    producer = Producer(settings, "container")
    wanted = [topic for topic in declared(settings) if topic.name == producer.topic]
    await producer.send(*(level(device, minute, 1.0) for minute in range(1, 6)))

    async def made_anew_under(stage: Running) -> None:
        await until_settled(settings, CONTAINER.name, producer)
        await delete_topics(settings, [producer.topic])
        await provision(settings, wanted)
        await Producer(settings, "container").send(*(level(device, minute, 1.0) for minute in range(11, 14)))
        await asyncio.wait_for(stage.task, 60)

    with pytest.raises(LedgerMismatch, match="created anew"):
        async with running(CONTAINER, settings) as stage:
            await made_anew_under(stage)


async def test_a_worker_that_lost_its_partition_writes_nothing_and_comes_back(settings: Settings) -> None:
    device = eui(1)
    producer = Producer(settings, "container")
    partition = Partition(producer.topic, partition_of(device.encode(), settings.topics.partitions))
    await producer.send(level(device, 1, 1.0))
    async with running(CONTAINER, settings) as stage:
        await until_settled(settings, CONTAINER.name, producer)
        async with connected(settings, "test") as connection:
            await ledger.take(connection, CONTAINER.name, [partition])
        await producer.send(level(device, 2, 1.0))
        await until_settled(settings, CONTAINER.name, producer)
        assert stage.count("errors", error_type="Fenced") == 1
    assert await rows_of(settings, "SELECT count(*) FROM container_level") == [(2,)]


BAYS: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    f"bay{number:02}": (f"zone{number % 3}", eui(number + 1), {}) for number in range(24)
}


def comings_and_goings(rng: random.Random, first: float, count: int) -> list[Reading]:
    """Frames of all bays, some late, some twice."""
    devices = [device for _, device, _ in BAYS.values()]
    found = []
    for number in range(count):
        minutes = first + number * 0.05
        late = rng.choice([0, 0, 0, 0, 0, 0, 0, rng.randrange(1, 600)])
        found.append(reading(rng.choice(devices), minutes - late, {"occupied": rng.random() < 0.5}))
        if rng.random() < 0.02:
            found.append(rng.choice(found))
    return found


def expected_bays(sent: Sequence[Reading]) -> dict[str, bool]:
    """The last word of each device."""
    last: dict[str, Reading] = {}
    for each in sent:
        before = last.get(each.dev_eui)
        if before is None or each.observed_at_us > before.observed_at_us:
            last[each.dev_eui] = each
    return {device: each.samples[0].form.states[0].flag for device, each in last.items()}


async def test_with_two_workers_and_a_kill_nothing_is_lost_or_doubled_and_zones_are_right(settings: Settings) -> None:
    rng = random.Random(5)
    await describe(settings, "parking", BAYS, from_minutes=-10_000)
    producer = Producer(settings, "parking")
    sent = comings_and_goings(rng, 0, 10_000)
    await producer.send(*sent)

    async with spawned(PARKING.name, settings) as first, spawned(PARKING.name, settings), running(DERIVE, settings):
        await eventually(lambda: _begun(settings), "a good part is done")
        first.kill()
        more = comings_and_goings(rng, 2000, 10_000)
        sent += more
        await producer.send(*more, 3500.0)
        await first.wait()
        await until_settled(settings, PARKING.name, producer)
        async with spawned(PARKING.name, settings):
            more = comings_and_goings(rng, 3600, 1000)
            sent += more
            await producer.send(*more, 3800.0)
            await until_settled(settings, PARKING.name, producer)
        await eventually(lambda: _no_marks(settings), "derive is done")

    keys = {(each.dev_eui, each.observed_at_us) for each in sent}
    ((facts, different),) = await rows_of(
        settings, "SELECT count(*), count(DISTINCT (device, observed_at)) FROM parking_observation"
    )
    assert facts == different == len(keys)
    states = expected_bays(sent)
    assert dict(await rows_of(settings, "SELECT device, occupied FROM parking_bay")) == states
    expected = {}
    for zone in ("zone0", "zone1", "zone2"):
        taken = sum(states[device] for group, device, _ in BAYS.values() if group == zone)
        expected[zone] = (8, taken, 8 - taken, 0)
    assert {zone: tuple(counts) for zone, *counts in await _zones(settings)} == expected


async def _zones(settings: Settings) -> list[tuple[Any, ...]]:
    return await rows_of(settings, "SELECT zone, bays, occupied, free, unknown FROM parking_zone")


async def _begun(settings: Settings) -> bool:
    ((facts, workers),) = await rows_of(
        settings, "SELECT (SELECT count(*) FROM parking_observation), (SELECT count(*) FROM ledger WHERE epoch > 0)"
    )
    return bool(facts > 2000 and workers)


async def _no_marks(settings: Settings) -> bool:
    return await rows_of(settings, "SELECT count(*) FROM mark") == [(0,)]


async def test_a_zone_counts_bays_that_nobody_has_heard_and_those_gone_silent(settings: Settings) -> None:
    settings = changed(settings, derive={"zone_event_seconds": 0.0})
    await describe(settings, "parking", {f"bay{n}": ("z", eui(n), {}) for n in range(4)})
    producer = Producer(settings, "parking")
    await producer.send(
        reading(eui(0), 1, {"occupied": True}),
        reading(eui(1), 1, {"occupied": False}),
        reading(eui(2), 1600, {"occupied": False}),
        1700.0,
    )
    async with running(PARKING, settings), running(DERIVE, settings), running(RELAY, settings):
        await until_settled(settings, PARKING.name, producer)
        await eventually(lambda: _has(settings, ("z", 4, 0, 1, 3)), "two are silent, one was never heard")
        told = "SELECT count(*) FROM parking_zone WHERE told = ARRAY[bays, occupied, free, unknown]"

        async def last_told() -> bool:
            return await rows_of(settings, told) == [(1,)]

        await eventually(last_told, "the zone's last state is told")
        await eventually(lambda: _relayed(settings), "the zone's last event is published")
    last = max((orjson.loads(record.value or b"") for record in await log_of(settings, city("parking"))), key=_sequence)
    assert last["type"] == "de.silkstream.parking.zone.v1"
    assert {name: last["data"][name] for name in ("bays", "occupied", "free", "unknown")} == {
        "bays": 4,
        "occupied": 0,
        "free": 1,
        "unknown": 3,
    }


def _sequence(event: Mapping[str, Any]) -> int:
    return int(event["sequence"])


async def _has(settings: Settings, zone: tuple[Any, ...]) -> bool:
    return zone in await _zones(settings)


async def _relayed(settings: Settings) -> bool:
    return await rows_of(settings, "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [(0,)]


async def test_an_emptying_is_derived_and_told_and_taken_back_when_late_data_refute_it(settings: Settings) -> None:
    device = eui(1)
    await describe(settings, "container", {"c1": ("", device, GEOMETRY)})
    producer = Producer(settings, "container")
    await producer.send(*(level(device, minute, distance) for minute, distance in ((1, 0.6), (2, 0.6), (3, 1.9))))
    kept = "SELECT site, emptied_at, confirmed_at, round(emptying_ratio::numeric, 6)::float FROM container_emptying"

    async with running(CONTAINER, settings), running(DERIVE, settings), running(RELAY, settings):
        await producer.send(level(device, 5, 1.8))
        await until_settled(settings, CONTAINER.name, producer)
        await eventually(lambda: _sent(settings, 1), "it is told")
        assert await rows_of(settings, kept) == [("c1", from_us(at(3)), from_us(at(5)), 0.65)]
        ((emptied, due),) = await rows_of(settings, "SELECT emptied_at, due_at FROM container")
        assert (emptied, due) == (from_us(at(3)), from_us(at(3 + 28 * 24 * 60)))

        await producer.send(level(device, 5, 1.8), level(device, 6, 1.8))
        await until_settled(settings, CONTAINER.name, producer)
        await producer.send(level(device, 4, 0.6))
        await until_settled(settings, CONTAINER.name, producer)
        await eventually(lambda: _sent(settings, 3), "that it was not so, and when it was")
        assert await rows_of(settings, kept) == [("c1", from_us(at(5)), from_us(at(6)), 0.6)]

    events = [orjson.loads(record.value or b"") for record in await log_of(settings, city("container"))]
    assert {event["type"] for event in events} == {"de.silkstream.container.emptied.v1"}
    assert [(e["subject"], e["sequence"], e["data"]["emptied_at"], e["data"]["withdrawn"]) for e in events] == [
        ("c1", "1", from_us(at(3)).isoformat(), False),
        ("c1", "2", from_us(at(3)).isoformat(), True),
        ("c1", "3", from_us(at(5)).isoformat(), False),
    ]


async def test_an_alert_that_has_moved_away_keeps_its_row_when_its_frame_opens_another(
    settings: Settings, tmp_path: Path
) -> None:
    """One frame opened all three; ids are given while the row that has one of them is out of sight."""
    device = eui(1)
    await describe(settings, "container", {"c1": ("", device, GEOMETRY)})
    city_file = f"""
        version = 1
        [[container]]
        emptied_within_days = 0.5
        emptying_hours = 9.0
        [[container]]
        valid_from = {from_us(at(1728)).isoformat()}
        emptied_within_days = 0.3
        """
    ruled = with_city(settings, tmp_path, city_file, batch_records=1)
    producer = Producer(settings, "container")
    await producer.send(level(device, 1, 0.5), level(device, 91, 1.2), reading(device, 721, {"tilted": False}))
    await producer.send(level(device, 901, 1.2), reading(device, 1801, {"tilted": False}))
    async with running(CONTAINER, ruled):
        await until_settled(settings, CONTAINER.name, producer)
    assert await rows_of(settings, "SELECT since, resolved_at FROM alert ORDER BY since") == [
        (from_us(at(523)), None),
        (from_us(at(721)), from_us(at(901))),
        (from_us(at(811)), from_us(at(1801))),
    ]
    assert await rows_of(settings, "SELECT count(DISTINCT opened_event) FROM alert") == [(1,)]


async def test_minimum_duration_and_maintenance_end_by_time_over_a_restart(settings: Settings, tmp_path: Path) -> None:
    """What time has to bring is in no memory: a worker that starts anew, with other rules, does it as well."""
    device = eui(1)
    await describe(settings, "container", {"c1": ("Hüls", device, GEOMETRY)})
    city_file = f"""
        version = 1
        [[maintenance]]
        group = "Hüls"
        from = {from_us(at(0)).isoformat()}
        until = {from_us(at(60)).isoformat()}
        [[container]]
        tilted_minimum_minutes = 30
        """
    ruled = with_city(settings, tmp_path, city_file)
    producer = Producer(settings, "container")
    await producer.send(reading(device, 1, {"tilted": True}), 30.0)
    async with running(CONTAINER, ruled):
        await until_settled(settings, CONTAINER.name, producer)
    assert await rows_of(settings, "SELECT * FROM alert") == []

    await producer.send(31.0)
    async with running(CONTAINER, ruled):
        await until_settled(settings, CONTAINER.name, producer)
    said = "SELECT rule, status, since, silenced FROM alert"
    assert await rows_of(settings, said) == [("container_tilted", "open", from_us(at(1)), True)]
    assert await rows_of(settings, "SELECT count(*) FROM outbox") == [(0,)]

    # The city thinks otherwise: there is no maintenance any more.
    await producer.send(32.0)
    async with running(CONTAINER, settings):
        await until_settled(settings, CONTAINER.name, producer)
    assert await rows_of(settings, said) == [("container_tilted", "open", from_us(at(1)), False)]
    assert await rows_of(settings, "SELECT count(*) FROM outbox") == [(1,)]


async def test_the_second_derive_takes_over_when_the_first_is_killed(settings: Settings) -> None:
    await describe(settings, "parking", {"bay": ("z", eui(1), {})})
    async with spawned(DERIVE.name, settings) as first:
        await eventually(lambda: _has(settings, ("z", 1, 0, 0, 1)), "the first has counted")
        async with running(DERIVE, settings) as second:
            first.kill()
            await first.wait()
            await describe(settings, "parking", {"bay2": ("z", eui(2), {})})
            await eventually(lambda: _has(settings, ("z", 2, 0, 0, 2)), "the second has counted")

            async def said() -> bool:
                # The rows are there a moment before the metrics say so.
                return second.count("sent_events", to="zones") > 0

            await eventually(said, "it was the second one")


async def test_the_relay_finds_rows_that_were_committed_behind_higher_ones(settings: Settings) -> None:
    async with connected(settings, "slow") as slow, running(RELAY, settings):
        await _tell(slow, settings, "slow", suppressed=False)
        async with connected(settings, "quick") as quick:
            await _tell(quick, settings, "quick", suppressed=False)
            await _tell(quick, settings, "replayed", suppressed=True)
            await quick.commit()
        await eventually(lambda: _sent(settings, 1), "the quick one is sent")
        await slow.commit()
        await eventually(lambda: _sent(settings, 2), "the slow one is sent")
    assert sorted(record.key or b"" for record in await log_of(settings, city("parking"))) == [b"quick", b"slow"]


async def _tell(connection: Connection, settings: Settings, zone: str, *, suppressed: bool) -> None:
    data = ParkingZone(zone=zone, bays=1, occupied=0, free=1, unknown=0, changed_at=None)
    event = outbox.Event(settings.namespace + city("parking"), zone, "/test", at(0), data)
    async with connection.cursor() as cursor:
        await outbox.post(cursor, [event], suppressed=suppressed)


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The server's processes for the connections of this test's stages."""
    found: list[int] = []
    connect = psycopg.AsyncConnection.connect

    async def noted(*args: Any, **options: Any) -> Any:
        connection = await connect(*args, **options)
        if str(options.get("application_name", "")).startswith("silkstream-"):
            found.append(connection.info.backend_pid)
        return connection

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", noted)
    return found


async def test_a_database_that_cuts_every_connection_is_met_again_by_all_stages(
    settings: Settings, backends: list[int]
) -> None:
    await describe(settings, "parking", BAYS, from_minutes=-10_000)
    producer = Producer(settings, "parking")
    rng = random.Random(6)
    sent = comings_and_goings(rng, 0, 300)
    await producer.send(*sent)
    async with running(PARKING, settings) as parking, running(DERIVE, settings), running(RELAY, settings):
        await until_settled(settings, PARKING.name, producer)
        await rows_of(settings, "SELECT pg_terminate_backend(pid) FROM unnest(%s::integer[]) AS pid", backends)
        more = comings_and_goings(rng, 1000, 300)
        sent += more
        await producer.send(*more)
        await until_settled(settings, PARKING.name, producer)
        await eventually(lambda: _no_marks(settings), "derive is done")
        await eventually(lambda: _relayed(settings), "the relay is done")
        assert parking.count("errors", error_type="Transient") > 0
    assert dict(await rows_of(settings, "SELECT device, occupied FROM parking_bay")) == expected_bays(sent)


@pytest.mark.parametrize("family", ["container", "parking"])
async def test_the_database_is_what_the_memory_says_of_the_right_order(settings: Settings, family: str) -> None:
    """Disorder, repetitions, small batches, restarts and late sites on real servers; order and no haste in memory."""
    rng = random.Random(7)
    stage, topology = (CONTAINER, container_topology) if family == "container" else (PARKING, parking_topology)
    devices = [eui(number) for number in range(4)]
    values: list[dict[str, float | bool]] = [{"distance_metres": d} for d in (-0.2, 0.1, 0.3, 0.5, 0.7, 1.5, 1.8, 2.3)]
    values += [{"tilted": True}, {"distance_metres": 1.8, "tilted": False, "device_temperature_celsius": 70.0}]
    values += [{"device_temperature_celsius": 20.0, "sensor_fill_ratio": 0.3}]
    if family == "parking":
        values = [{"occupied": True}, {"occupied": False}, {"device_temperature_celsius": 7.0}]
    taken = rng.sample([(device, minute) for device in devices for minute in range(1, 2800, 20)], 400)
    contents = [reading(device, minute, rng.choice(values)) for device, minute in taken]
    disorder = contents + rng.sample(contents, 60)
    rng.shuffle(disorder)
    sites = {f"s{number}": (f"g{number % 2}", device, GEOMETRY) for number, device in enumerate(devices)}
    producer = Producer(settings, family)
    hasty = changed(settings, topology={"batch_records": 7})

    for part in range(4):
        ticks = [float(rng.randrange(1000)) for _ in range(2)]
        await producer.send(*disorder[part * 115 : (part + 1) * 115], *ticks)
        async with running(stage, hasty):
            await until_settled(settings, stage.name, producer)
        if part == 1:
            await describe(settings, family, sites, recompute=True)
            await describe(settings, family, {"s4": ("g0", devices[0], GEOMETRY)}, from_minutes=1500, recompute=True)
    await producer.send(5000.0)
    async with running(stage, hasty):
        await until_settled(settings, stage.name, producer)

    places = material_places(
        [*((device, 0, f"s{number}") for number, device in enumerate(devices)), (devices[0], 1500, "s4")],
        [(f"s{number}", 0, f"g{number % 2}", GEOMETRY) for number in range(5)],
    )
    built: Topology[Any, Any, Any] = topology.build(settings)
    memory: MemoryWorker[Any, Any, Any] = MemoryWorker(built, places)
    ordered = sorted(contents, key=lambda each: each.observed_at_us)
    for one in records([*ordered, 5000.0]):
        await memory.process([one])
    expected = memory.result()
    facts = [fact for mine in expected["facts"].values() for fact in mine.values()]
    if family == "container":
        facts = list(map(as_written, facts))
    assert await rows_of(settings, FACTS[family]) == sorted(map(row_of, facts))
    assert await rows_of(settings, NOW[family]) == [(device, *row_of(now)) for device, now in expected["now"].items()]
    assert await rows_of(settings, ALERTS) == sorted(
        (
            a.rule,
            a.subject,
            from_us(a.since_us),
            a.resolved_us and from_us(a.resolved_us),
            a.value,
            a.message_en.replace(a.subject, f"name of {a.subject}"),
        )
        for a in expected["alerts"]
    )
    assert family == "parking" or len({alert.rule for alert in expected["alerts"]}) > 3


FACTS: dict[str, LiteralString] = {
    "container": "SELECT device, observed_at, event_id, distance_metres, tilted, device_temperature_celsius,"
    " sensor_fill_ratio, site, fill_ratio, held_ratio, prior_ratio, is_full, since, drop_at, drop_ratio,"
    " emptying_ratio, emptied_at, watched_since, due_at, trend, alarms, flags"
    " FROM container_level ORDER BY device, observed_at",
    "parking": "SELECT device, observed_at, event_id, reported, heartbeat, site, zone, occupied, since, earliest_at,"
    " settles_at, held, held_since, held_earliest_at, silent_at, overstay_at, flags"
    " FROM parking_observation ORDER BY device, observed_at",
}
NOW: dict[str, LiteralString] = {
    "container": "SELECT device, site, fill_ratio, distance_metres, tilted, is_full, since, suspected_full,"
    " device_temperature_celsius, sensor_fill_ratio, emptied_at, due_at, rate_per_day, nearly_full_at,"
    " nearly_full_earliest_at, nearly_full_latest_at, full_at, full_earliest_at, full_latest_at"
    " FROM container ORDER BY 1",
    "parking": "SELECT device, site, zone, occupied, since, settled FROM parking_bay ORDER BY 1",
}
ALERTS: LiteralString = (
    "SELECT rule, subject, since, resolved_at, value, message_en FROM alert ORDER BY rule, subject, since"
)


def as_written(fact: Level) -> Level:
    """A level as its row has it: the fill that holds where the frame gave none, points where they changed."""
    if fact.fill_ratio is not None:
        fact = fact._replace(level_ratio=None)
    if fact.trend is not None and fact.emptying_ratio is None and fact.trend.times_us[-1] != fact.observed_at_us:
        fact = fact._replace(trend=None)
    return fact


def row_of(found: Any) -> tuple[Any, ...]:
    """A fact or what is shown as its row."""
    kinds: dict[str, Callable[[Any], Any]] = {
        "event_id": lambda value: UUID(bytes=value),
        "flags": list,
        "trend": lambda value: [value.spacing_us, list(value.times_us), list(value.ratios)],
        "alarms": lambda value: [each._asdict() for each in value] or None,
    }

    def column(name: str, value: Any) -> Any:
        if value is None:
            return None
        return from_us(value) if name.endswith("_us") else kinds.get(name, lambda same: same)(value)

    return tuple(column(name, value) for name, value in zip(found._fields, found, strict=True))
