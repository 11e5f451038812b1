"""The MQTT session: paho 2 in the asyncio loop, MQTT 5, every acknowledgement ours.

The session is persistent (fixed client id, no clean start, an expiry of days), so the broker keeps what comes while
the bridge is away. Receive Maximum bounds what is in our hands. An acknowledgement belongs to the connection that
delivered its message: after a reconnect the broker delivers again whatever it had no PUBACK for, under packet ids
that may by then mean other messages, so acknowledgements of an earlier connection are dropped.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import uuid4

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from pipeline.core.errors import SettingsError
from pipeline.core.logs import logger
from pipeline.core.retry import backoff, sleep_unless
from pipeline.core.settings import Settings
from pipeline.ingest.translate import Message, tick_topic

_log = logger("bridge")

QOS0_KEPT: Final = 20_000
"""How many unacknowledgeable messages may wait while Kafka is away: QoS 1 is bounded by Receive Maximum, QoS 0 by
nothing else."""
READ_AHEAD: Final = QOS0_KEPT + 10_000
"""At how many waiting messages reading stops. Receive Maximum should bound them, but Mosquitto 2.0 hands over so many
again for each single acknowledgement while it has a queue."""
_READS_AT_ONCE: Final = 500
_REFUSED: Final = {0x86, 0x87, 0x8A, 0x8C}  # bad user or password, not authorised, banned, bad authentication method
_TAKEN_OVER: Final = 0x8E


class Inbox:
    """What the session has delivered and nobody has taken yet, and the way back for acknowledgements."""

    def __init__(self, settings: Settings) -> None:
        self._mqtt = settings.mqtt
        self._filters = (*settings.bridge.filters, tick_topic(settings.bridge.id))
        self._client_id = f"silkstream-{settings.bridge.id}"
        self._claim_topic = f"silkstream/{settings.bridge.id}/claim"
        # Sorts by the time of its making: one that is older than ours was left by somebody who is gone.
        self._claim = f"{time.time_ns():020d} {uuid4().hex}".encode()
        self._claimed = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._waiting: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._lost = asyncio.Event()
        self._paused = False
        self._client = self._make_client()
        self._failure: SettingsError | None = None
        self.connection = 0
        self.connected = False
        self.sessions_lost = 0
        self.overflowed = 0
        self.acknowledged_late = 0

    def _make_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._client_id, protocol=paho.MQTTv5, manual_ack=True
        )
        if self._mqtt.username:
            client.username_pw_set(self._mqtt.username, self._mqtt.password or None)
        if self._mqtt.tls:
            client.tls_set_context(ssl.create_default_context(cafile=self._mqtt.ca_file or None))
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    # ── for the loop ──

    async def take(self, *, most: int, timeout_seconds: float) -> list[Message]:
        """The next messages in receive order; empty when none comes in time.

        Raises:
            SettingsError: the broker refuses us, or another client has our id.
        """
        if not self._waiting and self._failure is None:
            self._arrived.clear()
            await sleep_unless(self._arrived, timeout_seconds)
        if self._failure is not None:
            raise self._failure
        waiting = self._waiting
        if self._paused and len(waiting) - most < READ_AHEAD // 2:
            self._resume()
        return [waiting.popleft() for _ in range(min(most, len(waiting)))]

    def acknowledge(self, message: Message) -> None:
        """Send the PUBACK; a message of an earlier connection is the broker's again."""
        if message.qos == 0:
            return
        if message.connection != self.connection or not self.connected:
            self.acknowledged_late += 1
            return
        self._client.ack(message.mid, message.qos)

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish with QoS 1 where there is a connection; a tick that cannot go now is worth nothing later."""
        if not self.connected:
            return False
        return self._client.publish(topic, payload, qos=1).rc == paho.MQTT_ERR_SUCCESS

    @property
    def waiting(self) -> int:
        """How many messages nobody has taken yet."""
        return len(self._waiting)

    # ── the connection ──

    async def supervise(self) -> None:
        """Connect, and connect again whenever the connection is lost, until cancelled."""
        pauses = backoff(first_seconds=0.1)
        while self._failure is None:
            self._lost.clear()
            try:
                await self._loop.run_in_executor(None, self._connect)
            except (OSError, ValueError) as away:
                _log.warning("broker away", host=self._mqtt.host, port=self._mqtt.port, error=str(away))
                await asyncio.sleep(next(pauses))
                continue
            started = time.monotonic()
            while not self._lost.is_set():
                self._client.loop_misc()
                await sleep_unless(self._lost, 1.0)
            if time.monotonic() - started > 10:  # it had held: begin again with short pauses
                pauses = backoff(first_seconds=0.1)
            await asyncio.sleep(next(pauses))

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.SessionExpiryInterval = self._mqtt.session_expiry_seconds
        properties.ReceiveMaximum = self._mqtt.receive_maximum
        self._client.connect(
            self._mqtt.host,
            self._mqtt.port,
            keepalive=self._mqtt.keepalive_seconds,
            clean_start=False,
            properties=properties,
        )

    def close(self) -> None:
        """Leave the broker; it keeps the session."""
        self._client.disconnect()

    # ── paho's callbacks; those around the socket may come from the connecting thread ──

    def _on_socket_open(self, client: paho.Client, _data: Any, sock: Any) -> None:
        self.connection += 1
        self._paused = False
        self._in_loop(self._loop.add_reader, sock, self._read, client)

    def _on_socket_close(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        self._in_loop(self._loop.remove_reader, sock.fileno())
        self._in_loop(self._loop.remove_writer, sock.fileno())

    def _on_register_write(self, client: paho.Client, _data: Any, sock: Any) -> None:
        self._in_loop(self._loop.add_writer, sock, client.loop_write)

    def _on_unregister_write(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        self._in_loop(self._loop.remove_writer, sock.fileno())

    def _in_loop(self, call: Callable[..., object], *arguments: Any) -> None:
        """Call at once in the loop's own thread, where the socket is still what it was; else as soon as it can."""
        if threading.get_ident() == self._thread:
            with suppress(ValueError):  # the socket was closed a moment ago
                call(*arguments)
        else:
            self._loop.call_soon_threadsafe(self._in_loop, call, *arguments)

    def _read(self, client: paho.Client) -> None:
        """Read while something comes: paho takes one packet a call."""
        for _ in range(_READS_AT_ONCE):
            before = len(self._waiting)
            if before >= READ_AHEAD and self.connected and (sock := client.socket()) is not None:
                self._paused = True
                self._loop.remove_reader(sock)
                return
            if client.loop_read() != paho.MQTT_ERR_SUCCESS or len(self._waiting) == before:
                return
        # More may wait inside the TLS layer, where the loop does not see it.
        self._loop.call_soon(self._read, client)

    def _resume(self) -> None:
        self._paused = False
        if (sock := self._client.socket()) is not None:
            self._loop.add_reader(sock, self._read, self._client)
            self._loop.call_soon(self._read, self._client)

    def _on_connect(
        self, client: paho.Client, _data: Any, flags: paho.ConnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            if reason.value in _REFUSED:
                self._fail(f"settings mqtt.username and mqtt.password: the broker refuses us: {reason}")
            return
        self.connected = True
        if flags.session_present:
            # What nobody has taken yet comes again on this connection, which alone can acknowledge it.
            self._waiting = deque(message for message in self._waiting if message.qos == 0)
        if not flags.session_present and self.connection > 1:
            self.sessions_lost += 1
            _log.warning("the broker has lost our session: what it had queued for us is gone")
        options = SubscribeOptions(qos=1)
        client.subscribe([*((each, options) for each in self._filters), (self._claim_topic, SubscribeOptions(qos=0))])
        if not self._claimed:
            # Behind the subscription: what was claimed before us comes first, and is nobody's any more.
            client.publish(self._claim_topic, self._claim, retain=True)

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self.connected = False
        self._lost.set()
        if reason.value == _TAKEN_OVER:
            self._fail_as_taken_over()

    def _on_claim(self, claim: bytes) -> None:
        """Know another client of our id by the mark that it left behind ours.

        Not every broker says that a connection was taken over: Mosquitto 2.0 just closes it, and two bridges would
        take it from each other for ever. The one that was started last stays. A broker that has crashed may come back
        with an older mark; that one stops nobody.
        """
        if claim == self._claim:
            self._claimed = True
        elif self._claimed and claim > self._claim:
            self._fail_as_taken_over()

    def _fail_as_taken_over(self) -> None:
        self._fail(f"setting bridge.id: another client is connected as {self._client_id!r}; each bridge needs its own")

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        for topic_filter, reason in zip(self._filters, reasons, strict=False):
            if reason.is_failure:
                self._fail(f"setting bridge.filters: the broker refuses {topic_filter!r}: {reason}")

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if message.topic == self._claim_topic:
            self._on_claim(bytes(message.payload))
            return
        if message.qos == 0 and len(self._waiting) >= QOS0_KEPT:
            self.overflowed += 1
            return
        self._waiting.append(Message(message.topic, bytes(message.payload), message.qos, message.mid, self.connection))
        self._arrived.set()

    def _fail(self, sentence: str) -> None:
        self._failure = SettingsError(sentence)
        self._arrived.set()


def check_filters(filters: tuple[str, ...]) -> None:
    """Refuse what would lose messages.

    Raises:
        SettingsError: a shared subscription: brokers lose or park what a member of a group had not acknowledged.
    """
    for topic_filter in filters:
        if topic_filter.startswith("$share/"):
            raise SettingsError(
                f"setting bridge.filters: {topic_filter!r} is a shared subscription, which loses messages when a "
                "bridge goes; give two bridges disjoint filters instead"
            )


@asynccontextmanager
async def open_inbox(settings: Settings) -> AsyncIterator[Inbox]:
    """A session that connects by itself, for the time of a block."""
    check_filters(settings.bridge.filters)
    inbox = Inbox(settings)
    supervisor = asyncio.create_task(inbox.supervise())
    try:
        yield inbox
    finally:
        supervisor.cancel()
        with suppress(asyncio.CancelledError):
            await supervisor
        inbox.close()
