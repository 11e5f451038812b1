"""Lobaro Oscar ultrasonic sensor: the echoes it heard, of which the distance is made, and its own state.

The sensor reports every object it hears. Weak or short echoes are noise; the distance is the median of the others.
Everything has its lowest byte first. Source: the maker's published decoder and README.md.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, TrailingBytes, Truncated, UnknownPort, Uplink
from decoders.quantities import QUANTITIES

_HEADER: Final = struct.Struct("<HhB")
_ECHO: Final = struct.Struct("<IHBB")
_STATE: Final = struct.Struct("<BBBHh")
_STATE_WITH_FLAGS: Final = struct.Struct("<BBBxHh")

# What an echo must have at least to count; the maker names the amplitude, an integrator's parser both.
_WIDTH: Final = 50
_AMPLITUDE: Final = 100

_FARTHEST: Final = QUANTITIES["distance_metres"].high
_HIGH_VOLTS: Final = QUANTITIES["battery_volts"].high
_COLD: Final = QUANTITIES["device_temperature_celsius"].low
_HOT: Final = QUANTITIES["device_temperature_celsius"].high


@dataclass(frozen=True, slots=True, kw_only=True)
class FillLevel(Sample):
    """What the sensor measured or tells about itself; the fill level follows from the container's height."""

    distance_metres: float | None = None
    device_temperature_celsius: float | None = None
    battery_volts: float | None = None
    firmware_version: str | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample for every frame."""
    if uplink.f_port == 2:
        return (_measurement(uplink.payload),)
    if uplink.f_port == 1:
        return (_status(uplink.payload),)
    raise UnknownPort(f"the sensor sends on ports 1 and 2, not on {uplink.f_port}")


def _measurement(payload: bytes) -> FillLevel:
    length = len(payload)
    if length < _HEADER.size:
        raise Truncated(f"the frame has {length} bytes, its header {_HEADER.size}")
    millivolts, tenths, echoes = _HEADER.unpack_from(payload)
    expected = _HEADER.size + echoes * _ECHO.size
    if length < expected:
        raise Truncated(f"the frame has {length} bytes instead of {expected}")
    if length > expected:
        raise TrailingBytes(f"the frame has {length} bytes instead of {expected}")
    flags: set[str] = set()
    metres = _distance(payload, flags)
    return FillLevel(
        distance_metres=metres,
        device_temperature_celsius=_celsius(tenths, flags),
        battery_volts=_volts(millivolts, flags),
        flags=tuple(sorted(flags)) if flags else (),
    )


def _distance(payload: bytes, flags: set[str]) -> float | None:
    good = []
    for at in range(_HEADER.size, len(payload), _ECHO.size):
        # The time of flight says the same as the distance.
        millimetres, _, width, amplitude = _ECHO.unpack_from(payload, at)
        if width >= _WIDTH and amplitude >= _AMPLITUDE:
            good.append(millimetres)
    if not good:
        flags.add("no_echo")
        return None
    good.sort()
    # The middle one, or the mean of the two in the middle, in whole millimetres.
    metres: float = (good[(len(good) - 1) // 2] + good[len(good) // 2]) // 2 / 1000
    if metres > _FARTHEST:
        flags.add("invalid_reading")
        return None
    return metres


def _status(payload: bytes) -> FillLevel:
    length = len(payload)
    # Two layouts are published: with a byte of flags behind the version, and without.
    if length == _STATE.size:
        major, minor, patch, millivolts, tenths = _STATE.unpack(payload)
    elif length == _STATE_WITH_FLAGS.size:
        major, minor, patch, millivolts, tenths = _STATE_WITH_FLAGS.unpack(payload)
    elif length < _STATE.size:
        raise Truncated(f"the frame has {length} bytes instead of 7 or 8")
    else:
        raise TrailingBytes(f"the frame has {length} bytes instead of 7 or 8")
    flags: set[str] = set()
    return FillLevel(
        device_temperature_celsius=_celsius(tenths, flags),
        battery_volts=_volts(millivolts, flags),
        firmware_version=f"{major}.{minor}.{patch}",
        flags=tuple(sorted(flags)) if flags else (),
    )


def _celsius(tenths: int, flags: set[str]) -> float | None:
    celsius = tenths / 10
    if _COLD <= celsius <= _HOT:
        return celsius
    flags.add("invalid_reading")
    return None


def _volts(millivolts: int, flags: set[str]) -> float | None:
    volts = millivolts / 1000
    if volts <= _HIGH_VOLTS:
        return volts
    flags.add("invalid_reading")
    return None


DECODER: Final = Decoder(
    name="lobaro_oscar",
    version="1.0",
    family="container",
    about="Lobaro Oscar ultrasonic distance sensor",
    samples=(FillLevel,),
    decode=decode,
)
