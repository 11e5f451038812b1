"""An installation of a test's own on the real servers: a namespace, its topics, its schema, its MQTT session.

Every test has its own, so that tests neither wait for one another nor see one another's records.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, LiteralString, TypeVar
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import orjson
import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from prometheus_client import CollectorRegistry
from psycopg import sql

from decoders.registry import load as load_decoders
from pipeline.core import clock, topics
from pipeline.core.health import Progress
from pipeline.core.metrics import StageMetrics
from pipeline.core.model import Outgoing, Partition, Record
from pipeline.core.settings import Settings
from pipeline.core.settings import load as load_settings
from pipeline.core.stage import Context, Stage
from pipeline.database.families import table_of
from pipeline.database.migrate import drop
from pipeline.database.roles import roles_of
from pipeline.ingest.translate import Message, Origin, Translator
from pipeline.kafka.consumer import open_log
from pipeline.kafka.partitioner import partition_of
from pipeline.kafka.producer import open_sink
from pipeline.service import _run_again

DEADLINE_SECONDS: Final = 40.0
PARTITIONS: Final = 3
DATA: Final = Path(__file__).resolve().parents[1] / "data"
FAMILIES: Final = tuple(sorted({decoder.family for decoder in load_decoders().values()}))

T = TypeVar("T")


def fresh_settings() -> Settings:
    """Settings for the servers that the environment names, in a namespace that nobody has."""
    word = f"t{uuid4().hex[:8]}"
    base = load_settings()
    return base.model_copy(
        update={
            "namespace": f"{word}.",
            "bridge": base.bridge.model_copy(
                update={"id": word, "filters": (f"application/{word}/device/+/event/+",), "tick_seconds": 0.5}
            ),
            "topics": base.topics.model_copy(update={"partitions": PARTITIONS}),
            # Who waits for the last mark waits for no rest.
            "derive": base.derive.model_copy(update={"longest_rest_seconds": 0.1}),
            "topology": base.topology.model_copy(update={"city": str(DATA / "one_measurement.toml")}),
        }
    )


def changed(settings: Settings, **sections: Mapping[str, Any]) -> Settings:
    """The settings with some values of some sections replaced."""
    update = {name: getattr(settings, name).model_copy(update=dict(values)) for name, values in sections.items()}
    return settings.model_copy(update=update)


def with_city(settings: Settings, folder: Path, content: str, **topology: Any) -> Settings:
    """The settings with a city file in a folder, and more of the section `topology`."""
    file = folder / "city.toml"
    file.write_text(content)
    return changed(settings, topology={"city": str(file), **topology})


def application(settings: Settings) -> str:
    """The ChirpStack application that the test's bridge listens to."""
    return settings.namespace.rstrip(".")


def declared(settings: Settings) -> tuple[topics.Topic, ...]:
    """The topics of the test's installation."""
    return topics.declared(
        FAMILIES,
        partitions=settings.topics.partitions,
        raw_retention_days=settings.topics.raw_retention_days,
        namespace=settings.namespace,
    )


def event_topic(settings: Settings, dev_eui: str, event: str = "up") -> str:
    """The MQTT topic of a device's events."""
    return f"application/{application(settings)}/device/{dev_eui}/event/{event}"


async def drop_schema(settings: Settings) -> None:
    """Drop the schema of the test's namespace, and its roles."""
    await drop(settings)
    async with await psycopg.AsyncConnection.connect(settings.database.url, autocommit=True) as connection:
        await connection.execute("SET client_min_messages = warning")
        await connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(_stage_user(settings))))


def as_user(settings: Settings, name: str) -> Settings:
    """The settings of another login user of the database."""
    url = urlsplit(settings.database.url)
    netloc = f"{name}@{url.netloc.rpartition('@')[2]}"
    return changed(settings, database={"url": urlunsplit(url._replace(netloc=netloc))})


def _stage_user(settings: Settings) -> str:
    return f"stage_{settings.schema_name}"


async def as_stage(settings: Settings) -> Settings:
    """The settings of a login user who may what the writer may: every stage of every test works with no more."""
    roles, name = roles_of(settings), _stage_user(settings)
    assert roles is not None
    async with await psycopg.AsyncConnection.connect(settings.database.url, autocommit=True) as connection:
        known = {role for (role,) in await (await connection.execute("SELECT rolname FROM pg_roles")).fetchall()}
        if roles.writer not in known:
            return settings  # the bridge and decode need no tables
        if name not in known:
            member, group = sql.Identifier(name), sql.Identifier(roles.writer)
            await connection.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}").format(member, group))
    return as_user(settings, name)


async def eventually(
    condition: Callable[[], Awaitable[T]], what: str, *, deadline_seconds: float = DEADLINE_SECONDS
) -> T:
    """Ask until the answer is true; returns it.

    Raises:
        AssertionError: it was not within the deadline; says what was waited for and the last answer.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + deadline_seconds
    while not (answer := await condition()):
        assert loop.time() < until, f"not within {deadline_seconds:.0f} s: {what}; last answer: {answer!r}"
        await asyncio.sleep(0.1)
    return answer


# ── stages ──


@dataclass(frozen=True, slots=True)
class Running:
    """A stage at work in this process."""

    context: Context
    task: asyncio.Task[None]

    def count(self, name: str, **labels: str) -> float:
        """The value of one of its counters; 0 where it never counted."""
        stage = self.context.metrics._stage
        return self.context.registry.get_sample_value(f"silkstream_{name}_total", {"stage": stage, **labels}) or 0.0

    def discarded(self) -> dict[str, float]:
        """How many records ended here, by reason."""
        return {
            sample.labels["reason"]: sample.value
            for metric in self.context.registry.collect()
            if metric.name == "silkstream_discarded_events"
            for sample in metric.samples
            if sample.name.endswith("_total")
        }


def context_of(settings: Settings, stage: str) -> Context:
    """What a stage is handed, with metrics of its own."""
    registry = CollectorRegistry()
    return Context(
        settings=settings,
        metrics=StageMetrics(registry, stage),
        registry=registry,
        progress=Progress(),
        stop=asyncio.Event(),
    )


@asynccontextmanager
async def running(stage: Stage, settings: Settings) -> AsyncIterator[Running]:
    """A stage in this process for the time of a block, opened again after a `Transient` as the service does.

    Raises:
        Whatever ended the stage.
    """
    context = context_of(await as_stage(settings), stage.name)
    task = asyncio.create_task(_run_again(stage, context))
    try:
        yield Running(context, task)
    finally:
        context.stop.set()
        await asyncio.wait({task}, timeout=DEADLINE_SECONDS)
        if not task.done():
            task.cancel()
        await task


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as a process's environment, as far as tests change them."""
    return {
        **os.environ,
        "SILKSTREAM_NAMESPACE": settings.namespace,
        "SILKSTREAM_DATABASE_URL": settings.database.url,
        "SILKSTREAM_BRIDGE_ID": settings.bridge.id,
        "SILKSTREAM_BRIDGE_FILTERS": orjson.dumps(settings.bridge.filters).decode(),
        "SILKSTREAM_BRIDGE_TICKS": settings.bridge.ticks,
        "SILKSTREAM_BRIDGE_TICK_SECONDS": str(settings.bridge.tick_seconds),
        "SILKSTREAM_TOPICS_PARTITIONS": str(settings.topics.partitions),
        "SILKSTREAM_DECODE_BATCH_RECORDS": str(settings.decode.batch_records),
        "SILKSTREAM_STORE_BATCH_RECORDS": str(settings.store.batch_records),
        "SILKSTREAM_TOPOLOGY_CITY": settings.topology.city,
    }


@asynccontextmanager
async def spawned(
    command: str, settings: Settings, *, errors: int | None = None, python: str = sys.executable
) -> AsyncIterator[Process]:
    """`silkstream COMMAND` as a process of its own; killed at the end of the block where it still runs."""
    process = await asyncio.create_subprocess_exec(
        python, "-m", "pipeline.cli", command, env=environment_of(await as_stage(settings)), stderr=errors
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


# ── Kafka and the database ──


def raw_of(settings: Settings, messages: Sequence[tuple[str, bytes]]) -> list[Outgoing]:
    """The raw records that a bridge makes of messages."""
    origin = Origin(settings.bridge.id, "eu868", "test", settings.namespace, settings.topics.partitions)
    translate = Translator(origin, partition_of).translate
    records: list[Outgoing] = []
    for now_us, (topic, payload) in enumerate(messages, clock.now_us()):
        records += translate(Message(topic, payload, 1, 0, 0), now_us).records
    return records


async def send_all(settings: Settings, records: Sequence[Outgoing]) -> None:
    """Append records to their partitions."""
    async with open_sink(settings) as sink:
        await sink.send(records)


async def log_of(settings: Settings, topic: str) -> list[Record]:
    """Every record of one of the test's topics, partition by partition."""
    async with open_log(settings) as log:
        partitions = [Partition(settings.namespace + topic, number) for number in range(settings.topics.partitions)]
        bounds = await log.bounds(partitions)
        found: list[Record] = []
        for partition in partitions:
            found += await log.read(partition, *bounds[partition])
        return found


async def count_of(settings: Settings, topic: str) -> int:
    """How many records one of the test's topics has."""
    async with open_log(settings) as log:
        partitions = [Partition(settings.namespace + topic, number) for number in range(settings.topics.partitions)]
        return sum(bound.end - bound.beginning for bound in (await log.bounds(partitions)).values())


async def rows_of(settings: Settings, query: LiteralString | sql.Composed, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query in the test's schema."""
    async with await psycopg.AsyncConnection.connect(
        settings.database.url, options=f"-c search_path={settings.schema_name},public -c timezone=UTC", autocommit=True
    ) as connection:
        cursor = await connection.execute(query, parameters or None)
        return await cursor.fetchall()


async def readings_of(settings: Settings) -> list[dict[str, Any]]:
    """Every row of every wide table, as JSON, without the columns that are NULL."""
    found: list[dict[str, Any]] = []
    for family in FAMILIES:
        query = sql.SQL("SELECT jsonb_strip_nulls(to_jsonb(kept)) FROM {} AS kept")
        found += [row for (row,) in await rows_of(settings, query.format(sql.Identifier(table_of(family))))]
    return found


RESULTS: Final = ("frame", "link_quality", "device", "device_latest", "dead_letter", *map(table_of, FAMILIES))


async def results_of(settings: Settings) -> dict[str, list[str]]:
    """All rows of all tables that `store` writes, as sorted JSON by table: what "an equal database" compares."""
    found = {}
    for table in RESULTS:
        query = sql.SQL("SELECT to_jsonb(kept)::text FROM {} AS kept ORDER BY 1").format(sql.Identifier(table))
        found[table] = [row for (row,) in await rows_of(settings, query)]
    return found


async def positions_of(settings: Settings, consumer: str) -> dict[Partition, int]:
    """Where a consumer stands, by the ledger; -1 where it has not begun."""
    rows = await rows_of(settings, "SELECT topic, partition, next_offset FROM ledger WHERE consumer = %s", consumer)
    return {Partition(topic, number): next_offset for topic, number, next_offset in rows}


async def caught_up(settings: Settings, consumer: str, *names: str) -> bool:
    """Whether the ledger of a consumer has reached the end of topics."""
    positions = await positions_of(settings, consumer)
    async with open_log(settings) as log:
        wanted = [Partition(settings.namespace + name, n) for name in names for n in range(settings.topics.partitions)]
        bounds = await log.bounds(wanted)
    return all(positions.get(partition, -1) == bound.end or bound.end == 0 for partition, bound in bounds.items())


# ── MQTT ──


class Proxy:
    """A TCP port in front of the broker, so that a test can take the connection away and keep it away."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._links: set[asyncio.Task[None] | None] = set()
        self.port = 0
        self.open = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open:
            writer.close()
            return
        self._links.add(asyncio.current_task())
        onward_reader, onward_writer = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, onward_writer}
        await asyncio.gather(self._pump(reader, onward_writer), self._pump(onward_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        self._writers.discard(writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def cut(self) -> None:
        """Drop every connection without a word, and refuse new ones until `open` is set again."""
        self.open = False
        for writer in self._writers:
            writer.transport.abort()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Proxy]:
        """Listen for the time of a block."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await asyncio.gather(*filter(None, self._links))
            await server.wait_closed()


def captured(settings: Settings) -> list[tuple[str, bytes]]:
    """The captured ChirpStack events in the order received, on the topics of the test's application."""
    messages = []
    for line in (DATA / "chirpstack-events.jsonl").read_text().splitlines():
        event = json.loads(line)
        payload = event["payload"]
        _, _, rest = event["topic"].split("/", 2)
        messages.append(
            (
                f"application/{application(settings)}/{rest}",
                payload.encode() if event["encoding"] == "json" else base64.b64decode(payload),
            )
        )
    return messages


async def publish(settings: Settings, messages: Sequence[tuple[str, bytes]], *, qos: int = 1) -> None:
    """Publish in order on one connection; returns when the broker has acknowledged all of them."""
    await asyncio.to_thread(_publish, settings, messages, qos)


def _client(client_id: str) -> paho.Client:
    return paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)


def _publish(settings: Settings, messages: Sequence[tuple[str, bytes]], qos: int) -> None:
    client = _client("")
    client.max_queued_messages_set(0)
    client.connect(settings.mqtt.host, settings.mqtt.port, clean_start=True)
    client.loop_start()
    try:
        for handed in [client.publish(topic, payload, qos=qos) for topic, payload in messages]:
            handed.wait_for_publish(DEADLINE_SECONDS)
            assert handed.is_published(), "the broker does not acknowledge"
    finally:
        client.disconnect()
        client.loop_stop()


async def forget_session(settings: Settings) -> None:
    """Let the broker forget the bridge's persistent session and what it queued for it."""
    await asyncio.to_thread(_forget_session, settings)


def _forget_session(settings: Settings) -> None:
    client = _client(f"silkstream-{settings.bridge.id}")
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    properties.SessionExpiryInterval = 0
    client.connect(settings.mqtt.host, settings.mqtt.port, clean_start=True, properties=properties)
    while not client.is_connected():
        client.loop(timeout=0.1)
    client.publish(f"silkstream/{settings.bridge.id}/claim", b"", retain=True)
    client.disconnect()
