"""Holds what is really on the topics of a test against the contract that is published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, Final

import orjson
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from decoders.registry import load as load_decoders
from pipeline.contract.document import document
from pipeline.core.model import Partition, Record
from pipeline.core.settings import Settings
from pipeline.core.ticks import is_tick
from pipeline.installed import installed_stages
from pipeline.kafka.consumer import open_log
from pipeline.kafka.partitioner import partition_of
from schemas.silkstream.v1.frame_pb2 import Frame
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.integration.servers import declared, rows_of
from tests.unit.pipeline.contract import closed, faults

_PROTOBUF: Final[Mapping[str, type[Message]]] = {"Frame": Frame, "Reading": Reading}


async def told_on(settings: Settings) -> list[str]:
    """The topics that subscribers were told something on."""
    rows = await rows_of(settings, "SELECT DISTINCT topic FROM outbox WHERE sent_at IS NOT NULL ORDER BY topic")
    return [topic.removeprefix(settings.namespace) for (topic,) in rows]


@cache
def contract() -> dict[str, Any]:
    """The contract of what is installed, in no namespace."""
    settings = Settings(namespace="")
    publications = [each for stage in installed_stages().values() for each in stage.publishes]
    return document(declared(settings), publications, list(load_decoders().values()), version="0")


async def hold_to_contract(settings: Settings, topics: Collection[str]) -> Counter[str]:
    """Check every record on these topics; returns how many there were of each message."""
    found: Counter[str] = Counter()
    if not topics:
        return found
    numbers = range(settings.topics.partitions)
    async with open_log(settings) as log:
        wanted = [Partition(settings.namespace + topic, number) for topic in topics for number in numbers]
        for partition, bound in (await log.bounds(wanted)).items():
            messages = contract()["channels"][partition.topic.removeprefix(settings.namespace)]["messages"]
            for record in await log.read(partition, *bound) if bound.end > bound.beginning else ():
                name = _name(record, messages)
                assert name in messages, f"{name} is not promised on {partition.topic}"
                assert not _wrong(record, name, contract()["components"]["messages"][name]), f"{name} at {record}"
                assert record.key is None or record.partition == partition_of(record.key, len(numbers))
                found[name] += 1
    return found


def _name(record: Record, messages: Iterable[str]) -> str:
    """Which message a record is, as a reader would tell."""
    names = set(messages)
    if ticks := names & {"Tick", "RawTick"}:
        return (ticks if is_tick(record) else names - ticks).pop()
    return "DeadLetter" if names == {"DeadLetter"} else str(orjson.loads(record.value or b"")["type"])


def _wrong(record: Record, name: str, message: Mapping[str, Any]) -> list[str]:
    key = None if record.key is None else record.key.decode()
    headers = {name: value.decode() for name, value in record.headers}
    found = faults(message["bindings"]["kafka"]["key"], key)
    found += faults(message["headers"] if name == "DeadLetter" else closed(message["headers"]), headers)
    if name in _PROTOBUF:
        parsed = _PROTOBUF[name]()
        parsed.ParseFromString(record.value or b"")
        if len(UnknownFieldSet(parsed)):
            found.append("it has fields that the .proto file does not name")
    elif "payload" in message:
        content = orjson.loads(record.value or b"")
        found += faults(closed(message["payload"]), content)
        if "subject" in content and content["subject"] != key:
            found.append(f"the key is {key}, the subject {content['subject']}")
    return found
