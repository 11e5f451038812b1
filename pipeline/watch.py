"""Shows what is on a topic, whatever it is: for a person at a terminal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from pipeline.core import topics
from pipeline.core.clock import from_us
from pipeline.core.model import Partition, Record
from pipeline.core.samples import Form, Forms, live_of, series_of
from pipeline.core.ticks import is_tick
from pipeline.kafka.ports import Log
from schemas.silkstream.v1 import frame_pb2
from schemas.silkstream.v1.reading_view_pb2 import ReadingView

_CHUNK: Final = 1000
_FORMS: Final = Forms(lambda form: form)


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
    try:
        if is_tick(record):
            return value.decode(errors="backslashreplace")
        if record.topic.endswith(topics.FRAME):
            return _json(MessageToDict(frame_pb2.Frame.FromString(value), preserving_proto_field_name=True))
        if "readings." in record.topic:
            return _json(_reading(ReadingView.FromString(value)))
    except DecodeError:
        return value.hex()
    return value.decode(errors="backslashreplace")


def _reading(reading: ReadingView) -> dict[str, Any]:
    """A reading with each value under its name."""
    found: dict[str, Any] = MessageToDict(reading, preserving_proto_field_name=True)
    if reading.samples:
        found["samples"] = [
            _said(form, values, observed_at_us=at_us, channel=channel)
            for at_us, channel, form, values in live_of(reading, _FORMS)
        ]
    if reading.series:
        found["series"] = [
            _said(form, columns, first_at_us=first_us, step_us=step_us, channel=channel)
            for first_us, step_us, _, channel, form, columns in series_of(reading, _FORMS)
        ]
    return found


def _said(form: Form, values: Sequence[Any], **where: int) -> dict[str, Any]:
    flags = {"flags": form.flags} if form.flags else {}
    return where | flags | dict(zip(form.names, values, strict=True)) | dict(form.states)


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)
