"""The two ways to people: a webhook and a mail server. One attempt each, told as success or as the reason why not.

No reason holds a secret or more of an address than its host: reasons are stored, shown and logged.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import aiohttp
import aiosmtplib

from pipeline.core.channels import Mail, Notify, Webhook
from topologies.notify.mail import Letterhead, mail_of

CONTENT_TYPE: Final = "application/cloudevents+json; charset=UTF-8"


class Due(NamedTuple):
    """A notification whose turn it is."""

    id: UUID
    event: str
    stored_at: datetime
    attempts: int


class Undelivered(Exception):
    """Nobody was told; whether the other side is away or says no, it is tried again."""


class Sender(Protocol):
    """A channel."""

    @property
    def name(self) -> str:
        """The operator's name for it."""
        ...

    async def send(self, due: Due) -> str | None:
        """Tell; returns a remark where not all went well.

        Raises:
            Undelivered: why nobody was told.
        """
        ...


def headers_of(due: Due, key: bytes | None) -> dict[str, str]:
    """The headers of a POST: the same for every attempt."""
    headers = {"Content-Type": CONTENT_TYPE, "Idempotency-Key": str(due.id)}
    if key is not None:
        headers["X-Silkstream-Signature"] = f"sha256={hmac.new(key, due.event.encode(), sha256).hexdigest()}"
    return headers


class WebhookSender:
    """POSTs the event as it was on the topic."""

    def __init__(self, name: str, webhook: Webhook, http: aiohttp.ClientSession, *, timeout_seconds: float) -> None:
        self.name = name
        self._url = webhook.url.get_secret_value()
        self._key = webhook.key()
        self._http = http
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)

    async def send(self, due: Due) -> str | None:
        """See the protocol. An answer of 2xx is what counts as taken; a redirection is not followed."""
        try:
            async with self._http.post(
                self._url,
                data=due.event.encode(),
                headers=headers_of(due, self._key),
                timeout=self._timeout,
                allow_redirects=False,
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise Undelivered(reason_of(fault)) from fault
        if not 200 <= status < 300:
            raise Undelivered(f"HTTP {status}")
        return None


class MailSender:
    """Hands a mail to the server."""

    def __init__(self, name: str, mail: Mail, notify: Notify) -> None:
        self.name = name
        self._head = Letterhead(notify.mail_from or "", mail.to, ZoneInfo(notify.time_zone))
        self._timeout_seconds = notify.timeout_seconds
        self._server: Mapping[str, Any] = {
            "hostname": notify.smtp_host,
            "port": notify.smtp_port,
            "use_tls": notify.smtp_security == "tls",
            "start_tls": notify.smtp_security == "starttls",
            "username": notify.smtp_username or None,
            "password": notify.password() if notify.smtp_username else None,
            "timeout": notify.timeout_seconds,
        }

    async def send(self, due: Due) -> str | None:
        """See the protocol. Where the server takes it for some of the addresses, those must not get it twice."""
        mail = mail_of(due.id, due.event, stored_at=due.stored_at, head=self._head)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                refused, _ = await aiosmtplib.send(mail, **self._server)
        except (aiosmtplib.SMTPException, TimeoutError, OSError) as fault:
            raise Undelivered(reason_of(fault)) from fault
        return f"{len(refused)} of {len(self._head.to)} addresses were refused" if refused else None


def reason_of(fault: BaseException) -> str:
    """A fault in a few words; what libraries say of it may hold a whole address."""
    code = getattr(fault, "code", None)
    said = fault.strerror if isinstance(fault, OSError) and isinstance(fault.strerror, str) else None
    more = str(code) if isinstance(code, int) else said
    return type(fault).__name__ + (f": {more}" if more else "")


def senders_of(notify: Notify, http: aiohttp.ClientSession) -> list[Sender]:
    """All channels.

    Raises:
        SettingsError: a secret cannot be read.
    """
    return [
        *(
            WebhookSender(name, webhook, http, timeout_seconds=notify.timeout_seconds)
            for name, webhook in notify.webhooks.items()
        ),
        *(MailSender(name, mail, notify) for name, mail in notify.mails.items()),
    ]
