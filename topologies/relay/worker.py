"""The relay's loop: read what is unsent, publish, mark as sent.

Killed between publishing and marking, it publishes the same events again, with the same ids and sequences, which is
why consumers leave out what is not above the highest sequence of a subject.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Final

import psycopg

from pipeline.core import clock
from pipeline.core.model import Outgoing
from pipeline.core.retry import sleep_unless
from pipeline.core.stage import Context, Stage
from pipeline.database.connection import connected
from pipeline.database.queries import load_queries
from pipeline.kafka.partitioner import partition_of
from pipeline.kafka.ports import Sink
from pipeline.kafka.producer import open_sink
from topologies.runtime.turn import wait_for_turn

NAME: Final = "relay"
CONTENT_TYPE: Final = b"application/cloudevents+json; charset=UTF-8"
_QUERIES = load_queries("topologies.relay")
_CLEAN_SECONDS: Final = 60.0
_CLEAN_ROWS: Final = 1000


async def relay_once(connection: psycopg.AsyncConnection[Any], sink: Sink, context: Context) -> int:
    """Publish a batch; returns how many events it had."""
    settings, metrics = context.settings, context.metrics
    started = time.perf_counter()
    cursor = await connection.execute(_QUERIES["read_unsent"], {"most": settings.relay.batch_events})
    rows = await cursor.fetchall()
    if not rows:
        return 0
    now_ms = clock.now_us() // 1000
    await sink.send([_outgoing(topic, key, event, now_ms, settings.topics.partitions) for _, topic, key, event in rows])
    await connection.execute(_QUERIES["mark_sent"], {"ids": [identity for identity, *_ in rows]})
    metrics.received.inc(len(rows))
    for topic, count in Counter(topic for _, topic, *_ in rows).items():
        metrics.add_sent(topic, count)
    metrics.observe_batch(events=len(rows), started=started)
    return len(rows)


def _outgoing(topic: str, key: str, event: str, now_ms: int, partitions: int) -> Outgoing:
    return Outgoing(
        topic=topic,
        partition=partition_of(key.encode(), partitions),
        timestamp=now_ms,
        key=key.encode(),
        value=event.encode(),
        headers=[("content-type", CONTENT_TYPE)],
    )


async def run(context: Context) -> None:
    """Publish until `context.stop`.

    Raises:
        Transient: Kafka or the database is away.
    """
    settings = context.settings
    async with open_sink(settings) as sink, connected(settings, NAME) as connection:
        await connection.set_autocommit(True)
        if not await wait_for_turn(connection, _QUERIES["lock_relay"], context):
            return
        clean_at = time.monotonic()
        while not context.stop.is_set():
            count = await relay_once(connection, sink, context)
            context.progress.moved()
            if time.monotonic() >= clean_at:
                cursor = await connection.execute(_QUERIES["delete_sent"], {"most": _CLEAN_ROWS})
                clean_at = time.monotonic() + (_CLEAN_SECONDS if cursor.rowcount < _CLEAN_ROWS else 0)
            if count < settings.relay.batch_events:
                await sleep_unless(context.stop, settings.relay.poll_seconds)


STAGE: Final = Stage(name=NAME, about="Publishes alerts and events from the outbox.", run=run, order=60)
