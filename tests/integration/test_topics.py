"""Topics on the real Kafka: made as declared, checked, and never repartitioned."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.core.topics import FRAME, RAW, Topic
from pipeline.kafka.provision import delete_topics, provision, require_topics
from tests.integration.servers import PARTITIONS, changed, declared, eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def wanted(namespace: Settings) -> AsyncIterator[tuple[Topic, ...]]:
    """The topics of a namespace in which there is none yet; whatever was made is deleted at the end."""
    topics = declared(namespace)
    yield topics
    await delete_topics(namespace, [topic.name for topic in topics])


async def configuration(settings: Settings, name: str) -> dict[str, str]:
    """The broker's settings of a topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    finally:
        await admin.close()
    ((_code, _message, _type, _name, entries),) = answer.resources
    return {entry[0]: entry[1] for entry in entries}


async def alter(settings: Settings, name: str, **config: str) -> None:
    """Change a topic as an operator might by hand."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    try:
        configs = {key.replace("_", "."): value for key, value in config.items()}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=configs)])
    finally:
        await admin.close()


async def test_topics_are_created_as_declared_and_found_so_again(
    namespace: Settings, wanted: tuple[Topic, ...]
) -> None:
    created = await provision(namespace, wanted)
    again = await provision(namespace, wanted)
    checked = await provision(namespace, wanted, check_only=True)

    assert {outcome for _, outcome in created} == {"created"}
    assert {outcome for _, outcome in again} == {outcome for _, outcome in checked} == {"as declared"}
    for topic in wanted:
        found = await configuration(namespace, topic.name)
        assert {key: found[key] for key in topic.config} == dict(topic.config)


async def test_a_missing_topic_is_named_with_the_remedy(namespace: Settings, wanted: tuple[Topic, ...]) -> None:
    with pytest.raises(SettingsError, match=rf"topic {wanted[0].name} is missing; the remedy: silkstream topics"):
        await provision(namespace, wanted, check_only=True)
    with pytest.raises(SettingsError, match=rf"topic {wanted[0].name} is missing; the remedy: silkstream topics"):
        await require_topics(namespace, [RAW], patience_seconds=0)


async def test_another_partition_count_is_refused_and_nothing_is_changed(
    namespace: Settings, wanted: tuple[Topic, ...]
) -> None:
    await provision(namespace, wanted)
    more = [topic._replace(partitions=PARTITIONS + 1) for topic in wanted]
    other = changed(namespace, topics={"partitions": PARTITIONS + 1})

    with pytest.raises(SettingsError, match=rf"has {PARTITIONS} partitions, declared are {PARTITIONS + 1}"):
        await provision(namespace, more)
    with pytest.raises(SettingsError, match=rf"given: {PARTITIONS + 1}, but topic .* has {PARTITIONS}"):
        await require_topics(other, [RAW, FRAME])
    assert {outcome for _, outcome in await provision(namespace, wanted)} == {"as declared"}


async def test_a_retention_changed_by_hand_is_told_and_repaired(namespace: Settings, wanted: tuple[Topic, ...]) -> None:
    await provision(namespace, wanted)
    raw = wanted[0]
    await alter(namespace, raw.name, retention_ms="1000")
    await eventually(lambda: _kept(namespace, raw, 1000), "the broker keeps a second")

    with pytest.raises(SettingsError, match=rf"topic {raw.name}: .*retention.ms 1000 -> {raw.retention_ms}"):
        await provision(namespace, wanted, check_only=True)
    repaired = dict(await provision(namespace, wanted))

    assert repaired[raw].startswith("changed: ")
    assert {outcome for topic, outcome in repaired.items() if topic != raw} == {"as declared"}
    await eventually(lambda: _kept(namespace, raw, raw.retention_ms), "the broker keeps what is declared")


async def _kept(settings: Settings, topic: Topic, milliseconds: int) -> bool:
    return (await configuration(settings, topic.name))["retention.ms"] == str(milliseconds)
