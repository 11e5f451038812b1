"""The outside that is told of alerts: a webhook's receiver and a mail server, on loopback, in the test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import orjson
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope


@dataclass
class Receiver:
    """Takes POSTs and answers as it is told to."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    """Answered first, one each; then 204."""
    chokes_on: str = ""
    """Answered with 500 wherever a body contains it."""
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """No answer before it is set."""

    @property
    def url(self) -> str:
        """Where it listens, with a token that must not show up anywhere."""
        return f"http://127.0.0.1:{self.port}/t0ken"

    @property
    def keys(self) -> list[str]:
        """The idempotency keys in the order of the posts."""
        return [headers["Idempotency-Key"] for headers, _ in self.posts]

    @property
    def told(self) -> list[tuple[str, str]]:
        """Subject and sequence of each post."""
        events: list[dict[str, Any]] = [orjson.loads(body) for _, body in self.posts]
        return [(event["subject"], event["sequence"]) for event in events]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.posts.append((dict(request.headers), body))
        await self.hold.wait()
        if self.chokes_on and self.chokes_on.encode() in body:
            return web.Response(status=500)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)

    @asynccontextmanager
    async def listening(self, *, port: int = 0, answers: bool = True) -> AsyncIterator[Receiver]:
        """Listen for the time of a block."""
        if answers:
            self.hold.set()
        app = web.Application()
        app.router.add_post("/t0ken", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            self.hold.set()
            await runner.cleanup()


@dataclass
class Postbox:
    """Takes mails."""

    port: int = 0
    refused: set[str] = field(default_factory=set)
    """Addresses that it does not know."""
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  # the name is aiosmtpd's
        self, _server: Any, _session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take an address or refuse it."""
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        """Take a mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((list(envelope.rcpt_tos), mail))
        return "250 taken"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Postbox]:
        """Listen for the time of a block."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, loop=loop, hostname="localhost"), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()
