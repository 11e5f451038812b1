"""Dragino DDS75-LB ultrasonic sensor: distance, an optional temperature probe, and a log that can be fetched later.

Two distances are none: 0 says that the node finds no ultrasonic module, 20 that the module heard no usable echo.
Source: the maker's public decoders; all numbers have their highest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, InvalidValue, Sample, Truncated, UnknownPort, Uplink
from decoders.dragino import DeviceStatus, device_status, log, wrong_length
from decoders.quantities import QUANTITIES

_MODEL: Final = 0x27

_PLAIN: Final = struct.Struct(">HHBhB")
_TRAILER: Final = struct.Struct(">BhB")
_RECORD: Final = struct.Struct(">HHhBI")

_DISTANCES_AT: Final = 8
_MOST_DISTANCES: Final = 20
_SHORTEST_LIST: Final = _DISTANCES_AT + 2 + _TRAILER.size
_LONGEST_LIST: Final = _DISTANCES_AT + 2 * _MOST_DISTANCES + _TRAILER.size

_NO_SENSOR: Final = 0
_NO_ECHO: Final = 20
_NO_PROBE: Final = 0x7FFF

_LIST_BIT: Final = 0x1000
_HIGHEST_MILLIVOLTS: Final = 5_000
"""More than any battery of this device has."""

_COLD: Final = QUANTITIES["content_temperature_celsius"].low
_HOT: Final = QUANTITIES["content_temperature_celsius"].high


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance(Sample):
    """What the sensor measured; the fill level itself follows from the container's height."""

    distance_metres: float | None = None
    sensor_connected: bool | None = None
    content_temperature_celsius: float | None = None
    interrupt_event: bool | None = None
    battery_volts: float | None = None


_CLOCK_NOT_SET: Final = Distance(flags=("clock_not_set",))
_UNPLACED: Final = (Distance(flags=("history_unplaced",)),)


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or one for each distance or record; the frames are in README.md."""
    frame = _FRAMES.get(uplink.f_port)
    if frame is None:
        raise UnknownPort(f"a DDS75 sends on ports 2, 3, 5 and 6, not on {uplink.f_port}")
    return frame(uplink.payload)


def _measurement(payload: bytes) -> Sequence[Sample]:
    # Eight bytes are the plain frame whatever the bit says, since a lithium-ion battery above 4.095 V sets it too.
    if len(payload) != _PLAIN.size:
        if len(payload) > _PLAIN.size and payload[0] << 8 & _LIST_BIT:
            return _list(payload)
        raise wrong_length(payload, _PLAIN.size)
    word, millimetres, interrupt, tenths, found = _PLAIN.unpack(payload)
    # The two highest bits are flags of the node.
    millivolts = word & 0x3FFF
    if word & _LIST_BIT and millivolts > _HIGHEST_MILLIVOLTS:
        raise Truncated("the frame announces a list of distances and ends before it")
    metres, flags = _metres(millimetres)
    celsius = _celsius(tenths)
    if interrupt > 1 or found > 1 or (celsius is None and tenths != _NO_PROBE):
        flags = ("invalid_reading", *flags)
    return (
        Distance(
            distance_metres=metres,
            sensor_connected=_connected(found, millimetres),
            content_temperature_celsius=celsius,
            interrupt_event=interrupt == 1 if interrupt <= 1 else None,
            battery_volts=millivolts / 1000,
            flags=flags,
        ),
    )


def _list(payload: bytes) -> Sequence[Sample]:
    length = len(payload)
    if length < _SHORTEST_LIST:
        raise wrong_length(payload, _SHORTEST_LIST)
    if length > _LONGEST_LIST:
        raise wrong_length(payload, _LONGEST_LIST)
    if length % 2:
        raise Truncated(f"the frame has {length} bytes: it ends inside a distance")
    interrupt, tenths, found = _TRAILER.unpack_from(payload, length - _TRAILER.size)
    # Where the trailer is follows from the length alone: one that is no trailer shows that the frame has been misread.
    if interrupt > 1 or found > 1:
        raise InvalidValue(f"interrupt flag {interrupt} and sensor flag {found} must be 0 or 1")
    count = (length - _DISTANCES_AT - _TRAILER.size) // 2
    first, *others = struct.unpack_from(f">{count}H", payload, _DISTANCES_AT)
    metres, flags = _metres(first)
    celsius = _celsius(tenths)
    if celsius is None and tenths != _NO_PROBE:
        flags = ("invalid_reading", *flags)
    samples = [
        Distance(
            distance_metres=metres,
            sensor_connected=_connected(found, max(first, *others, 0)),
            content_temperature_celsius=celsius,
            interrupt_event=interrupt == 1,
            battery_volts=(payload[0] << 8 & 0x0F00 | payload[1]) / 1000,
            flags=flags,
        )
    ]
    for channel, millimetres in enumerate(others, 1):
        metres, flags = _metres(millimetres)
        samples.append(Distance(distance_metres=metres, channel=channel, flags=flags))
    return samples


def _log(payload: bytes) -> Sequence[Sample]:
    return log(payload, _RECORD, _logged, _CLOCK_NOT_SET)


def _logged(record: tuple[int, ...]) -> Distance:
    word, millimetres, tenths, bits, time = record
    metres, flags = _metres(millimetres)
    celsius = _celsius(tenths)
    if celsius is None and tenths != _NO_PROBE:
        flags = ("invalid_reading", *flags)
    return Distance(
        taken_unix_seconds=time,
        distance_metres=metres,
        sensor_connected=_connected(bits >> 1 & 1, millimetres),
        content_temperature_celsius=celsius,
        interrupt_event=bits & 1 == 1,
        battery_volts=(word & 0x3FFF) / 1000,
        flags=flags,
    )


def _status(payload: bytes) -> Sequence[Sample]:
    return device_status(payload, _MODEL)


def _bare_values(payload: bytes) -> Sequence[Sample]:
    """Distances of the detection mode, without their times."""
    if not payload or len(payload) % 2:
        raise Truncated(f"the frame has {len(payload)} bytes, a value 2")
    return _UNPLACED


def _metres(millimetres: int) -> tuple[float | None, tuple[str, ...]]:
    if millimetres == _NO_SENSOR:
        return None, ("sensor_fault",)
    if millimetres == _NO_ECHO:
        return None, ("no_echo",)
    return millimetres / 1000, ()


def _celsius(tenths: int) -> float | None:
    celsius = tenths / 10
    return celsius if tenths != _NO_PROBE and _COLD <= celsius <= _HOT else None


def _connected(found: int, millimetres: int) -> bool | None:
    """Whether the node finds its ultrasonic module.

    A distance that was measured while the flag says that there is no module is a contradiction, so nothing is said.
    """
    if millimetres == _NO_SENSOR:
        return False
    if found == 1:
        return True
    return False if found == 0 and millimetres == _NO_ECHO else None


_FRAMES: Final[Mapping[int, Callable[[bytes], Sequence[Sample]]]] = {
    2: _measurement,
    3: _log,
    5: _status,
    6: _bare_values,
}

DECODER: Final = Decoder(
    name="dragino_dds75",
    version="1.0",
    family="container",
    about="Dragino DDS75-LB and LDDS75 ultrasonic distance sensors",
    samples=(Distance, DeviceStatus),
    decode=decode,
)
