"""Store on the real TimescaleDB: rows and offsets in one transaction, and a refused row lets the rest by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from psycopg import sql

from decoders.registry import load as load_decoders
from pipeline.core.deadletter import read_verdict
from pipeline.core.errors import Fenced, LedgerMismatch, Reason
from pipeline.core.model import Outgoing, Partition
from pipeline.core.settings import Settings
from pipeline.core.topics import DEAD_LETTER, FRAME, readings
from pipeline.database import ledger
from pipeline.database.connection import connected
from pipeline.database.families import quantities_by_family
from pipeline.decode.worker import STAGE_DECODE
from pipeline.kafka.consumer import KafkaSource, open_source
from pipeline.kafka.producer import open_sink
from pipeline.kafka.provision import delete_topics, provision
from pipeline.store.worker import CONSUMER, STAGE_STORE, Worker
from pipeline.store.write import create_staging
from schemas.silkstream.v1 import frame_pb2
from schemas.silkstream.v1.frame_pb2 import Device, Frame, Gateway
from schemas.silkstream.v1.reading_pb2 import Reading, Sample
from tests import readings as written
from tests.integration.servers import (
    FAMILIES,
    RESULTS,
    captured,
    caught_up,
    changed,
    context_of,
    count_of,
    declared,
    eventually,
    log_of,
    raw_of,
    readings_of,
    results_of,
    rows_of,
    running,
    send_all,
)

pytestmark = pytest.mark.integration

STORED = (FRAME, DEAD_LETTER, *(readings(family) for family in FAMILIES))
EUI = "00000000000000aa"
BASE_US = 1_780_000_000_000_000
ACCEPTED = frame_pb2.VERDICT_ACCEPTED


def identity(number: int) -> bytes:
    return number.to_bytes(16, "big")


def frame(number: int, **fields: Any) -> Frame:
    """The `number`-th frame of a log: its event id, its time in seconds and its raw offset."""
    at = BASE_US + number * 1_000_000
    common = {"event_id": identity(number), "dev_eui": EUI, "event": "up", "verdict": ACCEPTED, "raw_offset": number}
    return Frame(**{**common, "observed_at_us": at, "ingested_at_us": at, **fields})


def reading(number: int, *samples: Sample, **fields: Any) -> Reading:
    """The `number`-th reading of a log."""
    at = BASE_US + number * 1_000_000
    common = {"event_id": identity(number), "dev_eui": EUI, "decoder": "d", "decoder_version": "1"}
    times = {"raw_offset": number, "observed_at_us": at, "ingested_at_us": at}
    return Reading(**{**common, **times, "samples": samples, **fields})


def sample(seconds: float, **quantities: float | bool) -> Sample:
    """What was measured then: distance_metres and battery_ratio are numbers, tilted a flag."""
    return written.sample(quantities, at_us=BASE_US + round(seconds * 1_000_000))


def outgoing(settings: Settings, message: Frame | Reading, *, partition: int = 0) -> Outgoing:
    topic = FRAME if isinstance(message, Frame) else readings("container")
    value = message.SerializeToString()
    return Outgoing(settings.namespace + topic, partition, BASE_US // 1000, EUI.encode(), value)


async def send(settings: Settings, *messages: Frame | Reading) -> None:
    await send_all(settings, [outgoing(settings, message) for message in messages])


async def store(settings: Settings, *more: Frame | Reading) -> dict[str, float]:
    """Run store until it has everything, then each of `more` in a batch of its own; what it discarded, by reason."""
    async with running(STAGE_STORE, settings) as stage:
        await eventually(lambda: caught_up(settings, CONSUMER, *STORED), "store has everything")
        for message in more:
            await send(settings, message)
            await eventually(lambda: caught_up(settings, CONSUMER, *STORED), "store has this too")
    return stage.discarded()


async def decode(settings: Settings) -> None:
    """Put the captured events into the log and decode them."""
    await send_all(settings, raw_of(settings, captured(settings)))
    async with running(STAGE_DECODE, settings):
        await eventually(lambda: _frames_reach(settings, len(captured(settings))), "all is decoded")


async def _frames_reach(settings: Settings, count: int) -> bool:
    return await count_of(settings, FRAME) >= count


async def reset(settings: Settings, topic: str | None = None) -> int:
    async with connected(settings, "test") as connection:
        return await ledger.reset(connection, CONSUMER, topic)


# ── the same rows, however often and however split ──


async def test_the_rows_are_the_same_however_often_and_in_whatever_batches_the_log_is_read(settings: Settings) -> None:
    await decode(settings)
    await store(settings)
    once = await results_of(settings)

    assert await reset(settings) == len(STORED) * settings.topics.partitions
    await store(settings)
    again = await results_of(settings)
    for table in RESULTS:
        await _empty(settings, table)
    await reset(settings)
    await store(changed(settings, store={"batch_records": 7}))

    assert sum(map(len, once.values())) > 400
    assert again == once
    assert await results_of(settings) == once


async def _empty(settings: Settings, table: str) -> None:
    async with connected(settings, "test") as connection:
        await connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(table)))
        await connection.commit()


async def test_equal_keys_in_one_batch_become_one_row_with_the_quantities_of_both(settings: Settings) -> None:
    await send(
        settings,
        reading(1, sample(1, distance_metres=1.5, tilted=False)),
        reading(2, sample(1, tilted=True, battery_ratio=0.5), decoder_version="2"),
    )

    await store(settings)

    (row,) = await readings_of(settings)
    assert (row["distance_metres"], row["tilted"], row["battery_ratio"]) == (1.5, True, 0.5)
    assert row["decoder_version"] == "2"


async def test_a_later_decoder_fills_what_was_missing_and_takes_nothing_away(settings: Settings) -> None:
    await store(settings, reading(1, sample(1, distance_metres=1.5)), reading(2, sample(1, battery_ratio=0.5)))

    (row,) = await readings_of(settings)
    assert (row["distance_metres"], row["battery_ratio"]) == (1.5, 0.5)


async def test_the_latest_values_stay_where_an_older_reading_comes_late(settings: Settings) -> None:
    late = reading(11, sample(3, distance_metres=2.0, battery_ratio=0.25))
    await store(settings, reading(10, sample(10, distance_metres=1.0)), late)

    latest = await rows_of(settings, "SELECT quantity, number FROM device_latest ORDER BY 1")
    assert latest == [("battery_ratio", 0.25), ("distance_metres", 1.0)]


async def test_the_gateways_of_a_late_copy_join_those_of_the_first(settings: Settings) -> None:
    first = frame(1, gateways=[Gateway(gateway_id="a", rssi_dbm=-80, snr_db=1)])
    copy = frame(
        2,
        verdict=frame_pb2.VERDICT_DUPLICATE,
        duplicate_of=identity(1),
        duplicate_of_us=first.observed_at_us,
        gateways=[
            Gateway(gateway_id="a", rssi_dbm=-70, snr_db=2),
            Gateway(gateway_id="b", rssi_dbm=-90, snr_db=3),
        ],
    )
    await store(settings, first, copy)

    links = await rows_of(
        settings, "SELECT right(event_id::text, 1), gateway, rssi_dbm, observed_at FROM link_quality ORDER BY 2"
    )
    assert [link[:3] for link in links] == [("1", "a", -70), ("1", "b", -90)]
    assert len({link[3] for link in links}) == 1
    frames = await rows_of(settings, "SELECT verdict, right(duplicate_of::text, 1) FROM frame ORDER BY observed_at")
    assert frames == [("accepted", None), ("duplicate", "1")]


async def test_a_block_that_comes_again_is_skipped_and_counted(settings: Settings) -> None:
    await send(settings, *(frame(number) for number in range(5)), *(frame(number) for number in range(7)))

    assert await store(settings) == {"repeated_block": 5}
    assert len((await results_of(settings))["frame"]) == 7


# ── what the database refuses ──

# Beyond a column, a NUL in a name, in a tag, in an address, a time before the calendar.
REFUSED: Mapping[int, Mapping[str, Any]] = {
    3: {"f_port": 4_000_000_000},
    4: {"device": Device(name="a\x00b")},
    7: {"device": Device(tags={"a": "\x00"})},
    12: {"dev_addr": "\x00"},
    19: {"observed_at_us": -(2**62)},
}


async def test_refused_rows_become_dead_letters_and_the_rest_of_the_batch_stays(settings: Settings) -> None:
    bad = {number: frame(number, dev_eui=f"{number:016x}", **fields) for number, fields in REFUSED.items()}
    await send(settings, *(bad.get(number) or frame(number) for number in range(20)))

    discarded = await store(settings)

    good = {identity(number).hex() for number in range(20) if number not in bad}
    stored = {row[0].hex for row in await rows_of(settings, "SELECT event_id FROM frame")}
    assert good <= stored
    assert discarded == {Reason.ROW_REFUSED: len(bad)}
    letters = {read_verdict(letter).offset: letter for letter in await log_of(settings, DEAD_LETTER)}
    assert {number: letter.value for number, letter in letters.items()} == {
        number: each.SerializeToString() for number, each in bad.items()
    }
    assert {(v.reason, v.stage) for v in map(read_verdict, letters.values())} == {(Reason.ROW_REFUSED, "store")}
    indexed = await rows_of(settings, "SELECT reason, origin_offset FROM dead_letter ORDER BY 2")
    assert indexed == [("row_refused", number) for number in sorted(bad)]


async def test_a_record_that_is_no_frame_becomes_a_dead_letter(settings: Settings) -> None:
    broken = outgoing(settings, frame(1))._replace(value=b"\xff\xff\xff")
    await send_all(settings, [broken, outgoing(settings, frame(2))])

    assert await store(settings) == {Reason.RECORD_UNREADABLE: 1}
    (letter,) = await log_of(settings, DEAD_LETTER)
    assert letter.value == broken.value


# ── the ledger ──


@asynccontextmanager
async def worker_of(settings: Settings) -> AsyncIterator[tuple[Worker, KafkaSource]]:
    """A worker by itself in a group of its own, as one that has lost its partitions and does not know it yet."""
    families = quantities_by_family(load_decoders().values())
    async with connected(settings, CONSUMER) as connection:
        await create_staging(connection, families)
        worker = Worker(connection, families, context_of(settings, CONSUMER))

        async def prepare(partitions: Collection[Partition]) -> Mapping[Partition, int]:
            return await worker.prepare(source, partitions)

        async with open_source(settings, group=f"zombie-{id(worker)}", topics=STORED, prepare=prepare) as source:
            yield worker, source


async def _steps(worker: Worker, source: KafkaSource, settings: Settings) -> int:
    async with open_sink(settings) as sink:
        return await eventually(lambda: worker.step(source, sink), "a batch")


async def test_whoever_lost_a_partition_is_fenced_out_with_all_it_wanted_to_write(settings: Settings) -> None:
    await send(settings, frame(1))
    async with worker_of(settings) as (zombie, its_source):
        assert await _steps(zombie, its_source, settings) == 1
        async with worker_of(settings) as (owner, source):
            await send(settings, frame(2), reading(2, sample(2, tilted=True)))
            await _steps(owner, source, settings)
            before = await results_of(settings)

            with pytest.raises(Fenced):
                await _steps(zombie, its_source, settings)

    assert await results_of(settings) == before


async def mismatch(settings: Settings) -> str:
    """What store says when it refuses to begin."""
    with pytest.raises(LedgerMismatch) as refused:
        await asyncio.wait_for(STAGE_STORE.run(context_of(settings, CONSUMER)), 30)
    said = str(refused.value)
    topic = settings.namespace + FRAME
    assert f"silkstream ledger reset --consumer store --topic {topic} --to beginning" in said
    return said


async def recreate(settings: Settings, name: str) -> None:
    """Delete a topic and create it anew."""
    (topic,) = [topic for topic in declared(settings) if topic.name == settings.namespace + name]
    await delete_topics(settings, [topic.name])
    await provision(settings, [topic])


async def heal(settings: Settings) -> list[int]:
    """Do what the message says, and tell which raw offsets are stored then."""
    assert await reset(settings, settings.namespace + FRAME) == settings.topics.partitions
    await store(settings)
    return [offset for (offset,) in await rows_of(settings, "SELECT raw_offset FROM frame ORDER BY raw_offset")]


async def test_a_log_that_ends_before_the_ledger_is_refused_and_the_remedy_works(settings: Settings) -> None:
    await send(settings, *(frame(number) for number in range(10)))
    await store(settings)
    await recreate(settings, FRAME)
    await send(settings, frame(20), frame(21))

    said = await mismatch(settings)

    assert "the ledger is at offset 10, the log ends at 2" in said
    assert await heal(settings) == [*range(10), 20, 21]


async def test_a_topic_made_anew_is_known_by_the_record_before_the_next(settings: Settings) -> None:
    await send(settings, *(frame(number) for number in range(3)))
    await store(settings)
    await recreate(settings, FRAME)
    await send(settings, *(frame(number) for number in range(20, 30)))

    said = await mismatch(settings)

    assert "the record at offset 2 is not the one that was processed" in said
    assert await heal(settings) == [*range(3), *range(20, 30)]


async def test_a_ledger_that_retention_has_overtaken_is_refused_and_the_remedy_works(settings: Settings) -> None:
    await send(settings, *(frame(number) for number in range(3)))
    await store(settings)
    await send(settings, *(frame(number) for number in range(3, 10)))
    await delete_records(settings, FRAME, 7)

    said = await mismatch(settings)

    assert "the log begins at 7: retention took 4 records before they were processed" in said
    assert await heal(settings) == [*range(3), *range(7, 10)]


async def delete_records(settings: Settings, name: str, before: int) -> None:
    """Let the log begin at an offset, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    try:
        await admin.delete_records(
            {TopicPartition(settings.namespace + name, 0): RecordsToDelete(before_offset=before)}
        )
    finally:
        await admin.close()


async def test_a_restored_database_whose_offsets_are_still_in_the_log_simply_continues(settings: Settings) -> None:
    await send(settings, *(frame(number) for number in range(5)))
    await store(settings)
    before = await _ledger_rows(settings)
    await send(settings, *(frame(number) for number in range(5, 9)))
    await store(settings)
    await _restore(settings, before)

    await store(settings)

    assert len((await results_of(settings))["frame"]) == 9


async def _ledger_rows(settings: Settings) -> Sequence[tuple[Any, ...]]:
    return await rows_of(settings, "SELECT next_offset, last_hash, raw_offset, topic, partition FROM ledger")


async def _restore(settings: Settings, rows: Sequence[tuple[Any, ...]]) -> None:
    async with connected(settings, "test") as connection, connection.cursor() as cursor:
        await cursor.executemany(
            "UPDATE ledger SET next_offset = %s, last_hash = %s, raw_offset = %s WHERE topic = %s AND partition = %s",
            rows,
        )
        await cursor.execute("DELETE FROM frame WHERE raw_offset > 4")
        await connection.commit()
