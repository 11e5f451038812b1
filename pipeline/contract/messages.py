"""The messages of the contract: what can be on a topic, by the value that its declaration names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, Final

from pipeline.contract.schema import Schema, event_schema, schema_of
from pipeline.core.cloudevents import EventData
from pipeline.core.errors import Reason
from pipeline.core.ticks import TickValue

BINDING: Final = "0.5.0"
"""Of AsyncAPI's Kafka binding."""
PROTOBUF: Final = "application/vnd.google.protobuf;version=3"
CLOUD_EVENTS: Final = "CloudEvents 1.0 JSON"

CARRIED: Final[Mapping[str, tuple[str, ...]]] = {
    "ChirpStack event, bytes untouched": ("ChirpStackEvent", "RawTick"),
    "silkstream.v1.Frame": ("Frame", "Tick"),
    "silkstream.v1.Reading": ("Reading", "Tick"),
    "as it was": ("DeadLetter",),
}
"""Messages by a topic's value; on topics of CloudEvents they are what the stages say they publish."""

_WHOLE_NUMBER: Final[Schema] = {"type": "string", "pattern": "^[0-9]+$"}
_DEV_EUI: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "DevEUI"}
_NO_KEY: Final[Schema] = {"type": "null", "description": "a tick has no key: it is in every partition"}
_INGESTED: Final[Schema] = {**_WHOLE_NUMBER, "description": "when the bridge took it, in microseconds since 1970"}
_TICK_EVENT: Final[Schema] = {"type": "string", "const": "tick"}


def _headers(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Kafka's headers are bytes: these are their UTF-8."""
    return {"type": "object", "required": sorted(required), "properties": {**required, **(optional or {})}}


_RAW_HEADERS: Final = _headers(
    {
        "event": {"type": "string", "description": "up, join, ack, txack, log, status, location, …"},
        "encoding": {"type": "string", "enum": ["json", "protobuf"]},
        "mqtt_topic": {"type": "string"},
        "region": {"type": "string"},
        "network_server": {"type": "string"},
        "bridge": {"type": "string"},
        "qos": {"type": "string", "enum": ["0", "1", "2"]},
        "ingested_at": _INGESTED,
    },
    {"replayed": {"type": "string", "description": "a dead letter that was put back on purpose"}},
)
_DEAD_HEADERS: Final = _headers(
    {
        "dead-reason": {
            "type": "string",
            "examples": sorted(each.value for each in Reason),
            "description": "today one of these",
        },
        "dead-stage": {"type": "string", "description": "which stage refused it"},
        "dead-detail": {"type": "string", "description": "the reason in a sentence"},
        "dead-topic": {"type": "string", "description": "where it was, or should have gone"},
    },
    {
        "dead-partition": _WHOLE_NUMBER,
        "dead-offset": _WHOLE_NUMBER,
        "dead-decoder": {"type": "string"},
        "dead-decoder-version": {"type": "string"},
        "dead-length": {**_WHOLE_NUMBER, "description": "of an event of which only the first 64 kB are kept"},
        "dead-sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "of the same, the whole of it"},
    },
)


def _message(title: str, summary: str, content_type: str, *, key: Schema, headers: Schema, payload: Any) -> Schema:
    message = {
        "title": title,
        "summary": summary,
        "contentType": content_type,
        "headers": headers,
        "payload": payload,
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING}},
    }
    return {name: value for name, value in message.items() if value is not None}


def _protobuf(file: str) -> Schema:
    return {"schemaFormat": PROTOBUF, "schema": files("schemas.silkstream.v1").joinpath(file).read_text("utf-8")}


def stream_messages() -> dict[str, Schema]:
    """The messages on the topics of the stream, by their ids."""
    tick = schema_of(TickValue)
    return {
        "ChirpStackEvent": _message(
            "a ChirpStack event",
            "As ChirpStack published it, every byte of it, in the encoding that the header names.",
            "application/octet-stream",
            key=_DEV_EUI,
            headers=_RAW_HEADERS,
            payload=None,
        ),
        "RawTick": _message(
            "a tick on the raw topic",
            "The bridge has handed over everything up to as_of.",
            "application/json",
            key=_NO_KEY,
            headers=_headers({"event": _TICK_EVENT, "ingested_at": _INGESTED}),
            payload=tick,
        ),
        "Tick": _message(
            "a tick",
            "The bridge has handed over everything up to as_of.",
            "application/json",
            key=_NO_KEY,
            headers=_headers(
                {
                    "event": _TICK_EVENT,
                    "raw_offset": {
                        **_WHOLE_NUMBER,
                        "description": "in the partition of the same number of lorawan.raw.v1",
                    },
                }
            ),
            payload=tick,
        ),
        "Frame": _message(
            "silkstream.v1.Frame",
            "What became of one event.",
            "application/x-protobuf",
            key=_DEV_EUI,
            headers=_headers({}),
            payload=_protobuf("frame.proto"),
        ),
        "Reading": _message(
            "silkstream.v1.Reading",
            "What one accepted frame said.",
            "application/x-protobuf",
            key=_DEV_EUI,
            headers=_headers({}),
            payload=_protobuf("reading.proto"),
        ),
        "DeadLetter": _message(
            "a dead letter",
            "A record that could not be used: key, headers, partition and bytes as they were, and why.",
            "application/octet-stream",
            key={"type": ["string", "null"]},
            headers=_DEAD_HEADERS,
            payload=None,
        ),
    }


def event_messages(events: Iterable[type[EventData]]) -> dict[str, Schema]:
    """The messages of CloudEvents, by their types."""
    headers = _headers({"content-type": {"type": "string", "pattern": r"^application/cloudevents\+json"}})
    found = {}
    for data in sorted(set(events), key=lambda each: each.event_type):
        schema = event_schema(data)
        found[data.event_type] = _message(
            data.event_type,
            schema["description"],
            "application/cloudevents+json",
            key={"type": "string", "minLength": 1, "description": "the event's subject"},
            headers=headers,
            payload=schema,
        )
    return found
