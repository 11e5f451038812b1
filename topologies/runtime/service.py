"""Runs a topology until it is told to stop: Faust inside our own loop, watched from outside of it.

Faust can fall silent without a word, and its supervisor swallows exceptions; so faults reach us through the worker,
progress is measured against the log by a reader of our own, and closing has a deadline.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from pipeline.core.errors import EXIT_STALLED, Transient
from pipeline.core.logs import logger
from pipeline.core.stage import Context
from pipeline.database.connection import connected
from pipeline.kafka.consumer import KafkaLog, open_log
from pipeline.kafka.producer import open_sink
from topologies.runtime.app import LedgerApp, new_app
from topologies.runtime.model import Topology
from topologies.runtime.worker import Worker

LANES: Final = 4
_LOOK_SECONDS: Final = 2.0
_SILENCE_SECONDS: Final = 30.0
_CLOSE_SECONDS: Final = 15.0


async def run_topology(topology: Topology[Any, Any, Any], context: Context) -> None:
    """Run until `context.stop`.

    Raises:
        Transient: Kafka or the database is away, or a partition was lost; run it again.
        LedgerMismatch: the ledger and the log do not belong together.
    """
    settings = context.settings
    context.progress.waits_for("Kafka and the database")
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(open_log(settings))
        sink = await stack.enter_async_context(open_sink(settings))
        connections = [
            await stack.enter_async_context(connected(settings, f"{topology.stage}-{lane}")) for lane in range(LANES)
        ]
        for connection in connections:
            await connection.set_autocommit(True)
        worker = Worker(topology, context, log=log, sink=sink, connections=connections)
        app = new_app(
            settings,
            name=topology.stage,
            topic=settings.namespace + topology.consumes,
            positions=worker,
            handle=worker.handle,
        )
        context.progress.waits_for("its partitions")
        async with _closing(app, worker, stage=topology.stage):
            await _until_the_end(app, worker, context, log)


async def _until_the_end(app: LedgerApp, worker: Worker[Any, Any, Any], context: Context, log: KafkaLog) -> None:
    """Wait for the stop, or for the first fault and raise it."""
    ends: set[asyncio.Future[Any]] = {
        worker.fault,
        asyncio.ensure_future(context.stop.wait()),
        asyncio.ensure_future(worker.run()),
        asyncio.ensure_future(_watch(app, worker, context, log)),
        asyncio.ensure_future(app.wait_until_stopped()),
    }
    starting = asyncio.ensure_future(app.start())
    try:
        done, _ = await asyncio.wait({starting, *ends}, return_when=asyncio.FIRST_COMPLETED)
        if done == {starting}:
            starting.result()
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if worker.fault.done():
            worker.fault.result()
        for each in done:
            each.result()
        if app.crashed:
            raise Transient(f"faust: {app.crash_reason!r}")
    finally:
        if not worker.fault.done():
            await worker.release()
        for each in (*ends, starting):
            each.cancel()
        await asyncio.gather(*ends, starting, return_exceptions=True)


async def _watch(app: LedgerApp, worker: Worker[Any, Any, Any], context: Context, log: KafkaLog) -> None:
    """Compare positions with the end of the log, and raise where records wait and nothing happens."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        owned = worker.owned()
        bounds = await log.bounds(owned) if owned else {}
        waiting = 0
        for partition, expected in owned.items():
            lag = max(bounds[partition].end - expected, 0)
            waiting += lag
            context.metrics.set_lag(partition.topic, partition.number, lag)
        if not waiting and not app.rebalancing and (owned or app.unassigned):
            context.progress.moved()
            worker.worked_at = time.monotonic()
        elif time.monotonic() - worker.worked_at > _SILENCE_SECONDS:
            raise Transient("faust: records wait and nothing comes")


@asynccontextmanager
async def _closing(app: LedgerApp, worker: Worker[Any, Any, Any], *, stage: str) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if not worker.fault.done():
            worker.fault.cancel()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await worker.release()
                await app.stop()
        except TimeoutError:
            # Its threads cannot be ended from here, and a second member beside them would share our name.
            logger(stage).error("faust does not stop: ending the process")
            os._exit(EXIT_STALLED)
