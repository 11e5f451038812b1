"""A whole silkstream on a local stack: every stage a process of its own, the servers beside them.

Everything belongs to one namespace and one bridge id, made up for the run, so that whatever an earlier run left on the
stack is neither seen nor touched. A stage that ends is started again at once, as an init system would; an end that
nobody ordered is written down.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import signal
import sys
import threading
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import aiohttp
import paho.mqtt.client as paho
from aiokafka.admin import AIOKafkaAdminClient
from paho.mqtt.enums import CallbackAPIVersion

from decoders.registry import load as load_decoders
from infra.local.kafka_server import KafkaServer
from infra.local.layout import REPOSITORY, Layout
from infra.local.mosquitto_server import MosquittoServer
from infra.local.postgresql_server import PostgresqlServer
from infra.local.server import NotReadyError, Server
from pipeline.core.settings import Settings
from pipeline.database.migrate import drop, migrate
from pipeline.installed import configured_stages, declared_topics
from pipeline.kafka.provision import provision

NOISY: Final = ("aiokafka", "paho")
"""Loggers of the clients by which we look on: servers that are away are what this is about."""
PORTS: Final = 32
"""How many children a system can have."""
DRAIN_SECONDS: Final = 40.0
READY_SECONDS: Final = 90.0
_COUNTED: Final = re.compile(r"^silkstream_(?:received|sent)_events_total\{[^}]*\} (\S+)$", re.MULTILINE)


_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)


class ChaosError(Exception):
    """The experiment itself could not go on."""


@dataclass(slots=True)
class Child:
    """One process of a stage. `name` is the stage's, with a number behind it from the second one on."""

    name: str
    stage: str
    port: int
    process: asyncio.subprocess.Process | None = None
    wanted: bool = True
    """Whether it is started again when it ends."""
    ordered: bool = False
    """Whether its next end is our doing."""
    starts: int = 0
    keeper: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Death:
    """An end that nobody ordered."""

    name: str
    status: int
    said: str


class Done(NamedTuple):
    """A command that has ended."""

    status: int
    out: str
    complaint: str


def _die_with_parent() -> None:
    """Also where the experiment itself is killed, nothing of it goes on."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(slots=True)
class System:
    """Children, servers, and the settings by which they find each other."""

    layout: Layout
    folder: Path
    namespace: str
    environment: Mapping[str, str]
    http: aiohttp.ClientSession
    first_port: int
    """Of the children's metrics."""
    members: bool = False
    """Whether each worker has a name in its group that survives its restart."""
    children: dict[str, Child] = field(default_factory=dict)
    deaths: list[Death] = field(default_factory=list)
    servers: dict[str, Server] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """What the children's environment says, for looking at what they do."""
        given: dict[str, Any] = {
            "namespace": self.namespace,
            "kafka": {"bootstrap": self.environment["SILKSTREAM_KAFKA_BOOTSTRAP"]},
            "database": {"url": self.environment["SILKSTREAM_DATABASE_URL"]},
            "mqtt": {
                "host": self.environment["SILKSTREAM_MQTT_HOST"],
                "port": self.environment["SILKSTREAM_MQTT_PORT"],
            },
            "bridge": {"id": self.environment["SILKSTREAM_BRIDGE_ID"], "ticks": "stream"},
            "replay": self.environment["SILKSTREAM_REPLAY"],
        }
        return Settings(**given)

    @property
    def stages(self) -> list[str]:
        """The stages that run, each once."""
        return sorted({child.stage for child in self.children.values()})

    def log_of(self, name: str) -> Path:
        """Where a child's standard error goes."""
        return self.folder / f"{name}.log"

    # ── processes ──

    async def start(self, stage: str, *, name: str | None = None) -> Child:
        """Start a stage and keep it running; another one of the same stage needs a name."""
        name = name or stage
        if name in self.children:
            child = self.children[name]
        else:
            taken = {child.port for child in self.children.values()}
            port = next(port for port in range(self.first_port, self.first_port + PORTS) if port not in taken)
            child = self.children[name] = Child(name, stage, port)
        child.wanted = True
        child.ordered = False
        await self._spawn(child)
        child.keeper = asyncio.create_task(self._keep(child))
        return child

    async def _spawn(self, child: Child) -> None:
        with self.log_of(child.name).open("ab") as log:
            more = {"SILKSTREAM_HTTP_PORT": str(child.port)}
            if self.members:
                more["SILKSTREAM_KAFKA_MEMBER"] = child.name
            child.process = await self.silkstream(child.stage, more=more, stdout=log, stderr=log)
        child.starts += 1

    async def silkstream(
        self,
        *words: str,
        more: Mapping[str, str] | None = None,
        stdout: IO[bytes] | int = PIPE,
        stderr: IO[bytes] | int = PIPE,
    ) -> asyncio.subprocess.Process:
        """Start a command of silkstream's with the system's settings; it does not outlive us."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pipeline.cli",
            *words,
            cwd=REPOSITORY,
            env={**os.environ, **self.environment, **(more or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )

    async def run(self, *words: str) -> Done:
        """Run a command to its end."""
        process = await self.silkstream(*words)
        out, complaint = await process.communicate()
        return Done(process.returncode or 0, out.decode(), complaint.decode())

    async def _keep(self, child: Child) -> None:
        while child.process is not None:
            status = await child.process.wait()
            if not child.ordered:
                self.deaths.append(Death(child.name, status, self.last_words(child.name)))
                if self.deaths[20:]:
                    child.wanted = False
            if not child.wanted:
                return
            if not child.ordered:
                await asyncio.sleep(0.5)
            child.ordered = False
            await self._spawn(child)

    def last_words(self, name: str, *, lines: int = 5) -> str:
        """The end of a child's log."""
        return "\n".join(self.log_of(name).read_text(errors="replace").splitlines()[-lines:])

    def kill(self, name: str) -> None:
        """`kill -9`; it is started again at once."""
        child = self.children[name]
        child.ordered = True
        if child.process is not None:
            with suppress(ProcessLookupError):
                child.process.kill()

    async def leave(self, name: str) -> int:
        """SIGTERM, and not started again; returns the exit status."""
        child = self.children[name]
        child.wanted, child.ordered = False, True
        if child.process is None:
            return 0
        with suppress(ProcessLookupError):
            child.process.send_signal(signal.SIGTERM)
        try:
            status = await asyncio.wait_for(child.process.wait(), DRAIN_SECONDS)
        except TimeoutError:
            child.process.kill()
            await child.process.wait()
            raise ChaosError(f"{name} did not end within {DRAIN_SECONDS:.0f} s of SIGTERM") from None
        if child.keeper is not None:
            await child.keeper
        del self.children[name]
        return status

    async def moved(self, name: str) -> float | None:
        """How many events the child's process says it has taken in and passed on; None while it does not answer."""
        try:
            async with self.http.get(f"http://127.0.0.1:{self.children[name].port}/metrics") as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
        return sum(float(value) for value in _COUNTED.findall(text))

    async def ready(self, name: str) -> bool:
        """Whether /readyz says so."""
        try:
            async with self.http.get(f"http://127.0.0.1:{self.children[name].port}/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def until_ready(self, names: Collection[str] | None = None) -> None:
        """Wait until each child (default: all) is ready.

        Raises:
            ChaosError: one of them is not in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        for name in self.children if names is None else names:
            while not await self.ready(name):
                if time.monotonic() > deadline:
                    raise ChaosError(f"{name} is not ready after {READY_SECONDS:.0f} s:\n{self.last_words(name)}")
                await asyncio.sleep(0.1)

    async def end(self) -> None:
        """End every child: SIGTERM, and `kill -9` for what does not drain."""
        for child in self.children.values():
            child.wanted, child.ordered = False, True
            if child.process is not None and child.process.returncode is None:
                with suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGTERM)
        for child in self.children.values():
            if child.process is not None:
                try:
                    await asyncio.wait_for(child.process.wait(), DRAIN_SECONDS)
                except TimeoutError:
                    child.process.kill()
                    await child.process.wait()
            if child.keeper is not None:
                await child.keeper

    # ── servers ──

    async def cut(self, server: str, *, kill: bool) -> None:
        """End a server: `kill -9` of all its processes, or in good order."""
        await asyncio.to_thread(self.servers[server].stop, kill=kill)

    async def restore(self, server: str) -> None:
        """Start a server and wait until it answers."""
        await asyncio.to_thread(_bring_up, self.servers[server])


def _bring_up(server: Server) -> None:
    if server.pid() is None:
        server.prepare()
        server.start()
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            server.probe()
        except NotReadyError as answer:
            if server.pid() is None or time.monotonic() > deadline:
                raise ChaosError(f"{server.name} does not come back: {answer}\n{server.why()}") from answer
            time.sleep(0.1)
        else:
            return


def fresh_namespace(purpose: str) -> str:
    """A namespace that nothing has had before."""
    return f"{purpose}{time.time_ns() // 1_000_000_000 % 10_000_000}."


def stages_but(*left_out: str) -> list[str]:
    """The stages that run, in the order of a frame's way."""
    return [name for name in configured_stages(Settings()) if name not in left_out]


async def build(settings: Settings) -> None:
    """Topics and database of the settings' namespace."""
    await provision(settings, declared_topics(settings))
    await migrate(settings, load_decoders().values())


async def demolish(settings: Settings) -> None:
    """Drop the namespace's topics, schema and roles."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic.name for topic in declared_topics(settings)])
    finally:
        await admin.close()
    await drop(settings)


def forget_session(settings: Settings) -> None:
    """End the bridge's MQTT session, or the broker would queue for it whatever comes later."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=f"silkstream-{settings.bridge.id}", protocol=paho.MQTTv5
    )
    heard = threading.Event()
    client.on_connect = lambda *_: heard.set()
    # Without an expiry of its own the new session ends with the connection, and a clean start ends the old one.
    client.connect(settings.mqtt.host, settings.mqtt.port, clean_start=True)
    client.loop_start()
    heard.wait(10)
    client.disconnect()
    client.loop_stop()


@asynccontextmanager
async def open_system(
    layout: Layout, folder: Path, *, namespace: str, replay: bool = False, members: bool = False
) -> AsyncIterator[System]:
    """Topics and tables of a new namespace on the stack; nothing runs yet, and at the end nothing does any more."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    environment = {
        **layout.environment(),
        "SILKSTREAM_NAMESPACE": namespace,
        "SILKSTREAM_BRIDGE_ID": namespace.rstrip("."),
        "SILKSTREAM_BRIDGE_TICKS": "stream",
        "SILKSTREAM_REPLAY": "true" if replay else "false",
        "SILKSTREAM_DERIVE_LONGEST_REST_SECONDS": "0.2",
    }
    servers: tuple[Server, ...] = (KafkaServer(layout), PostgresqlServer(layout), MosquittoServer(layout))
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        first_port = layout.second_port if replay else layout.base_port
        system = System(layout, folder, namespace, environment, http, first_port, members=members)
        system.servers = {server.name: server for server in servers}
        for server in servers:
            await system.restore(server.name)
        await build(system.settings)
        try:
            yield system
        finally:
            await system.end()
            if not replay:
                await asyncio.to_thread(forget_session, system.settings)
