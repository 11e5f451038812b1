"""Sentinum Apollon-Q and Apollon-Zeta: distance by laser and radar, lid and battery, in one frame.

A header with the distance is followed by a block for each sensor that the product has; the header tells which.
Sources: the maker's payload description and README.md; all numbers have their highest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, TrailingBytes, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.quantities import QUANTITIES

_HEADER: Final = struct.Struct(">BBBHBBH")
_LASER: Final = struct.Struct(">BHB")
_RADAR: Final = struct.Struct(">BBHhHhHh")
_ACCELEROMETER: Final = struct.Struct(">BBBHB")
_HALL: Final = struct.Struct(">BH")

_BLOCKS: Final = ((1, _LASER), (2, _RADAR), (4, _ACCELEROMETER), (8, _HALL))

# By the option bits: the bytes of a frame.
_LENGTHS: Final = tuple(
    _HEADER.size + sum(layout.size for bit, layout in _BLOCKS if options & bit) for options in range(16)
)

# Module 1, major version 1.
_MODULE: Final = 0x11
_KNOWN_MINOR: Final = 2
_VERSIONS: Final = tuple(f"1.{minor}" for minor in range(16))

_LASER_CHANNEL: Final = 1
_RADAR_CHANNEL: Final = 2

# The maker's range of the battery.
_EMPTY_MILLIVOLTS: Final = 4_400
_FULL_MILLIVOLTS: Final = 6_000

_HIGH_MILLIVOLTS: Final = QUANTITIES["battery_volts"].high * 1000
_COLD: Final = QUANTITIES["device_temperature_celsius"].low
_HOT: Final = QUANTITIES["device_temperature_celsius"].high

_Fields = dict[str, float | int | bool | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container(Sample):
    """The device itself: the distance that it decided on, the lid, the battery."""

    distance_metres: float | None = None
    lid_open: bool | None = None
    lid_openings_count: int | None = None
    impact_count: int | None = None
    orientation_code: int | None = None
    device_alarm: bool | None = None
    device_temperature_celsius: float | None = None
    battery_volts: float | None = None
    battery_ratio: float | None = None
    frame_sequence: int | None = None
    firmware_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo(Sample):
    """One echo: of the laser (channel 1), or one of the radar's three strongest (channels 2 to 4)."""

    distance_metres: float | None = None
    echo_amplitude: int | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """The device first, then each echo."""
    if uplink.f_port != 1:
        raise UnknownPort(f"an Apollon sends its measurements on port 1, not on {uplink.f_port}")
    payload = uplink.payload
    if len(payload) < _HEADER.size:
        raise Truncated(f"the frame has {len(payload)} bytes, its header {_HEADER.size}")
    module, version, sequence, millivolts, temperature, alarm, millimetres = _HEADER.unpack_from(payload)
    if module != _MODULE:
        raise UnknownFrame(f"module {module >> 4} of version {module & 15} instead of module 1 of version 1")
    flags: set[str] = set()
    options = version & 0x0F
    minor = version >> 4
    _check_length(len(payload), options, minor, flags)
    found: _Fields = {}
    if millivolts <= _HIGH_MILLIVOLTS:
        found["battery_volts"] = millivolts / 1000
        charge = min(max(millivolts, _EMPTY_MILLIVOLTS), _FULL_MILLIVOLTS) - _EMPTY_MILLIVOLTS
        found["battery_ratio"] = charge / (_FULL_MILLIVOLTS - _EMPTY_MILLIVOLTS)
    else:
        flags.add("invalid_reading")
    celsius = temperature - 128
    if _COLD <= celsius <= _HOT:
        found["device_temperature_celsius"] = float(celsius)
    else:
        flags.add("invalid_reading")
    echoes: list[Echo] = []
    at = _HEADER.size
    if options & 1:
        status, distance, _ = _LASER.unpack_from(payload, at)
        echoes.append(_laser(status, distance))
        at += _LASER.size
    if options & 2:
        echoes += _radar(_RADAR.unpack_from(payload, at))
        at += _RADAR.size
    if options & 4:
        _accelerometer(_ACCELEROMETER.unpack_from(payload, at), found, flags)
        at += _ACCELEROMETER.size
    if options & 8:
        # A switch at the lid knows better than what the accelerometer makes of the lid's position.
        is_open, openings = _HALL.unpack_from(payload, at)
        _lid(is_open, openings, found, flags)
    metres, suspicious = _metres(millimetres)
    flags.update(suspicious)
    device = Container(
        distance_metres=metres,
        device_alarm=alarm != 0,
        frame_sequence=sequence,
        firmware_version=_VERSIONS[minor],
        flags=tuple(sorted(flags)),
        **found,  # type: ignore[arg-type]  # each block knows its own fields' types
    )
    return (device, *echoes)


def _check_length(length: int, options: int, minor: int, flags: set[str]) -> None:
    expected = _LENGTHS[options]
    if length < expected:
        raise Truncated(f"the frame has {length} bytes instead of {expected}")
    if length > expected:
        # By the maker's rule a higher minor version may add to the end of the frame what older decoders ignore.
        if minor <= _KNOWN_MINOR:
            raise TrailingBytes(f"the frame has {length} bytes instead of {expected}")
        flags.add("unknown_record")


def _laser(status: int, millimetres: int) -> Echo:
    # Any status but 0 says that the light that came back is not good enough; there is a number all the same.
    if status:
        return Echo(channel=_LASER_CHANNEL, flags=("no_echo",))
    metres, flags = _metres(millimetres)
    return Echo(channel=_LASER_CHANNEL, distance_metres=metres, flags=flags)


def _radar(block: tuple[int, ...]) -> list[Echo]:
    """As many echoes as the radar found; the places behind them hold nothing."""
    echoes = []
    for place in range(min(block[1], 3)):
        millimetres, amplitude = block[2 + 2 * place : 4 + 2 * place]
        metres, flags = _metres(millimetres)
        echoes.append(
            Echo(channel=_RADAR_CHANNEL + place, distance_metres=metres, echo_amplitude=amplitude, flags=flags)
        )
    return echoes


def _accelerometer(block: tuple[int, ...], found: _Fields, flags: set[str]) -> None:
    status, orientation, is_open, openings, impacts = block
    if status:
        flags.add("sensor_fault")
        return
    found["orientation_code"] = orientation
    found["impact_count"] = impacts
    _lid(is_open, openings, found, flags)


def _lid(is_open: int, openings: int, found: _Fields, flags: set[str]) -> None:
    if is_open <= 1:
        found["lid_open"] = is_open == 1
    else:
        flags.add("invalid_reading")
    found["lid_openings_count"] = openings


def _metres(millimetres: int) -> tuple[float | None, tuple[str, ...]]:
    # 0 may be a container filled to the brim; 65.535 m is far beyond what the sensors can see.
    if millimetres == 0:
        return 0.0, ("suspicious_distance",)
    if millimetres == 0xFFFF:
        return None, ("suspicious_distance",)
    return millimetres / 1000, ()


DECODER: Final = Decoder(
    name="sentinum_apollon",
    version="1.0",
    family="container",
    about="Sentinum Apollon-Q and Apollon-Zeta fill-level sensors, payload version 1",
    samples=(Container, Echo),
    decode=decode,
)
