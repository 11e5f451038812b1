"""Runs one stage as a process: signals, drain, readiness, watchdog, exit status.

A stage that raises `Transient` is run again after a pause: closing everything and opening it anew is the one way back
from any fault. The watchdog ends a process that hangs where no exception ever comes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from pipeline.core.errors import EXIT_BUG, EXIT_SETTINGS, EXIT_STALLED, SettingsError, Transient
from pipeline.core.health import Progress
from pipeline.core.logs import configure_logs, logger
from pipeline.core.metrics import StageMetrics
from pipeline.core.retry import backoff, sleep_unless
from pipeline.core.settings import Settings
from pipeline.core.stage import Context, Stage
from pipeline.http import serving

DRAIN_SECONDS: Final = 25.0
STALL_SECONDS: Final = 300.0
COLLECTION: Final = (400_000, 20, 50)
"""Objects before the youngest generation is collected, and how many of those before the next two: more than two batches
have alive at once, so that none of them is looked through."""
WATCH_SECONDS: Final = 5.0
HELD_SECONDS: Final = 30.0
"""A run that lasted so long had worked: the pauses begin again with the shortest."""


def run_stage(stage: Stage, settings: Settings) -> int:
    """Run a stage until it is told to stop; returns the exit status.

    0 after SIGTERM or SIGINT, 78 for an operator's mistake, 75 where it hung, 70 for a bug.
    """
    configure_logs(settings.log_level)
    log = logger(stage.name)
    _calm_the_collector()
    try:
        return asyncio.run(_serve(stage, settings))
    except SettingsError as mistake:
        log.error("settings", problem=str(mistake))  # noqa: TRY400  # an operator's mistake is a sentence, no traceback
        return EXIT_SETTINGS
    except BaseException as bug:  # the border of the process: whatever it is, it is logged
        log.error("bug", exc_info=bug)  # noqa: TRY400  # the traceback is handed over
        return EXIT_BUG


def _calm_the_collector() -> None:
    """Collect seldom: a batch makes tens of thousands of objects, hardly a cycle, and what was imported stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTION)


async def _serve(stage: Stage, settings: Settings) -> int:
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    stop = asyncio.Event()
    context = Context(
        settings=settings,
        metrics=StageMetrics(registry, stage.name),
        registry=registry,
        progress=Progress(),
        stop=stop,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    http = settings.http
    async with serving(http.host, http.port, registry, context.progress.trouble), _watched(stage, context):
        work = asyncio.create_task(_run_again(stage, context))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await asyncio.wait({work}, timeout=DRAIN_SECONDS)
        if not work.done():
            # What was not committed comes again: leaving now is safe, waiting on is not useful.
            logger(stage.name).error("not drained in time", seconds=DRAIN_SECONDS)
            os._exit(EXIT_STALLED)
        stopped.cancel()
        await work
    return 0


async def _run_again(stage: Stage, context: Context) -> None:
    log = logger(stage.name)
    pauses = backoff()
    while not context.stop.is_set():
        started = time.monotonic()
        try:
            await stage.run(context)
        except Transient as away:
            context.metrics.add_error(away)
            if time.monotonic() - started > HELD_SECONDS:
                pauses = backoff()
            context.progress.waits_for(str(away))
            log.warning("opening again", error=str(away))
            await sleep_unless(context.stop, next(pauses))


@asynccontextmanager
async def _watched(stage: Stage, context: Context) -> AsyncIterator[None]:
    async def watch() -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if context.progress.still_seconds > STALL_SECONDS:
                logger(stage.name).error("no progress: ending the process", seconds=context.progress.still_seconds)
                os._exit(EXIT_STALLED)

    watchdog = asyncio.create_task(watch())
    try:
        yield
    finally:
        watchdog.cancel()
