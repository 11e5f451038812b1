"""Pepperl+Fuchs WILSEN.sonic.level: records of length, id and data, high byte first, from the maker's guide."""

from __future__ import annotations

import struct
from typing import Final

from pipeline.simulator.encode.words import signed, unsigned

PORT: Final = 1


def _record(name: int, data: bytes) -> bytes:
    return struct.pack(">BH", 2 + len(data), name) + data


def distance_in_centimetres(metres: float) -> bytes:
    """The distance as most of these sensors send it."""
    return _record(0x0B01, struct.pack(">H", unsigned(metres * 100)))


def distance_in_millimetres(metres: float) -> bytes:
    """The distance of a sensor with the finer resolution."""
    return _record(0x0B02, struct.pack(">H", unsigned(metres * 1000)))


def measurement(distance: bytes, *, fill_ratio: float, temperature_celsius: float, battery_volts: float) -> bytes:
    """The first of its three frames: distance, fill level in percent, temperature; the battery is the last record."""
    return (
        distance
        + _record(0x0B06, bytes((min(100, unsigned(fill_ratio * 100, 8)),)))
        + _record(0x0201, struct.pack(">f", temperature_celsius))
        + battery(battery_volts)
    )


def battery(volts: float) -> bytes:
    """In tenths of a volt."""
    return _record(0x5101, bytes((unsigned(volts * 10, 8),)))


def position(*, latitude_degrees: float, longitude_degrees: float) -> bytes:
    """What the second frame has in addition."""
    return _record(0x5001, struct.pack(">i", signed(latitude_degrees * 1e6, 32))) + _record(
        0x5002, struct.pack(">i", signed(longitude_degrees * 1e6, 32))
    )


def counters(*, serial: str, transmissions: int, fixes: int, measurements: int, battery_volts: float) -> bytes:
    """The third frame: serial number in 14 characters, counters, battery."""
    return (
        _record(0x2A25, serial.encode("ascii")[:14].ljust(14, b"\x00"))
        + _record(0x3101, struct.pack(">H", transmissions & 0xFFFF))
        + _record(0x3102, struct.pack(">H", fixes & 0xFFFF))
        + _record(0x3103, struct.pack(">I", measurements))
        + battery(battery_volts)
    )
