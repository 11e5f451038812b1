"""Decode on the real Kafka: killed, restarted and shared out, it says what an uninterrupted run says."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from decoders.registry import load as load_decoders
from pipeline.core.model import Partition, Record
from pipeline.core.retry import sleep_unless
from pipeline.core.settings import Settings
from pipeline.core.topics import DEAD_LETTER, FRAME, RAW, readings
from pipeline.decode.batch import STAGE, BatchDecoder, State
from pipeline.decode.binding import Bindings
from pipeline.decode.duplicates import History
from pipeline.decode.worker import STAGE_DECODE, Worker
from pipeline.kafka.consumer import KafkaSource, open_source
from pipeline.kafka.ports import Batch, Bounds
from pipeline.kafka.producer import open_sink
from pipeline.store.worker import CONSUMER, STAGE_STORE
from schemas.silkstream.v1.frame_pb2 import VERDICT_DUPLICATE, Frame
from tests.integration.servers import (
    FAMILIES,
    Running,
    captured,
    caught_up,
    changed,
    context_of,
    count_of,
    eventually,
    log_of,
    raw_of,
    results_of,
    rows_of,
    running,
    send_all,
    spawned,
)

pytestmark = pytest.mark.integration

STORED = (FRAME, DEAD_LETTER, *(readings(family) for family in FAMILIES))
Messages = list[tuple[str, bytes]]


class Uncommitting:
    """A group's member that is killed before each of its commits."""

    def __init__(self, source: KafkaSource) -> None:
        self._source = source

    @property
    def assignment(self) -> Collection[Partition]:
        return self._source.assignment

    async def fetch(self, *, most: int, timeout_seconds: float) -> Batch:
        return await self._source.fetch(most=most, timeout_seconds=timeout_seconds)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        pass

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, int | None]:
        return await self._source.committed(partitions)

    async def lag(self) -> Mapping[Partition, int]:
        return await self._source.lag()

    async def bounds(self, partitions: Collection[Partition]) -> Mapping[Partition, Bounds]:
        return await self._source.bounds(partitions)

    async def read(self, partition: Partition, start: int, end: int) -> Sequence[Record]:
        return await self._source.read(partition, start, end)

    async def offset_at(self, partition: Partition, timestamp: int) -> int | None:
        return await self._source.offset_at(partition, timestamp)


def decoder_of(settings: Settings) -> BatchDecoder:
    decoders = load_decoders()
    return BatchDecoder(decoders, Bindings(decoders, {}), namespace=settings.namespace)


async def decode_without_commit(settings: Settings, count: int) -> None:
    """Decode and send `count` records, and commit none of them."""
    worker = Worker(decoder_of(settings), context_of(settings, STAGE))

    async def prepare(partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return await worker.prepare(source, partitions)

    async with (
        open_sink(settings) as sink,
        open_source(settings, group=STAGE, topics=[RAW], prepare=prepare) as source,
    ):
        done = 0

        async def enough() -> bool:
            nonlocal done
            done += await worker.step(Uncommitting(source), sink)
            return done >= count

        await eventually(enough, f"{count} records decoded")
        assert done == count


async def uninterrupted(settings: Settings) -> dict[tuple[int, int], bytes]:
    """The frame of each raw record, by partition and raw offset, as one batch over each whole partition says."""
    raw = await log_of(settings, RAW)
    decoder = decoder_of(settings)
    frames = {}
    for number in range(settings.topics.partitions):
        state = State(History(settings.decode.duplicate_horizon_seconds * 1000))
        own = [record for record in raw if record.partition == number]
        for made in decoder.decode(state, own).records:
            if made.topic == settings.namespace + FRAME and made.value:
                frames[number, Frame.FromString(made.value).raw_offset] = made.value
    return frames


async def written(settings: Settings) -> dict[tuple[int, int], bytes]:
    """The frame of each raw record on the real topic; checks order, and that repeats say the same."""
    found: dict[tuple[int, int], bytes] = {}
    for record in await log_of(settings, FRAME):
        value = record.value or b""
        place = (record.partition, Frame.FromString(value).raw_offset)
        assert found.setdefault(place, value) == value
    assert list(found) == sorted(found), "the order of a partition"
    return found


def renewed(messages: Messages) -> Messages:
    """The same JSON messages with identities of their own."""
    word = uuid4().hex[:8].encode()
    return [
        (topic, payload.replace(b'"deduplicationId":"', b'"deduplicationId":"' + word))
        for topic, payload in messages
        if payload.startswith(b"{") and b'"deduplicationId"' in payload
    ]


def with_repeats(messages: Messages, *, seed: int) -> Messages:
    """Messages of which two in five come a second time, some way behind the first."""
    dice = random.Random(seed)
    placed = list(enumerate(messages))
    placed += [(place + dice.randint(1, 150), again) for place, again in placed if dice.random() < 0.4]
    return [message for _, message in sorted(placed, key=lambda each: each[0])]


async def test_a_block_written_twice_moves_no_row(settings: Settings) -> None:
    raw = raw_of(settings, with_repeats(captured(settings), seed=1))
    await send_all(settings, raw)

    async with running(STAGE_STORE, settings) as store:
        await decode_without_commit(settings, len(raw))
        await eventually(lambda: caught_up(settings, CONSUMER, *STORED), "store has everything")
        once, outputs, marks = await results_of(settings), await count_of(settings, FRAME), await _marks(settings)
        async with running(STAGE_DECODE, settings):
            await eventually(lambda: _doubled(settings, outputs), "the block is there again")
            await eventually(lambda: caught_up(settings, CONSUMER, *STORED), "store has skipped it")
        twice = await results_of(settings)

    assert outputs == len(raw)
    assert len(once["frame"]) == len(captured(settings))
    assert twice == once
    assert await _marks(settings) == marks
    accepted = [await count_of(settings, readings(family)) for family in FAMILIES]
    assert store.discarded() == {"repeated_block": outputs + sum(accepted) / 2}


async def _doubled(settings: Settings, count: int) -> bool:
    return await count_of(settings, FRAME) == 2 * count


async def _marks(settings: Settings) -> int:
    return int((await rows_of(settings, "SELECT count(*) FROM mark"))[0][0])


async def test_a_killed_decode_finds_the_duplicates_that_an_uninterrupted_one_finds(settings: Settings) -> None:
    small = changed(settings, decode={"batch_records": 20})
    raw = raw_of(small, with_repeats(captured(small) + renewed(captured(small)), seed=2))
    half = len(raw) // 2
    await send_all(small, raw[:half])

    async with spawned("decode", small) as decode:
        await eventually(lambda: _frames_reach(small, half // 2), "half of it is decoded")
        decode.send_signal(signal.SIGKILL)
    await send_all(small, raw[half:])
    async with running(STAGE_DECODE, small):
        await eventually(lambda: _frames_reach(small, len(raw)), "all is decoded")
        await eventually(lambda: _complete(small, len(raw)), "every raw record has its frame")

    expected = await uninterrupted(small)
    assert sum(Frame.FromString(value).verdict == VERDICT_DUPLICATE for value in expected.values()) > 100
    assert await written(small) == expected


async def _frames_reach(settings: Settings, count: int) -> bool:
    return await count_of(settings, FRAME) >= count


async def _complete(settings: Settings, count: int) -> bool:
    return len(await written(settings)) == count


async def test_workers_that_come_and_go_under_load_lose_and_double_nothing(settings: Settings) -> None:
    enough = asyncio.Event()
    loading = asyncio.create_task(_load(settings, enough))

    async with AsyncExitStack() as staying:
        leaving = AsyncExitStack()
        first = await leaving.enter_async_context(running(STAGE_DECODE, settings))
        await _each_moves(first)
        second = await staying.enter_async_context(running(STAGE_DECODE, settings))
        await _each_moves(first, second)
        third = await staying.enter_async_context(running(STAGE_DECODE, settings))
        await _each_moves(first, second, third)
        await leaving.aclose()
        await _each_moves(second, third)
        enough.set()
        sent = await loading
        await eventually(lambda: _frames_reach(settings, sent), "all is decoded")
        await eventually(lambda: _complete(settings, sent), "every raw record has its frame")

    assert await written(settings) == await uninterrupted(settings)


async def _load(settings: Settings, enough: asyncio.Event) -> int:
    """Send raw records until it is enough; returns how many."""
    sent = 0
    messages = captured(settings)
    async with open_sink(settings) as sink:
        while not await sleep_unless(enough, 0.1):
            records = raw_of(settings, renewed(messages)[:50])
            await sink.send(records)
            sent += len(records)
    return sent


async def _each_moves(*workers: Running) -> None:
    """Wait until each of the workers has decoded something from now on."""
    before = [worker.count("received_events") for worker in workers]

    async def moved() -> bool:
        now = [worker.count("received_events") for worker in workers]
        return all(after > earlier for after, earlier in zip(now, before, strict=True))

    await eventually(moved, "each worker decodes")
