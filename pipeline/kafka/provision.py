"""Creates and checks topics, from the one place that declares them.

It never changes the partition count of a topic: keys would move, and with them the order of every device and the
partition that a ledger speaks of.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from pipeline.core.errors import SettingsError, Transient
from pipeline.core.settings import Settings
from pipeline.core.topics import Topic


class Provisioned(NamedTuple):
    """What was found or done for a topic."""

    topic: Topic
    outcome: str
    """`created`, `as declared`, or `changed: …`."""


async def provision(settings: Settings, topics: Sequence[Topic], *, check_only: bool = False) -> list[Provisioned]:
    """Create what is missing, set retention and limits, check partition counts.

    Args:
        settings: where Kafka is, and the replication.
        topics: as they should be.
        check_only: change nothing.

    Raises:
        SettingsError: a topic has another partition count, or (check only) differs at all.
        Transient: Kafka is away.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    try:
        await admin.start()
    except (KafkaError, OSError) as away:
        await admin.close()
        raise Transient(f"kafka: {away!r}") from away
    try:
        return await _provision(admin, topics, replication=settings.topics.replication, check_only=check_only)
    except (KafkaError, OSError) as away:
        raise Transient(f"kafka: {away!r}") from away
    finally:
        await admin.close()


async def delete_topics(settings: Settings, names: Sequence[str]) -> None:
    """Delete topics and return when they are gone; a missing one is gone already.

    Raises:
        Transient: Kafka is away.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    try:
        await admin.start()
        while present := await _partition_counts(admin, names):
            await admin.delete_topics(list(present))
            await asyncio.sleep(0.1)
    except (KafkaError, OSError) as away:
        raise Transient(f"kafka: {away!r}") from away
    finally:
        await admin.close()


async def require_topics(settings: Settings, names: Sequence[str], *, patience_seconds: float = 10.0) -> None:
    """Check that topics are there with the declared partition count: keys would go astray otherwise.

    Args:
        settings: where Kafka is, and the count.
        names: without the namespace.
        patience_seconds: how long a missing topic is waited for; a broker that has just started may not know all yet.

    Raises:
        SettingsError: names the topic and the remedy.
        Transient: Kafka is away.
    """
    wanted = [settings.namespace + name for name in names]
    deadline = time.monotonic() + patience_seconds
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    try:
        await admin.start()
        while missing := sorted(set(wanted) - (counts := await _partition_counts(admin, wanted)).keys()):
            if time.monotonic() > deadline:
                raise SettingsError(f"topic {missing[0]} is missing; the remedy: silkstream topics")
            await asyncio.sleep(0.5)
    except (KafkaError, OSError) as away:
        raise Transient(f"kafka: {away!r}") from away
    finally:
        await admin.close()
    for name, count in sorted(counts.items()):
        if count != settings.topics.partitions:
            raise SettingsError(
                f"setting topics.partitions: given: {settings.topics.partitions}, but topic {name} has {count}; the "
                f"count of a keyed topic never changes: set it to {count}"
            )


async def _partition_counts(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    return {
        found["topic"]: len(found["partitions"])
        for found in await admin.describe_topics(list(names))
        if found["error_code"] == 0
    }


async def group_lag(settings: Settings, group: str, topic: str) -> int:
    """How many records of a topic a group has not committed yet.

    Raises:
        Transient: Kafka is away.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka.bootstrap)
    try:
        await admin.start()
        await consumer.start()
        tps = [TopicPartition(topic, number) for number in range(settings.topics.partitions)]
        committed = await admin.list_consumer_group_offsets(settings.namespace + group, partitions=tps)
        ends = await consumer.end_offsets(tps)
        beginnings = await consumer.beginning_offsets(tps)
    except (KafkaError, OSError) as away:
        raise Transient(f"kafka: {away!r}") from away
    finally:
        await consumer.stop()
        await admin.close()
    done = {tp: committed[tp].offset if tp in committed and committed[tp].offset >= 0 else beginnings[tp] for tp in tps}
    return sum(max(ends[tp] - done[tp], 0) for tp in tps)


async def _provision(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic], *, replication: int, check_only: bool
) -> list[Provisioned]:
    present = await _partition_counts(admin, [t.name for t in topics])
    outcomes: dict[str, str] = {}
    for topic in topics:
        count = present.get(topic.name)
        if count is not None and count != topic.partitions:
            raise SettingsError(
                f"topic {topic.name} has {count} partitions, declared are {topic.partitions}; the count of a keyed "
                f"topic never changes: set topics.partitions to {count}, or move to a new namespace"
            )
        if count is None and check_only:
            raise SettingsError(f"topic {topic.name} is missing; the remedy: silkstream topics")
    missing = [t for t in topics if t.name not in present]
    if missing:
        await _create(admin, missing, replication)
        outcomes.update({t.name: "created" for t in missing})
    existing = [t for t in topics if t.name in present]
    if existing:
        for topic, differences in await _differences(admin, existing):
            if differences and check_only:
                raise SettingsError(f"topic {topic.name}: {differences}; the remedy: silkstream topics")
            if differences:
                await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=topic.config)])
            outcomes[topic.name] = f"changed: {differences}" if differences else "as declared"
    return [Provisioned(topic, outcomes[topic.name]) for topic in topics]


async def _create(admin: AIOKafkaAdminClient, missing: Sequence[Topic], replication: int) -> None:
    answer = await admin.create_topics(
        [
            NewTopic(
                name=topic.name,
                num_partitions=topic.partitions,
                replication_factor=replication,
                topic_configs=topic.config,
            )
            for topic in missing
        ]
    )
    for name, code, *detail in answer.topic_errors:
        error: Any = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise SettingsError(f"topic {name} cannot be created: {detail[0] if detail else error.__name__}")
    # The answer comes before every broker knows of them, and whoever starts next would find them missing.
    while len(await _partition_counts(admin, [t.name for t in missing])) < len(missing):  # noqa: ASYNC110  # no event tells
        await asyncio.sleep(0.05)


async def _differences(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[tuple[Topic, str]]:
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, t.name) for t in topics])
    found: dict[str, dict[str, str]] = {}
    for answer in answers:
        for _code, _message, _type, name, entries in answer.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    return [
        (
            topic,
            ", ".join(
                f"{key} {found[topic.name].get(key)} -> {value}"
                for key, value in topic.config.items()
                if found[topic.name].get(key) != value
            ),
        )
        for topic in topics
    ]
