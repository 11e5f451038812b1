"""Decode is a function of the raw log: neither batches nor restarts show in what it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from pipeline.core.health import Progress
from pipeline.core.metrics import StageMetrics
from pipeline.core.model import Outgoing, Partition, StoredRecord
from pipeline.core.settings import Decode, Settings
from pipeline.core.stage import Context
from pipeline.core.topics import DEAD_LETTER, FRAME, RAW, readings
from pipeline.decode.batch import BatchDecoder
from pipeline.decode.worker import Worker
from pipeline.kafka.memory import MemoryBroker, MemorySink, open_memory_source
from tests.unit.pipeline.material import batch_decoder, new_state, numbered, raw, raw_tick

DEVICES = ("00000000000000aa", "00000000000000bb")
PARTITION = Partition(RAW, 0)


@st.composite
def logs(draw: st.DrawFn) -> list[StoredRecord]:
    """A raw log of one partition: two devices, an hour or so, with every kind of record that decode knows."""
    now, log = 0.0, []
    for number in range(draw(st.integers(min_value=8, max_value=30))):
        now += draw(st.sampled_from([0, 1, 5, 59, 61, 300, 840, 900]))
        device = draw(st.sampled_from(DEVICES))
        arrived = now + draw(st.sampled_from([0, 0, 0, 2, -30, -86_400]))
        identity = f"{device}{number - draw(st.sampled_from([0, 0, 1, 2, 5]))}"
        counter = draw(st.integers(min_value=0, max_value=2))
        payload = draw(st.sampled_from([b"\x01\x0a", b"\x02\x0b\x0c\x0d", b"\x01", b"", b"\xee\x01", b"\x00\x01"]))
        profile = draw(st.sampled_from(["level", "level", "level", "foreign", "unheard of"]))
        kind = draw(st.sampled_from(["up"] * 6 + ["join", "status", "unreadable", "tick", "no event"]))
        if kind == "tick":
            log.append(raw_tick(now))
        elif kind == "unreadable":
            log.append(raw(now, device=device, value=b"\x00broken", arrived=now))
        elif kind == "no event":
            log.append(raw(now, device=device, event=""))
        elif kind == "up":
            fields: dict[str, Any] = {"fCnt": counter, "data": payload, "profile": profile, "identity": identity}
            log.append(raw(now, device=device, arrived=arrived if arrived > now - 60 else now, **fields))
        else:
            log.append(raw(now, event=kind, device=device, identity=identity, profile=profile))
    return numbered(log)


def decoded(log: Sequence[StoredRecord], cuts: Sequence[int]) -> list[Outgoing]:
    """What decode writes for the log in batches."""
    edges = sorted({0, len(log), *(cut % (len(log) + 1) for cut in cuts)})
    decoder, state = batch_decoder(), new_state()
    return [out for begin, end in pairwise(edges) for out in decoder.decode(state, log[begin:end]).records]


@given(logs(), st.lists(st.integers(min_value=0, max_value=100), max_size=8))
@settings(max_examples=80, deadline=None)
def test_any_split_into_batches_writes_the_same_bytes(log: list[StoredRecord], cuts: list[int]) -> None:
    whole = decoded(log, [])
    assert decoded(log, cuts) == whole
    assert len(whole) >= len(log)


def new_worker(most: int) -> Worker:
    """A worker that knows nothing yet, with batches of at most so many records."""
    registry = CollectorRegistry()
    context = Context(
        settings=Settings(decode=Decode(batch_records=most)),
        metrics=StageMetrics(registry, "decode"),
        registry=registry,
        progress=Progress(),
        stop=asyncio.Event(),
    )
    return Worker(batch_decoder(), context)


def new_broker(log: Sequence[StoredRecord]) -> MemoryBroker:
    """A broker whose raw topic holds the log."""
    broker = MemoryBroker()
    for topic in (RAW, FRAME, DEAD_LETTER, readings("container")):
        broker.create(topic, 1)
    for record in log:
        broker.append(Outgoing(RAW, 0, record.timestamp, record.key, record.value, record.headers))
    return broker


class Killed(Exception):
    """The process is gone, between its outputs and its commit or before either."""


class DeadlySink(MemorySink):
    """Kills whoever sends: before the records are written, or after."""

    def __init__(self, broker: MemoryBroker, *, written: bool) -> None:
        super().__init__(broker)
        self._written = written

    async def post(self, records: Sequence[Outgoing]) -> Awaitable[None]:
        if self._written:
            await super().post(records)
        raise Killed


async def work(broker: MemoryBroker, sink: MemorySink, *, batches: int | None, most: int) -> None:
    """One life of a worker; None: until nothing is left."""
    worker = new_worker(most)

    async def prepare(partitions: Any) -> Any:
        return await worker.prepare(source, partitions)

    async with open_memory_source(broker, group="decode", topics=[RAW], prepare=prepare) as source:
        while batches is None or batches > 0:
            if batches is None and broker.committed.get(("decode", PARTITION), 0) == len(broker.logs[PARTITION]):
                return
            await worker.step(source, sink)
            batches = None if batches is None else batches - 1


async def with_deaths(log: Sequence[StoredRecord], deaths: Sequence[tuple[int, int, bool]]) -> list[StoredRecord]:
    """All that decode writes to the frame topic, with workers that die after some batches, before or after a send."""
    broker = new_broker(log)
    for batches, most, written in deaths:
        await work(broker, MemorySink(broker), batches=min(batches, left(broker, most)), most=most)
        if left(broker, most):
            try:
                await work(broker, DeadlySink(broker, written=written), batches=1, most=most)
            except Killed:
                continue
    await work(broker, MemorySink(broker), batches=None, most=3)
    return [
        record for partition, records in sorted(broker.logs.items()) if partition.topic != RAW for record in records
    ]


def left(broker: MemoryBroker, most: int) -> int:
    """How many batches are left."""
    return -(-(len(broker.logs[PARTITION]) - broker.committed.get(("decode", PARTITION), 0)) // most)


def without_repeats(written: Sequence[StoredRecord]) -> list[tuple[Any, ...]]:
    """Each record once, whatever its offset; of repeated blocks the first one counts."""
    return list(dict.fromkeys((r.topic, r.timestamp, r.key, r.value, r.headers) for r in written))


@given(
    logs(),
    st.lists(
        st.tuples(st.integers(min_value=0, max_value=3), st.integers(min_value=1, max_value=7), st.booleans()),
        min_size=1,
        max_size=4,
    ),
)
@settings(max_examples=60, deadline=None)
def test_a_worker_that_takes_over_anywhere_gives_the_same_verdicts(
    log: list[StoredRecord], deaths: list[tuple[int, int, bool]]
) -> None:
    uninterrupted = asyncio.run(with_deaths(log, []))
    assert without_repeats(asyncio.run(with_deaths(log, deaths))) == without_repeats(uninterrupted)


async def test_a_worker_that_is_given_its_partition_again_reads_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, worker, read_back = new_broker([raw(0), raw(1, fCnt=2)]), new_worker(1), list[Any]()
    monkeypatch.setattr(BatchDecoder, "remember", lambda _self, _state, records: read_back.append(records))
    async with open_memory_source(
        broker, group="decode", topics=[RAW], prepare=lambda given: worker.prepare(source, given)
    ) as source:
        await worker.step(source, MemorySink(broker))
        broker.rebalance("decode")
        await worker.step(source, MemorySink(broker))
    assert read_back == []
    assert len(broker.logs[Partition(FRAME, 0)]) == 2
