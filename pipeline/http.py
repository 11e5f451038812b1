"""Looking at a process: /metrics for Prometheus, /healthz (it lives), /readyz (it gets on)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from pipeline.core.errors import SettingsError


@asynccontextmanager
async def serving(
    host: str, port: int, registry: CollectorRegistry, trouble: Callable[[], str | None]
) -> AsyncIterator[int]:
    """Serve the three pages for the time of a block; yields the port.

    Args:
        host: to listen on.
        port: 0 takes a free one.
        registry: what /metrics shows.
        trouble: None where the process gets on, else the sentence for /readyz.

    Raises:
        SettingsError: the port is taken.
    """

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def readyz(_request: web.Request) -> web.Response:
        sentence = trouble()
        return web.Response(text=f"{sentence or 'ready'}\n", status=503 if sentence else 200)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as taken:
            raise SettingsError(f"setting http.port: cannot listen on {host}:{port}: {taken.strerror}") from taken
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
