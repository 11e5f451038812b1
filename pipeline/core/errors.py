"""What can go wrong, by what happens next.

The type of an exception says what a loop does with it; its docstring is its default message::

    SilkstreamError
    ├── SettingsError   exit 78: an operator's mistake, told in one sentence
    │   └── LedgerMismatch  the ledger and the log do not belong together
    ├── Reject          the record goes to the dead-letter topic, with a reason
    └── Transient       the other side is away: nothing is committed, and the stage opens again after a pause
        └── Fenced      another worker owns the partition now

Anything else is a bug: it is logged and the process exits with 70.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

EXIT_BUG: Final = 70
EXIT_STALLED: Final = 75
EXIT_SETTINGS: Final = 78


class Reason(StrEnum):
    """Why a record went to the dead-letter topic. Closed: a new reason is a new member."""

    # the bridge
    TOPIC_FOREIGN = "topic_foreign"  # the MQTT topic is not an event topic of a device
    EVENT_EMPTY = "event_empty"  # the MQTT message has no bytes at all
    EVENT_TOO_LARGE = "event_too_large"  # the event exceeds what the raw topic takes
    # decode: the event
    EVENT_UNREADABLE = "event_unreadable"  # neither the JSON nor the protobuf of this event type
    EVENT_UNKNOWN = "event_unknown"  # an event type that ChirpStack 4 does not document
    DEVICE_MISMATCH = "device_mismatch"  # the DevEUI inside is not the one of the topic
    # decode: the choice of a decoder
    DECODER_UNKNOWN = "decoder_unknown"  # the profile names no installed decoder
    DECODER_FAILED = "decoder_failed"  # the decoder raised something else than DecodeError: its bug
    # decode: the payload, as the decoders say
    PAYLOAD_TRUNCATED = "payload_truncated"  # the frame ends inside a field
    PAYLOAD_TRAILING = "payload_trailing"  # bytes are left after the last field
    PORT_UNKNOWN = "port_unknown"  # the device does not document this fPort
    FRAME_UNKNOWN = "frame_unknown"  # an unknown frame type, record or version
    VALUE_INVALID = "value_invalid"  # a value that the format or physics rules out
    ATTRIBUTE_INVALID = "attribute_invalid"  # a device attribute that is no number or absurd
    # store and topologies
    RECORD_UNREADABLE = "record_unreadable"  # a record on our own topics that is not what it should be
    ROW_REFUSED = "row_refused"  # the database refused the row (SQLSTATE class 22 or 23)
    LOGIC_FAILED = "logic_failed"  # a topology's logic raised: its bug


class SilkstreamError(Exception):
    """Something went wrong in silkstream."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.__doc__)


class SettingsError(SilkstreamError):
    """A setting is missing or wrong."""


class LedgerMismatch(SettingsError):
    """The ledger in the database and the log in Kafka do not belong together."""


class Reject(SilkstreamError):
    """The record cannot be used; it goes to the dead-letter topic."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail or reason.value)
        self.reason = reason


class Transient(SilkstreamError):
    """The other side is away; nothing was committed and the same records come again."""


class Fenced(Transient):
    """Another worker owns the partition now; this one gives up what it held."""
