"""CloudEvents 1.0 in JSON: the envelope, and what the data of an event are made of.

What is published and the JSON Schema that describes it come from the same definition, so neither can be changed
without the other. Times stay text: their spelling is part of what was published.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Generic, Literal, NamedTuple, TypeVar

from msgspec import Meta, Struct

Time = Annotated[str, Meta(description="RFC 3339, UTC", extra_json_schema={"format": "date-time"})]
Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
DevEuiText = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", description="DevEUI")]
Count = Annotated[int, Meta(ge=0)]


class EventData(Struct, frozen=True, kw_only=True):
    """The `data` of one type of event. Fields may be added to a type, and nothing else changes in it: see
    docs/downstream.md.
    """

    event_type: ClassVar[str]
    """The CloudEvents `type`; its version is a part of it."""


D = TypeVar("D", bound=EventData)


class CloudEvent(Struct, Generic[D], frozen=True, kw_only=True):
    """A CloudEvent in structured mode, with an attribute of ours: `sequence`."""

    specversion: Literal["1.0"]
    id: Annotated[Uuid, Meta(description="the same for every repetition of the event")]
    source: Annotated[str, Meta(min_length=1, extra_json_schema={"format": "uri-reference"})]
    type: str
    subject: Annotated[str, Meta(min_length=1, description="also the record's key")]
    time: Annotated[Time, Meta(description="when it happened; RFC 3339, UTC")]
    datacontenttype: Literal["application/json"]
    sequence: Annotated[
        str,
        Meta(
            pattern="^[1-9][0-9]*$",
            description="a whole number; rises among the events of one topic and subject, and gaps mean nothing",
        ),
    ]
    data: D


class Publication(NamedTuple):
    """Which events a stage puts on a topic."""

    topic: str
    """Without the namespace."""
    events: tuple[type[EventData], ...]
