"""Reads the value of a raw record.

Whether it is JSON needs no guess: `{` (0x7b) would begin a protobuf group of field 15, which no event has.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import msgspec
from google.protobuf.message import DecodeError

from pipeline.core.errors import Reason, Reject
from pipeline.event import from_json, from_protobuf
from pipeline.event.model import Event

JSON: Final = "json"
PROTOBUF: Final = "protobuf"

_TOPIC: Final = re.compile(r"^application/([^/]+)/device/([0-9a-fA-F]{16})/event/([a-z]+)\Z")
_DEV_EUI: Final = re.compile(r"^[0-9a-f]{16}\Z")
LATEST_US: Final = 253_402_300_799_000_000
"""The end of the year 9999: what a date can say."""


class EventTopic(NamedTuple):
    """An MQTT topic on which ChirpStack publishes."""

    application_id: str
    dev_eui: str
    event: str


def read_topic(topic: str) -> EventTopic | None:
    """The parts of `application/<id>/device/<devEui>/event/<event>`, or None for any other topic."""
    match = _TOPIC.match(topic)
    return EventTopic(match[1], match[2].lower(), match[3]) if match else None


def encoding_of(value: bytes) -> str:
    """`json` or `protobuf`."""
    return JSON if value[:1] == b"{" else PROTOBUF


def read_event(event: str, value: bytes, *, dev_eui: str) -> Event:
    """Read one event.

    Args:
        event: the event type, as the topic says.
        value: the bytes ChirpStack published.
        dev_eui: the device, as the topic says.

    Raises:
        Reject: event_unknown, event_unreadable or device_mismatch.
    """
    readers = from_json.READERS if value[:1] == b"{" else from_protobuf.READERS
    reader = readers.get(event)
    if reader is None:
        raise Reject(Reason.EVENT_UNKNOWN, f"event type {event!r}")
    try:
        found = reader(value)
    except (msgspec.MsgspecError, DecodeError, ValueError, OverflowError) as wrong:
        raise Reject(Reason.EVENT_UNREADABLE, str(wrong)) from wrong
    inside = found.device.dev_eui
    if inside != dev_eui:
        if not _DEV_EUI.match(inside):
            raise Reject(Reason.EVENT_UNREADABLE, f"no DevEUI inside: {inside[:32]!r}")
        raise Reject(Reason.DEVICE_MISMATCH, f"the topic says {dev_eui}, the event {inside}")
    if not 0 < found.time_us <= LATEST_US:
        raise Reject(Reason.EVENT_UNREADABLE, f"the event's time is {found.time_us} us since 1970")
    return found
