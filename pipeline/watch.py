"""Shows what is on a topic, whatever it is: for a person at a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import DecodeError, Message

from pipeline.core import topics
from pipeline.core.clock import from_us
from pipeline.core.model import Partition, Record
from pipeline.core.ticks import is_tick
from pipeline.kafka.ports import Log
from schemas.silkstream.v1 import frame_pb2, reading_pb2

_CHUNK: Final = 1000


async def records_of(log: Log, topic: str, *, partitions: int, follow: bool) -> AsyncIterator[Record]:
    """The records of a topic, partition by partition; with `follow`, then whatever comes."""
    ends = dict.fromkeys((Partition(topic, number) for number in range(partitions)), 0)
    while True:
        bounds = await log.bounds(list(ends))
        for partition, bound in bounds.items():
            for start in range(max(ends[partition], bound.beginning), bound.end, _CHUNK):
                for record in await log.read(partition, start, min(start + _CHUNK, bound.end)):
                    yield record
            ends[partition] = bound.end
        if not follow:
            return
        await asyncio.sleep(0.5)


def shown(record: Record) -> str:
    """One line for a record: where it is, when, whose, what."""
    at = from_us(record.timestamp * 1000)
    key = record.key.decode(errors="replace") if record.key else "-"
    return f"[{record.partition}:{record.offset}] {at:%F %T} {key} {_content(record)}"


def _content(record: Record) -> str:
    value = record.value or b""
    message: Message | None = None
    if not is_tick(record):
        if record.topic.endswith(topics.FRAME):
            message = frame_pb2.Frame()
        elif "readings." in record.topic:
            message = reading_pb2.Reading()
    if message is None:
        return value.decode(errors="backslashreplace")
    try:
        message.ParseFromString(value)
    except DecodeError:
        return value.hex()
    return MessageToJson(message, preserving_proto_field_name=True, indent=None)
