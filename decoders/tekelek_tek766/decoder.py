"""Tekelek TEK766 ultrasonic tank sensor: measurements, alarms and status, one frame type each.

A measurement repeats earlier readings. How far they lie apart is not in the frame, so only the newest is used.
Sources: README.md; all numbers have their highest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, TrailingBytes, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.quantities import QUANTITIES

_READING: Final = struct.Struct(">HbB")
_ABSENT: Final = bytes(_READING.size)

_MEASUREMENT: Final = 0x10
_STATUS: Final = 0x30
_ALARM: Final = 0x45

_READINGS_AT: Final = 4
_STATUS_READING_AT: Final = 14

# By frame type: bytes. A measurement has room for four readings, an alarm for two.
_LENGTHS: Final[Mapping[int, int]] = {_MEASUREMENT: 20, _STATUS: 18, _ALARM: 12}

_HIGH_CENTIMETRES: Final = QUANTITIES["distance_metres"].high * 100
_COLD: Final = QUANTITIES["device_temperature_celsius"].low
_HOT: Final = QUANTITIES["device_temperature_celsius"].high


@dataclass(frozen=True, slots=True, kw_only=True)
class Ullage(Sample):
    """How far the content is below the sensor; the fill level itself follows from the tank's height and form."""

    distance_metres: float | None = None
    device_temperature_celsius: float | None = None
    echo_quality: int | None = None
    echo_amplitude: int | None = None
    limit_alarms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Sample):
    """A reading, together with what the device tells about itself."""

    distance_metres: float | None = None
    device_temperature_celsius: float | None = None
    echo_quality: int | None = None
    echo_amplitude: int | None = None
    battery_ratio: float | None = None
    downlink_rssi_dbm: float | None = None
    send_interval_seconds: int | None = None
    firmware_version: str | None = None
    hardware_version: str | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    metres: float | None = None
    celsius: float | None = None
    quality: int | None = None
    amplitude: int | None = None
    flags: tuple[str, ...] = ()


_NOTHING: Final = _Reading()


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample for every frame; the layouts are in README.md."""
    # The port repeats the frame's type on most devices, and the type decides.
    if not 1 <= uplink.f_port <= 223:
        raise UnknownPort(f"port {uplink.f_port} is no application port")
    payload = uplink.payload
    length = len(payload)
    if not length:
        raise Truncated("the frame is empty")
    kind = payload[0]
    expected = _LENGTHS.get(kind)
    if expected is None:
        raise UnknownFrame(f"frame type 0x{kind:02x} is unknown")
    if length < expected:
        raise Truncated(f"the frame has {length} bytes instead of {expected}")
    if payload[1] != 0:
        raise UnknownFrame(f"product 0x{payload[1]:02x} is no TEK766")
    if length > expected:
        raise TrailingBytes(f"the frame has {length} bytes instead of {expected}")
    return _FRAMES[kind](payload)


def _ullage(payload: bytes) -> Sequence[Sample]:
    reading = _reading(payload, _READINGS_AT)
    # The three earlier readings stay out, without a flag: they are in every frame, and nothing is wrong with it.
    return (
        Ullage(
            distance_metres=reading.metres,
            device_temperature_celsius=reading.celsius,
            echo_quality=reading.quality,
            echo_amplitude=reading.amplitude,
            limit_alarms=payload[2],
            flags=reading.flags,
        ),
    )


def _status(payload: bytes) -> Sequence[Sample]:
    reading = _reading(payload, _STATUS_READING_AT)
    flags = reading.flags
    percent = payload[10]
    if percent > 100:
        flags = ("invalid_reading",)
    rssi = payload[8]
    return (
        Status(
            distance_metres=reading.metres,
            device_temperature_celsius=reading.celsius,
            echo_quality=reading.quality,
            echo_amplitude=reading.amplitude,
            battery_ratio=percent / 100 if percent <= 100 else None,
            # The sign is left out in the frame; 0 dBm is not a signal that can be received.
            downlink_rssi_dbm=float(-rssi) if rssi else None,
            send_interval_seconds=payload[13] * 3600,
            firmware_version=str(payload[4] << 8 | payload[5]),
            hardware_version=str(payload[3]),
            flags=flags,
        ),
    )


def _reading(payload: bytes, at: int) -> _Reading:
    if payload[at : at + _READING.size] == _ABSENT:
        return _NOTHING
    centimetres, celsius, echo = _READING.unpack_from(payload, at)
    is_far = centimetres > _HIGH_CENTIMETRES
    is_cold_or_hot = not _COLD <= celsius <= _HOT
    return _Reading(
        metres=None if is_far else centimetres / 100,
        celsius=None if is_cold_or_hot else float(celsius),
        quality=echo >> 4,
        amplitude=echo & 0x0F,
        flags=("invalid_reading",) if is_far or is_cold_or_hot else (),
    )


_FRAMES: Final[Mapping[int, Callable[[bytes], Sequence[Sample]]]] = {
    _MEASUREMENT: _ullage,
    _STATUS: _status,
    _ALARM: _ullage,
}

DECODER: Final = Decoder(
    name="tekelek_tek766",
    version="1.0",
    family="container",
    about="Tekelek TEK766 ultrasonic tank sensor",
    samples=(Ullage, Status),
    decode=decode,
)
