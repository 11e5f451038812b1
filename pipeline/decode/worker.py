"""Decode's loop: fetch, decode and send piece by piece, commit.

Killed between send and commit, its block comes twice on the output topics, at new offsets. That is harmless because
every output carries the raw offset it came from, and whoever reads it skips what is not above the highest it has
seen; which holds since the producer is idempotent, so that no later block can be there without the earlier ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Collection, Iterator, Mapping, Sequence
from typing import Final

from decoders.registry import load
from pipeline.core import clock
from pipeline.core.logs import logger
from pipeline.core.model import Partition, Record
from pipeline.core.stage import Context, Stage
from pipeline.core.topics import DEAD_LETTER, FRAME, RAW, readings
from pipeline.decode.batch import STAGE, BatchDecoder, State
from pipeline.decode.binding import Bindings
from pipeline.decode.duplicates import ORDERED_MS, History
from pipeline.decode.lineage import check_lineage, raw_offset_of
from pipeline.kafka.consumer import open_source
from pipeline.kafka.ports import Batch, Bounds, Sink, Source
from pipeline.kafka.producer import open_sink
from pipeline.kafka.provision import require_topics

_log = logger(STAGE)
_CHUNK: Final = 5000
_PIECE: Final = 500


class Worker:
    """Decodes the partitions that the group gives it."""

    def __init__(self, decoder: BatchDecoder, context: Context) -> None:
        self._decoder = decoder
        self._context = context
        self._horizon_ms = context.settings.decode.duplicate_horizon_seconds * 1000
        self._states: dict[Partition, State] = {}

    async def prepare(self, source: Source, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Know of each partition what whoever had it before knew: read it back by the horizon."""
        bounds = await source.bounds(partitions)
        committed = await source.committed(partitions)
        await self._check_lineage(source, bounds)
        starts: dict[Partition, int] = {}
        states: dict[Partition, State] = {}
        for partition in sorted(partitions):
            begin, end = bounds[partition]
            done = committed[partition]
            start = starts[partition] = begin if done is None else min(max(done, begin), end)
            kept = self._states.get(partition)
            if kept is not None and kept.next_offset == start:
                states[partition] = kept
            else:
                states[partition] = await self._rebuilt(source, partition, start)
        self._states = states
        return starts

    async def _check_lineage(self, source: Source, raw: Mapping[Partition, Bounds]) -> None:
        """Refuse to go on with a raw log that is not the one of the frames that are there."""
        namespace = self._context.settings.namespace
        frames = await source.bounds([Partition(namespace + FRAME, partition.number) for partition in raw])
        for place, (begin, end) in sorted(frames.items()):
            last = await source.read(place, end - 1, end) if end > begin else []
            offset = raw_offset_of(last[0]) if last else None
            if offset is not None:
                partition = Partition(namespace + RAW, place.number)
                origin = await source.read(partition, offset, offset + 1)
                check_lineage(partition, raw[partition], frame=last[0], origin=origin[0] if origin else None)

    async def _rebuilt(self, source: Source, partition: Partition, start: int) -> State:
        state = State(History(self._horizon_ms))
        last = await source.read(partition, start - 1, start)
        if last:
            since = last[0].timestamp - self._horizon_ms - ORDERED_MS
            at = await source.offset_at(partition, since)
            while at is not None and at < start:
                chunk = await source.read(partition, at, min(at + _CHUNK, start))
                self._decoder.remember(state, chunk)
                at = min(at + _CHUNK, start)
                self._context.progress.moved()
        state.next_offset = start
        return state

    async def step(self, source: Source, sink: Sink) -> int:
        """One batch, to its end; returns how many records it had."""
        settings, metrics = self._context.settings.decode, self._context.metrics
        batch = await source.fetch(most=settings.batch_records, timeout_seconds=0.5)
        if not batch:
            self._context.progress.moved()
            return 0
        started = time.perf_counter()
        sent: list[Awaitable[None]] = []
        newest_us = count = 0
        for partition, records in _pieces(batch):
            outcome = self._decoder.decode(self._states[partition], records)
            sent.append(await sink.post(outcome.records))
            # Let the producer get to its socket: Kafka stores this piece while the next one is decoded.
            await asyncio.sleep(0)
            newest_us = max(newest_us, outcome.newest_us)
            count += len(records)
            self._count(outcome.verdicts)
        for safe in sent:
            await safe
        await source.commit({partition: records[-1].offset + 1 for partition, records in batch.items()})
        metrics.received.inc(count)
        metrics.observe_batch(events=count, started=started)
        if newest_us:
            metrics.latency.observe(max(clock.now_us() - newest_us, 0) / 1_000_000)
        self._context.progress.moved()
        return count

    def _count(self, verdicts: Mapping[str, int]) -> None:
        passed = {"accepted", "no_payload", "event", "tick"}
        for name, count in verdicts.items():
            if name in passed:
                self._context.metrics.add_sent(name, count)
        self._context.metrics.add_discarded({n: c for n, c in verdicts.items() if n not in passed})


def _pieces(batch: Batch) -> Iterator[tuple[Partition, Sequence[Record]]]:
    """The batch in pieces that are decoded in a few hundredths of a second."""
    for partition, records in batch.items():
        for begin in range(0, len(records), _PIECE):
            yield partition, records[begin : begin + _PIECE]


async def run(context: Context) -> None:
    """Decode until `context.stop`."""
    settings = context.settings
    decoders = load()
    decoder = BatchDecoder(decoders, Bindings(decoders, settings.decode.bindings), namespace=settings.namespace)
    worker = Worker(decoder, context)
    context.progress.waits_for("Kafka")
    await require_topics(settings, [RAW, DEAD_LETTER, FRAME, *(readings(d.family) for d in decoders.values())])

    async def prepare(partitions: Collection[Partition]) -> Mapping[Partition, int]:
        context.progress.waits_for("the history of its partitions")
        return await worker.prepare(source, partitions)

    async with (
        open_sink(settings) as sink,
        open_source(settings, group=STAGE, topics=[RAW], prepare=prepare) as source,
    ):
        while not context.stop.is_set():
            if not await worker.step(source, sink):
                for partition, lag in (await source.lag()).items():
                    context.metrics.set_lag(partition.topic, partition.number, lag)


STAGE_DECODE: Final = Stage(name=STAGE, about="Decodes raw events into frames and readings.", run=run, order=20)
