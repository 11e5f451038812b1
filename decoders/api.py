"""The contract between a decoder and whoever runs it.

A decoder is a value, not a class to inherit from: whatever it needs is in its argument and whatever it knows is in
its result, so that any frame can be decoded again years later with the same answer.

    DecodeError
    ├── Truncated         payload_truncated
    ├── TrailingBytes     payload_trailing
    ├── UnknownPort       port_unknown
    ├── UnknownFrame      frame_unknown
    ├── InvalidValue      value_invalid
    └── InvalidAttribute  attribute_invalid
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Final

from decoders.quantities import Quantity

AttributeValue = float | str

EMPTY: Final[Mapping[str, AttributeValue]] = MappingProxyType({})

CLOCK_SET_SINCE: Final = 1_420_070_400
"""2015-01-01: a device's clock that shows less has never been set."""

FLAGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "clock_not_set": "the device's own clock has never been set, so its time is left out",
        "history_unplaced": "the frame holds past values whose time is not known; they were left out",
        "invalid_reading": "a reading is impossible and was left out; the rest of the frame is good",
        "lower_bound": "a reading is the least that it may be; the true value may be any higher",
        "no_echo": "the sensor heard no echo, so there is no distance",
        "out_of_range": "a reading lies outside the range that the sensor was calibrated for",
        "sensor_fault": "the device reports that a sensor is missing or broken; its reading was left out",
        "suspicious_distance": "the distance is one that a sensor reports when it hears no echo",
        "uncalibrated": "a reading needs a device attribute that is not known and was left out",
        "unknown_record": "the frame holds a record of unknown type; what came before it is good",
    }
)
"""Every flag that a sample may carry, with what it means. Closed, because consumers branch on it."""


class DecodeError(Exception):
    """The frame cannot be decoded."""

    reason: ClassVar[str] = "decode_failed"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or inspect.cleandoc(type(self).__doc__ or type(self).__name__))


class Truncated(DecodeError):
    """The frame ends inside a field."""

    reason = "payload_truncated"


class TrailingBytes(DecodeError):
    """Bytes are left over behind a complete frame."""

    reason = "payload_trailing"


class UnknownPort(DecodeError):
    """The device sends nothing on this port, as far as the decoder knows."""

    reason = "port_unknown"


class UnknownFrame(DecodeError):
    """The frame's type, record or version is not one that the decoder knows."""

    reason = "frame_unknown"


class InvalidValue(DecodeError):
    """The frame holds a value that its format does not allow."""

    reason = "value_invalid"


class InvalidAttribute(DecodeError):
    """A device attribute is not a number or is out of bounds."""

    reason = "attribute_invalid"


def _no_attributes() -> Mapping[str, AttributeValue]:
    return EMPTY


@dataclass(frozen=True, slots=True)
class Uplink:
    """One frame as the network server hands it over: port, decrypted bytes, and what is known about the device.

    `attributes` holds only names that the decoder declares, already checked by `check_attributes`.
    """

    f_port: int
    payload: bytes
    attributes: Mapping[str, AttributeValue] = field(default_factory=_no_attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was true at one moment at one probe; the base of every decoder's sample types.

    A subclass adds one field per quantity, named after it, with the default `None` for "not in this frame".
    History frames tell when a sample was taken: `age_seconds` how long before the frame, or, where the format holds
    times of the device's clock, `taken_unix_seconds` (since 1970). `channel` tells which of several probes it is,
    `flags` (names out of `FLAGS`) what is wrong with it. Within one frame no two samples share channel and time.
    """

    age_seconds: float = 0.0
    taken_unix_seconds: int | None = None
    channel: int = 0
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A number about the device that the bytes do not hold and the measurand needs, such as a probe's range.

    `low` and `high` are inclusive; `unit` is a UCUM code.
    """

    name: str
    unit: str
    low: float
    high: float
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """One device model: who it is, what it can return, and the function that does it.

    `decode` is pure and total: for any bytes on any port it returns samples, in the order of the frame, or raises a
    `DecodeError`. No samples is the right answer for a frame that carries no measurement. `history_step_seconds` is
    what the times of history samples are rounded to. `quantities` are those that the built-in vocabulary lacks.
    """

    name: str
    version: str
    family: str
    about: str
    samples: tuple[type[Sample], ...]
    decode: Callable[[Uplink], Sequence[Sample]]
    attributes: tuple[Attribute, ...] = ()
    history_step_seconds: int | None = None
    quantities: tuple[Quantity, ...] = ()


def check_attributes(decoder: Decoder, raw: Mapping[str, str]) -> Mapping[str, AttributeValue]:
    """Read the attributes that the decoder declares out of a device's tags; other tags are none of its business.

    Raises:
        InvalidAttribute: a declared tag is no decimal number or is out of bounds; the message names it.
    """
    if not decoder.attributes:
        return EMPTY
    return {each.name: _number(each, raw[each.name]) for each in decoder.attributes if each.name in raw}


def _number(attribute: Attribute, text: str) -> float:
    expected = f"expected a number from {attribute.low:g} to {attribute.high:g} {attribute.unit}"
    try:
        # float() takes "1_0" too, which nobody means.
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    # A NaN fails every comparison.
    if not attribute.low <= value <= attribute.high:
        raise InvalidAttribute(f"{attribute.name}={text!r}: {expected}")
    return value
