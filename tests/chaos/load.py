"""The load: a simulated city in a process of its own, whose ledger is the judge's first witness."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import msgspec
from paho.mqtt import publish
from paho.mqtt.enums import MQTTProtocolVersion

from pipeline.core.clock import from_rfc3339, from_us, now_us, to_us
from pipeline.core.ticks import Tick, write_tick
from pipeline.simulator import Ledger, read_ledger
from tests.chaos.system import ChaosError, System

BUSY_CITY: Final[Mapping[str, object]] = {
    "encoding": "both",
    "tick_seconds": 300,
    "bays_koenigstrasse": 120,
    "bays_koelner_strasse": 120,
    "disabled_bays": 30,
    "wells": 150,
    "containers": 150,
    "luminaires": 150,
    "heartbeat_interval_seconds": 1200,
    "container_interval_seconds": 600,
    "luminaire_interval_seconds": 1200,
    "abp_resets_per_day": 2,
    "joins_per_day": 1,
    "downlinks_per_day": 2,
}
"""Every family busy all the time; repetitions, late copies, broken and lost frames at the simulator's own rates."""

HOURS: Final = 480.0
"""What a load may play; its end is now, so that no event is ahead of the clock."""


class Load:
    """One simulator at work. It plays until it is told to stop."""

    def __init__(self, system: System, *, seed: str, rate: float, after: Ledger | None = None) -> None:
        """A load, in simulated time behind an earlier one where there was one; each needs a seed of its own."""
        self._system = system
        self._seed = seed
        self._rate = rate
        now = from_us(now_us())
        self._start = from_rfc3339(after.as_of) if after else now - timedelta(hours=HOURS)
        self._hours = (now - self._start) / timedelta(hours=1)
        self._path = system.folder / f"ledger-{seed}.json"
        self._process: asyncio.subprocess.Process | None = None

    def _words(self) -> list[str]:
        changes = {"seed": self._seed, **BUSY_CITY}
        settings = [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]
        return ["simulate", *settings, "--start", self._start.isoformat(), "--hours", str(self._hours)]

    async def install(self) -> None:
        """Tell the system of the city's sites.

        Raises:
            ChaosError: it refused them.
        """
        listed = await self._system.run(*self._words(), "--sites")
        file = self._system.folder / f"sites-{self._seed}.csv"
        file.write_text(listed.out)
        imported = await self._system.run("sites", "import", str(file))
        if listed.status or imported.status:
            raise ChaosError(f"no sites: {listed.complaint}{imported.complaint}")

    async def start(self) -> None:
        """Begin to publish."""
        words = (*self._words(), "--rate", str(self._rate), "--ledger", str(self._path))
        with (self._system.folder / "simulator.log").open("ab") as log:
            self._process = await self._system.silkstream(*words, stdout=log, stderr=log)

    def read(self) -> Ledger | None:
        """The ledger as of a few seconds ago; None before its first writing."""
        try:
            return read_ledger(self._path)
        except (OSError, msgspec.MsgspecError):
            return None

    async def stop(self) -> Ledger:
        """Publish nothing more, wait for what is under way, and return the final ledger.

        Raises:
            ChaosError: the simulator did not end well.
        """
        process = self._process
        if process is None:
            raise ChaosError("the load was never started")
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(process.wait(), 60)
        if status:
            raise ChaosError(f"the simulator ended with {status}:\n{self._system.last_words('simulator')}")
        return read_ledger(self._path)

    async def abandon(self) -> None:
        """End it, whatever it does; nothing to do where it has ended."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def last_tick(system: System, ledger: Ledger) -> bytes:
    """Say over MQTT that the load is over: behind it, in every raw partition, nothing of the load can come.

    Returns:
        The tick's bytes, by which it is known again. One microsecond tells it from the simulator's own.
    """
    bridge = system.environment["SILKSTREAM_BRIDGE_ID"]
    payload = write_tick(Tick(bridge, to_us(from_rfc3339(ledger.as_of)) + 1))
    publish.single(
        f"silkstream/{bridge}/tick",
        payload,
        qos=1,
        hostname=system.environment["SILKSTREAM_MQTT_HOST"],
        port=int(system.environment["SILKSTREAM_MQTT_PORT"]),
        protocol=MQTTProtocolVersion.MQTTv5,
    )
    return payload


@asynccontextmanager
async def playing(system: System, *, seed: str, rate: float, after: Ledger | None = None) -> AsyncIterator[Load]:
    """A load whose sites are known and which plays; it does not outlive the block."""
    load = Load(system, seed=seed, rate=rate, after=after)
    await load.install()
    await load.start()
    try:
        yield load
    finally:
        await load.abandon()
