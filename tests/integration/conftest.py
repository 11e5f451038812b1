"""Fixtures of the tests on real servers: settings of the test's own, its topics and its schema."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from decoders.registry import load as load_decoders
from pipeline.core.settings import Settings
from pipeline.database.migrate import migrate
from pipeline.kafka.provision import delete_topics, provision
from tests.integration.contract import hold_to_contract, told_on
from tests.integration.servers import declared, drop_schema, forget_session, fresh_settings


@pytest.fixture
def namespace() -> Settings:
    """Settings in a namespace of the test's own, in which nothing exists yet."""
    return fresh_settings()


@pytest.fixture
async def settings(namespace: Settings) -> AsyncIterator[Settings]:
    """An installation of the test's own: topics and schema made, and nothing left of it at the end."""
    wanted = declared(namespace)
    await provision(namespace, wanted)
    await migrate(namespace, load_decoders().values())
    yield namespace
    # Whatever a test let us tell subscribers, it was what we promise them.
    await hold_to_contract(namespace, await told_on(namespace))
    await delete_topics(namespace, [topic.name for topic in wanted])
    await drop_schema(namespace)
    await forget_session(namespace)
