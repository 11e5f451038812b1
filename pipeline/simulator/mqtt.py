"""A publisher over MQTT 5 with QoS 1 that loses nothing and lets nothing overtake.

The window of unacknowledged messages is ours, not the client library's: each connection is a new client with a clean
session, to which whatever is unacknowledged is handed again in its old order. Only that much can reach the broker
twice. The socket lives in the asyncio loop, which costs half of what the library's own thread does.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from contextlib import suppress
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from pipeline.core.errors import SettingsError
from pipeline.core.logs import logger
from pipeline.core.retry import backoff
from pipeline.simulator.frames import Planned
from pipeline.simulator.ledger import Account

_log = logger("simulator")

WINDOW: Final = 500
"""Unacknowledged messages at most; a broker that announces a smaller Receive Maximum gets no more than that."""

KEEPALIVE_SECONDS: Final = 30
HANDSHAKE_SECONDS: Final = 10.0
NO_MATCHING_SUBSCRIBERS: Final = 0x10
_BUSY: Final = {0x80, 0x83, 0x88, 0x89, 0x93, 0x96, 0x97, 0x9C, 0x9D}
"""Reasons that pass: unspecified, implementation specific, unavailable, busy, too many, too fast, quota, moved."""


class _Slot:
    """A message on its way: `done` once the broker has acknowledged it."""

    __slots__ = ("done", "planned", "unheard")

    def __init__(self, planned: Planned, *, done: bool) -> None:
        self.planned = planned
        self.done = done
        self.unheard = False


class Publisher:
    """Publishes in order and hands what is acknowledged, in that order, to `account`."""

    def __init__(self, account: Account, *, host: str, port: int) -> None:
        self._account = account
        self._host = host
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._window: deque[_Slot] = deque()
        self._backlog: deque[_Slot] = deque()
        self._in_flight: dict[int, _Slot] = {}
        self._limit = WINDOW
        self._client: paho.Client | None = None
        self._connected = False
        self._changed = asyncio.Event()
        self._lost = asyncio.Event()
        self._failure: SettingsError | None = None

    # -- for the one who publishes

    @property
    def ready(self) -> bool:
        """Whether the next message would go out at once."""
        return self._connected and not self._backlog and len(self._in_flight) < self._limit

    @property
    def idle(self) -> bool:
        """Whether everything has been acknowledged."""
        return not self._window

    def put(self, planned: Planned) -> None:
        """Take a message; one without a topic is only recorded in its turn."""
        slot = _Slot(planned, done=not planned.topic)
        self._window.append(slot)
        if slot.done:
            self._settle()
        else:
            self._backlog.append(slot)
            self._pump()

    async def changed(self, timeout_seconds: float) -> None:
        """Wait until the broker has said something, at most so long.

        Raises:
            SettingsError: what it said is a refusal that will not pass.
        """
        if self._failure is None:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    await self._changed.wait()
        self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    # -- the connection

    async def supervise(self) -> None:
        """Connect, and connect again whenever the connection is lost, until cancelled.

        Raises:
            SettingsError: the broker refuses us for good.
        """
        pauses = backoff(first_seconds=0.1)
        try:
            while True:
                self._lost.clear()
                if await self._attempt():
                    pauses = backoff(first_seconds=0.1)
                self._check()
                await asyncio.sleep(next(pauses))
        finally:
            self._drop()

    async def _attempt(self) -> bool:
        """One connection from its beginning to its end; whether there was one."""
        client = self._client = self._new_client()
        try:
            client.connect(self._host, self._port, keepalive=KEEPALIVE_SECONDS, clean_start=True)
        except OSError as away:
            _log.warning("broker away", host=self._host, port=self._port, error=str(away))
            return False
        deadline = self._loop.time() + HANDSHAKE_SECONDS
        accepted = False
        while not self._lost.is_set():
            if self._connected:
                accepted = True
            elif self._loop.time() > deadline:
                break
            client.loop_misc()
            # not wait_for: until Python 3.12 it swallows a cancellation that meets the event
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._lost.wait()
        self._drop()
        return accepted

    def _new_client(self) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="", protocol=paho.MQTTv5)
        client.max_inflight_messages_set(0)  # the window is ours
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _drop(self) -> None:
        """Leave the connection; what it had in flight waits for the next one."""
        client, self._client = self._client, None
        self._connected = False
        if client is not None:
            client.on_disconnect = None
            client.on_publish = None
            client.disconnect()
            client.loop_write()

    def _pump(self) -> None:
        client, backlog, in_flight = self._client, self._backlog, self._in_flight
        if client is None or not self._connected:
            return
        while backlog and len(in_flight) < self._limit:
            slot = backlog.popleft()
            info = client.publish(slot.planned.topic, slot.planned.payload, qos=1)
            in_flight[info.mid] = slot

    def _settle(self) -> None:
        """Record what is acknowledged and has nothing unacknowledged before it."""
        window = self._window
        while window and window[0].done:
            slot = window.popleft()
            self._account.record(slot.planned, unheard=slot.unheard)

    # -- paho's callbacks

    def _on_socket_open(self, client: paho.Client, _data: Any, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(sock, self._read, client)

    def _on_socket_close(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _on_register_write(self, client: paho.Client, _data: Any, sock: Any) -> None:
        self._loop.add_writer(sock, client.loop_write)

    def _on_unregister_write(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock)

    def _read(self, client: paho.Client) -> None:
        client.loop_read()

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if client is not self._client:
            return
        if reason.is_failure:
            self._refused(f"the MQTT broker at {self._host}:{self._port} refuses the simulator: {reason}", reason)
            return
        self._limit = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        self._connected = True
        again = [slot for slot in self._window if not slot.done]
        self._account.resend(len(self._in_flight))
        self._in_flight.clear()
        self._backlog = deque(again)
        # paho is still inside its own handling of the packet, where publishing would skip its queue
        self._loop.call_soon(self._pump)
        self._changed.set()

    def _on_disconnect(self, client: paho.Client, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        if client is self._client:
            self._connected = False
            self._lost.set()
            self._changed.set()

    def _on_publish(
        self, client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if client is not self._client:
            return
        if reason.is_failure:
            self._refused(f"the MQTT broker at {self._host}:{self._port} refuses a message: {reason}", reason)
            return
        slot = self._in_flight.pop(mid, None)
        if slot is not None:
            slot.done = True
            slot.unheard = reason.value == NO_MATCHING_SUBSCRIBERS
            self._settle()
            self._pump()
            self._changed.set()

    def _refused(self, sentence: str, reason: ReasonCode) -> None:
        """Start anew over what passes, fail over what does not."""
        self._connected = False
        if reason.value not in _BUSY:
            self._failure = SettingsError(sentence)
        self._lost.set()
        self._changed.set()
