"""A publisher that costs next to nothing: MQTT 3.1.1 packets built ahead and written in large pieces.

A client library takes 100 us a message, as much as all stages together; here it would measure itself. QoS 1, one
connection, in order, a bounded number of unacknowledged messages.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from pipeline.core.settings import Settings

WINDOW: Final = 1000
_CONNECT: Final = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00"  # clean session, no keep-alive, no client id
_PUBLISH_QOS1: Final = 0x32


class Loader:
    """A connection to publish on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._sent = 0
        self._acknowledged = 0
        self._moved = asyncio.Event()

    async def publish_all(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish as fast as the broker acknowledges; returns when all of them are."""
        for topic, payload in messages:
            while self._sent - self._acknowledged >= WINDOW:
                await self._wait()
            self.publish(topic, payload)
        while self._acknowledged < self._sent:
            await self._wait()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish one message without waiting."""
        self._sent += 1
        name = topic.encode()
        body = struct.pack(">H", len(name)) + name + struct.pack(">H", (self._sent - 1) % 65535 + 1) + payload
        self._writer.write(bytes((_PUBLISH_QOS1,)) + _length(len(body)) + body)

    async def _wait(self) -> None:
        self._moved.clear()
        await self._writer.drain()
        await self._moved.wait()

    async def listen(self) -> None:
        """Count acknowledgements: four bytes each, and nothing else comes."""
        rest = 0
        while data := await self._reader.read(65536):
            rest += len(data)
            acknowledged, rest = divmod(rest, 4)
            self._acknowledged += acknowledged
            self._moved.set()


def _length(length: int) -> bytes:
    """MQTT's remaining length: seven bits a byte, the lowest first."""
    found = bytearray()
    while True:
        length, digit = divmod(length, 128)
        found.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(found)


@asynccontextmanager
async def open_loader(settings: Settings) -> AsyncIterator[Loader]:
    """A connection for the time of a block."""
    reader, writer = await asyncio.open_connection(settings.mqtt.host, settings.mqtt.port)
    writer.write(_CONNECT)
    if await reader.readexactly(4) != b"\x20\x02\x00\x00":
        raise ConnectionError("the MQTT broker refuses the benchmark")
    loader = Loader(reader, writer)
    listener = asyncio.create_task(loader.listen())
    try:
        yield loader
    finally:
        listener.cancel()
        writer.close()


def keep_session(settings: Settings, *, expiry_seconds: int) -> None:
    """Connect once as the bridge and subscribe, so that the broker queues for it; expiry 0 forgets the session."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=f"silkstream-{settings.bridge.id}", protocol=paho.MQTTv5
    )
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    properties.SessionExpiryInterval = expiry_seconds
    subscribed: list[int] = []
    client.on_subscribe = lambda _client, _data, mid, _reasons, _properties: subscribed.append(mid)
    client.connect(settings.mqtt.host, settings.mqtt.port, clean_start=not expiry_seconds, properties=properties)
    while not client.is_connected():
        client.loop(timeout=0.1)
    if expiry_seconds:
        client.subscribe([(topic_filter, SubscribeOptions(qos=1)) for topic_filter in settings.bridge.filters])
        while not subscribed:
            client.loop(timeout=0.1)
    client.disconnect()
