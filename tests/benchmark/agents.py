"""The idiomatic way, for comparison: Faust agents that take one event at a time.

    python -m tests.benchmark.agents decode|TOPOLOGY TOPIC RECORDS

`decode` parses JSON, decodes with the same decoders and sends one message for each frame; the name of a topology keeps
a row of each device in a Faust table (see tables). Written as Faust's documentation shows it, on the same topics as our
stages, with neither ledger nor duplicates nor frame records. Prints one line of JSON and ends the process, because
Faust takes its time to stop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import uuid4

import faust
import orjson

from decoders.api import DecodeError, Uplink, check_attributes
from decoders.registry import fields_of, load
from pipeline.core.settings import load as load_settings
from tests.benchmark.machine import peak_bytes, queued_seconds
from tests.benchmark.tables import TABLES

WARM_UP: Final = 500
"""Events before the clock starts: the same as a first batch."""


class Counted:
    """Counts events, and tells at the last one."""

    def __init__(self, records: int) -> None:
        self._records = records
        self._done = 0
        self._began = (0.0, 0.0, 0.0)

    def one(self) -> None:
        """An event was finished."""
        self._done += 1
        if self._done == WARM_UP:
            self._began = (time.perf_counter(), time.process_time(), queued_seconds())
        elif self._done == self._records:
            answer = {
                "records": self._records - WARM_UP,
                "wall_seconds": time.perf_counter() - self._began[0],
                "cpu_seconds": time.process_time() - self._began[1],
                "queued_seconds": queued_seconds() - self._began[2],
                "peak_bytes": peak_bytes(),
            }
            sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
            sys.stdout.flush()
            os._exit(0)


def new_app() -> Any:
    """An app with a group of its own, on its defaults but for what keeps it quiet and off the disk."""
    app = faust.App(
        f"bench-{uuid4().hex[:8]}",
        broker=f"aiokafka://{load_settings().kafka.bootstrap}",
        consumer_auto_offset_reset="earliest",
        store="memory://",
        topic_partitions=load_settings().topics.partitions,
        web_enabled=False,
        datadir="/nonexistent",
    )
    app._create_directories = lambda: None
    return app


def decode_agent(topic: str, finished: Callable[[], None]) -> Any:
    """Consume, decode, send."""
    app = new_app()
    uplinks = app.topic(topic, value_serializer="json")
    readings = app.topic(f"{topic}.faust", value_serializer="json")
    decoders = load()

    async def decode(stream: Any) -> None:
        async for event in stream.events():
            up = event.value
            device = up["deviceInfo"]
            if up.get("data"):
                decoder = decoders[device["tags"]["decoder"]]
                attributes = check_attributes(decoder, device["tags"])
                try:
                    samples = decoder.decode(Uplink(up["fPort"], b64decode(up["data"]), attributes))
                except DecodeError:
                    samples = ()
                await readings.send(
                    key=device["devEui"],
                    value={
                        "event_id": up["deduplicationId"],
                        "device": device["devEui"],
                        "time": up["time"],
                        "f_cnt": up.get("fCnt", 0),
                        "samples": [{name: getattr(each, name) for name in fields_of(type(each))} for each in samples],
                    },
                )
            finished()

    app.agent(uplinks)(decode)
    return app


def table_agent(kind: str, topic: str, finished: Callable[[], None]) -> Any:
    """Keep a row of each device."""
    app = new_app()
    records = app.topic(topic, value_serializer="raw", key_type=str)
    latest = app.Table("latest", default=dict)
    message, after = TABLES[kind]

    async def keep(stream: Any) -> None:
        async for value in stream:
            content = message.FromString(value)
            latest[content.dev_eui] = after(content, latest[content.dev_eui])
            finished()

    app.agent(records)(keep)
    return app


def main(arguments: Sequence[str]) -> None:
    """Run an agent."""
    # Faust's clients tell of every metadata refresh that comes too early.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    kind, topic, records = arguments
    finished = Counted(int(records)).one
    app = decode_agent(topic, finished) if kind == "decode" else table_agent(kind, topic, finished)

    async def work() -> None:
        await app.start()
        await app.wait_until_stopped()

    asyncio.run(work())


if __name__ == "__main__":
    main(sys.argv[1:])
