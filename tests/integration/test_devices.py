"""`silkstream devices` on the real database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import orjson
import pytest
import typer
from typer.testing import CliRunner

from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.devices import devices_command

pytestmark = pytest.mark.integration

INSERT = """
    INSERT INTO device (device, name, profile, application, application_id, tenant, device_class, region, tags,
                        described_at, seen_at)
    VALUES (%s, %s, %s, 'Parken', '', '', 'CLASS_A', 'eu868', %s::jsonb, now(), '2026-06-01T12:00:00Z')"""


async def listed(settings: Settings, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    monkeypatch.setenv("SILKSTREAM_NAMESPACE", settings.namespace)
    app = typer.Typer()
    app.command()(devices_command)
    # The command brings an event loop of its own.
    result = await asyncio.to_thread(CliRunner().invoke, app, [*words])
    assert result.exception is None, result.exception
    return [" ".join(line.split()) for line in result.output.splitlines()]


async def heard(settings: Settings, eui: str, profile: str, tags: Mapping[str, str]) -> None:
    async with connected(settings, "test") as connection:
        await connection.execute(INSERT, (eui, f"bay-{eui}", profile, orjson.dumps(tags).decode()))
        await connection.commit()


async def test_the_unbound_are_listed_with_the_reason(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await listed(settings, monkeypatch) == ["no device has spoken yet"]
    await heard(settings, "01", "bosch", {"decoder": "bosch_tps110"})
    assert await listed(settings, monkeypatch, "--unbound") == ["every device that has spoken has a decoder"]
    await heard(settings, "02", "unheard", {})

    everybody = await listed(settings, monkeypatch)
    unbound = await listed(settings, monkeypatch, "--unbound")

    assert everybody[1] == "01 bay-01 bosch Parken 2026-06-01 12:00 bosch_tps110"
    reason = "profile 'unheard' has no tag `decoder` and names no installed decoder"
    assert unbound[1:] == [f"02 bay-02 unheard Parken 2026-06-01 12:00 {reason}"]
