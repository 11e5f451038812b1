"""Builds the Faust app of one topology; nothing of it exists before `new_app` is called.

Faust is given as little as it can do wrong: it joins the group, fetches and hands over. It keeps no table, declares no
topic, serves no web page, produces nothing and commits nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import faust

from pipeline.core.settings import Settings
from topologies.runtime.transport import Fetched, LedgerTransport, Positions, Untouched

BUFFERED_EVENTS: Final = 4
"""Per partition; an event may be thousands of records."""

FETCH_BYTES: Final = 3 * 1024 * 1024
"""Of one partition: a whole batch of frames. With less, the next fetch is waited for while there is nothing to do."""


class LedgerApp(faust.App):  # type: ignore[misc]  # faust is not type-checked here
    """A Faust app that has somebody to ask for positions."""

    positions: Positions

    def _create_directories(self) -> None:
        """Nothing is stored on disk."""


def new_app(
    settings: Settings,
    *,
    name: str,
    topic: str,
    positions: Positions,
    handle: Callable[[Fetched], Awaitable[None]],
) -> LedgerApp:
    """A Faust app with one agent on one topic.

    Args:
        settings: where Kafka is, and how a batch is bounded.
        name: of the stage, its group and its agent: `topology-container`.
        topic: what it consumes, with the namespace.
        positions: the ledger.
        handle: called with every fetch, one after the other; must not raise.
    """
    session_seconds = settings.kafka.session_seconds
    member = settings.kafka.member
    app = LedgerApp(
        settings.namespace + name,
        broker=[f"aiokafka://{server.strip()}" for server in settings.kafka.bootstrap.split(",")],
        # Not Kafka's client id: that of the app.
        broker_client_id=f"silkstream-{name}",
        broker_session_timeout=session_seconds,
        broker_heartbeat_interval=max(session_seconds / 3, 0.3),
        broker_rebalance_timeout=max(session_seconds, 30.0),
        broker_max_poll_records=settings.topology.batch_records,
        consumer_max_fetch_size=FETCH_BYTES,
        consumer_group_instance_id=f"{settings.namespace}{name}-{member}" if member else None,
        consumer_auto_offset_reset="earliest",
        # A topic that was missing for a moment leaves its group with nothing, until it is asked for again.
        consumer_metadata_max_age_ms=10_000,
        value_serializer="raw",
        key_serializer="raw",
        store="memory://",
        stream_buffer_maxsize=BUFFERED_EVENTS,
        stream_wait_empty=False,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
    )
    app.positions = positions
    app.boot_strategy = faust.app.BootStrategy(app, enable_web=False, enable_kafka_producer=False)
    app.finalize()
    app.transport = LedgerTransport(app.conf.broker_consumer, app)

    async def read(stream: Any) -> None:
        async for fetched in stream:
            await handle(fetched)

    app.agent(app.topic(topic, schema=Untouched(), acks=False), name=name)(read)
    return app
