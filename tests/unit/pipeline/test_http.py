"""A process's pages: what it counts, that it lives, and whether it gets on."""

from __future__ import annotations

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from pipeline.core.errors import SettingsError
from pipeline.core.metrics import StageMetrics
from pipeline.http import serving


async def page(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/{path}") as answer:
        return answer.status, await answer.text()


async def test_a_process_shows_what_it_counts_and_that_it_lives() -> None:
    registry = CollectorRegistry()
    metrics = StageMetrics(registry, "decode")
    metrics.received.inc(3)
    metrics.add_sent("accepted", 2)
    metrics.add_discarded({"payload_truncated": 1})
    metrics.add_error(ValueError("never a message"))
    metrics.set_lag("lorawan.raw.v1", 0, 7)

    async with serving("127.0.0.1", 0, registry, lambda: None) as port:
        status, text = await page(port, "metrics")
        assert (await page(port, "healthz")) == (200, "alive\n")
        assert (await page(port, "readyz")) == (200, "ready\n")

    assert status == 200
    for line in (
        'silkstream_received_events_total{stage="decode"} 3.0',
        'silkstream_sent_events_total{stage="decode",to="accepted"} 2.0',
        'silkstream_discarded_events_total{reason="payload_truncated",stage="decode"} 1.0',
        'silkstream_errors_total{error_type="ValueError",stage="decode"} 1.0',
        'silkstream_lag_events{partition="0",stage="decode",topic="lorawan.raw.v1"} 7.0',
    ):
        assert line in text
    assert "never a message" not in text


async def test_a_process_in_trouble_lives_and_is_not_ready() -> None:
    async with serving("127.0.0.1", 0, CollectorRegistry(), lambda: "waiting for Kafka (3 s)") as port:
        assert await page(port, "healthz") == (200, "alive\n")
        assert await page(port, "readyz") == (503, "waiting for Kafka (3 s)\n")


async def test_a_taken_port_is_the_operators_mistake() -> None:
    async with serving("127.0.0.1", 0, CollectorRegistry(), lambda: None) as port:
        with pytest.raises(SettingsError, match=rf"setting http.port: cannot listen on 127.0.0.1:{port}"):
            async with serving("127.0.0.1", port, CollectorRegistry(), lambda: None):
                pass
