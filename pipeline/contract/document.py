"""The AsyncAPI document of an installation: every topic with its key, messages and retention.

Everything in it comes from what runs: topics from their declaration, events from the stages that publish them,
quantities from the decoders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from decoders.api import Decoder
from decoders.quantities import Quantity
from decoders.registry import fields_of, vocabulary
from pipeline.contract.messages import BINDING, CARRIED, CLOUD_EVENTS, event_messages, stream_messages
from pipeline.contract.schema import Schema
from pipeline.core import topics
from pipeline.core.cloudevents import EventData, Publication
from pipeline.core.errors import SettingsError
from pipeline.core.topics import Topic

ASYNCAPI: Final = "3.0.0"
ABOUT: Final = """\
Everything that silkstream publishes to Kafka. This document is generated from the code; docs/downstream.md says in
words what is promised.

- Order: the records of one key are on one partition, in order. The number of partitions never changes.
- Repeats: everything is delivered at least once. Of frames and readings skip what is not above the highest raw_offset
  of its partition; of CloudEvents what is not above the highest sequence of its topic and subject.
- Growth: fields, headers, event types, reasons, flags and quantities may be added. Ignore what you do not know.
- Namespace: an installation may have one; it then stands in front of every address: demo.alerts.container.v1.
"""


def document(
    declared: Sequence[Topic],
    publications: Iterable[Publication],
    decoders: Collection[Decoder],
    *,
    version: str,
    namespace: str = "",
) -> Schema:
    """The document.

    Args:
        declared: all topics.
        publications: which events the stages put on them.
        decoders: whose quantities readings may have.
        version: of silkstream.
        namespace: of the installation; part of the topics' names already.

    Raises:
        SettingsError: a stage publishes on a topic that nobody declares.
    """
    published = _by_topic(publications, {topic.name for topic in declared}, namespace)
    quantities = _quantities(decoders)
    channels = {}
    for topic in declared:
        plain = topic.name.removeprefix(namespace)
        channels[plain] = _channel(topic, _carried(topic, published), quantities.get(plain))
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": "silkstream", "version": version, "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"publish.{name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{each}"} for each in channel["messages"]],
            }
            for name, channel in channels.items()
            if channel["messages"]
        },
        "components": {
            "messages": {
                **stream_messages(),
                **event_messages(data for events in published.values() for data in events),
            }
        },
    }


def _by_topic(
    publications: Iterable[Publication], names: Collection[str], namespace: str
) -> dict[str, list[type[EventData]]]:
    found: dict[str, list[type[EventData]]] = {}
    types: dict[str, type[EventData]] = {}
    for topic, events in publications:
        name = namespace + topic
        if name not in names:
            raise SettingsError(f"a stage publishes on {topic}, but no installed decoder is of that family")
        for data in events:
            if types.setdefault(data.event_type, data) is not data:
                raise SettingsError(f"the event type {data.event_type} is defined twice, and not alike")
            if data not in found.setdefault(name, []):
                found[name].append(data)
    return found


def _carried(topic: Topic, published: Mapping[str, Sequence[type[EventData]]]) -> Sequence[str]:
    if topic.value == CLOUD_EVENTS:
        return sorted(data.event_type for data in published.get(topic.name, ()))
    return CARRIED[topic.value]


def _channel(topic: Topic, messages: Sequence[str], quantities: Schema | None) -> Schema:
    about = f"{topic.about[0].upper()}{topic.about[1:]}. Key: {topic.key}."
    if not messages:
        about += " Nothing is published on it yet."
    config = topic.config
    channel: Schema = {
        "address": topic.name,
        "description": about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": config["cleanup.policy"].split(","),
                    "retention.ms": int(config["retention.ms"]),
                    "max.message.bytes": int(config["max.message.bytes"]),
                },
                "bindingVersion": BINDING,
            }
        },
    }
    if quantities is not None:
        channel["x-quantities"] = quantities
    return channel


def _quantities(decoders: Collection[Decoder]) -> dict[str, Schema]:
    """What readings may speak of, by topic."""
    known = vocabulary(decoders)
    found: dict[str, dict[str, Quantity]] = {}
    for decoder in decoders:
        mine = found.setdefault(topics.readings(decoder.family), {})
        mine.update((name, known[name]) for sample in decoder.samples for name in fields_of(sample))
    return {
        topic: {
            name: {"value": each.value_type, "unit": each.unit, "kind": each.kind, "description": each.help}
            for name, each in sorted(mine.items())
        }
        for topic, mine in found.items()
    }
