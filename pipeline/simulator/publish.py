"""Plays a plan to a broker at a set speed, and keeps the ledger while it does.

Time passes here only: what is said, and in which order, was decided by the plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline.core.clock import SECOND_US
from pipeline.core.retry import sleep_unless
from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device, devices
from pipeline.simulator.frames import Planned
from pipeline.simulator.ledger import Account, Ledger, write_ledger
from pipeline.simulator.mqtt import Publisher
from pipeline.simulator.play import events

BURST: Final = 50
"""Messages between two turns of the event loop, which must get to the socket, and to whoever else lives in it."""

CATCH_UP_SECONDS: Final = 0.1
"""How much of a rate that was not used may be used later."""

FAREWELL_SECONDS: Final = 5.0
LEDGER_INTERVAL_SECONDS: Final = 2.0


async def simulate(
    plan: CityPlan,
    *,
    host: str,
    port: int,
    ledger_path: Path | None,
    speed: float,
    max_rate: float | None,
    stop: asyncio.Event,
    progress: Callable[[int], None] | None = None,
) -> Ledger:
    """Play the plan to a broker until it is over or `stop` is set; return the ledger.

    Args:
        plan: the city.
        host: the broker's.
        port: the broker's.
        ledger_path: where the ledger is kept up to date, if anywhere.
        speed: simulated seconds per second; 0 = as fast as the broker takes them.
        max_rate: messages per second at most.
        stop: once set, nothing more is published, and what is under way is waited for.
        progress: called now and then with the number of acknowledged messages.

    Raises:
        SettingsError: the broker refuses the client or its messages.
    """
    city = devices(plan)
    account = Account(plan, city)
    publisher = Publisher(account, host=host, port=port)
    connection = asyncio.create_task(publisher.supervise())
    scribe = asyncio.create_task(_keep(account, ledger_path, progress))
    pace = Pace(plan.start_us, speed=speed, max_rate=max_rate)
    playing = asyncio.create_task(_publish(plan, publisher, pace, city=city, stop=stop))
    tasks = (playing, connection, scribe)
    try:
        # the other two end by a fault only, and then waiting for the broker would have no end
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            await task
        finished = playing.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    ledger = account.ledger(complete=finished)
    if ledger_path is not None:
        write_ledger(ledger, ledger_path)
    if progress is not None:
        progress(account.published)
    return ledger


async def _publish(
    plan: CityPlan, publisher: Publisher, pace: Pace, *, city: tuple[Device, ...], stop: asyncio.Event
) -> bool:
    """Publish everything, or until `stop`; whether everything was acknowledged."""
    loop = asyncio.get_running_loop()
    for number, planned in enumerate(events(plan, city)):
        if number % BURST == 0:
            await asyncio.sleep(0)
        while not publisher.ready:
            if stop.is_set():
                return False
            await publisher.changed(0.2)
        wait = pace.wait_seconds(planned, loop.time())
        if (wait > 0 and await sleep_unless(stop, wait)) or stop.is_set():
            break
        publisher.put(planned)
    deadline = None
    while not publisher.idle:
        if stop.is_set() and deadline is None:
            deadline = loop.time() + FAREWELL_SECONDS
        if deadline is not None and loop.time() > deadline:
            return False
        await publisher.changed(0.2)
    return not stop.is_set()


class Pace:
    """When a message may go: in simulated time at a speed, in messages at a rate."""

    def __init__(self, start_us: int, *, speed: float, max_rate: float | None) -> None:
        self._start_us = start_us
        self._speed = speed
        self._gap_seconds = 1.0 / max_rate if max_rate else 0.0
        self._begun: float | None = None
        self._free = 0.0

    def wait_seconds(self, planned: Planned, now: float) -> float:
        """How long to wait with this message, which then counts as sent; `now` on a clock that only goes on."""
        if self._begun is None:
            self._begun = self._free = now
        wait = 0.0
        if self._speed > 0:
            wait = self._begun + (planned.at_us - self._start_us) / SECOND_US / self._speed - now
        if self._gap_seconds and planned.topic:
            self._free = max(self._free + self._gap_seconds, now - CATCH_UP_SECONDS)
            wait = max(wait, self._free - now)
        return max(0.0, wait)


async def _keep(account: Account, path: Path | None, progress: Callable[[int], None] | None) -> None:
    """Write the ledger every few seconds; a long one less often, so that writing takes a tenth of the time at most."""
    loop = asyncio.get_running_loop()
    pause = LEDGER_INTERVAL_SECONDS
    while True:
        await asyncio.sleep(pause)
        begun = loop.time()
        if path is not None:
            write_ledger(account.ledger(complete=False), path)
        if progress is not None:
            progress(account.published)
        pause = max(LEDGER_INTERVAL_SECONDS, 10.0 * (loop.time() - begun))
