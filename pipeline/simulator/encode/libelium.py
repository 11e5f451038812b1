"""Libelium Smart Parking, versions 2 and 3: eleven bytes, always, from the maker's technical guide."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from pipeline.simulator.encode.words import signed

PORT: Final = 1
"""None is documented."""
_LENGTH: Final = 11


class Kind(IntEnum):
    """The types of frames that the sensor sends by itself."""

    INFORMATION = 0
    KEEP_ALIVE = 1
    DAILY_UPDATE = 2
    FIRST_START = 4
    SECOND_START = 5


def _header(kind: Kind, *, occupied: bool, battery_low: bool) -> int:
    return occupied << 7 | battery_low << 6 | kind


def reading(kind: Kind, *, sequence: int, occupied: bool, battery_low: bool, temperature_celsius: float) -> bytes:
    """An information or a keep-alive: no fault, temperature, the rest is internal."""
    head = _header(kind, occupied=occupied, battery_low=battery_low), sequence & 0xFF
    return bytes((*head, 0, signed(temperature_celsius, 8) & 0xFF)).ljust(_LENGTH, b"\x00")


def notice(kind: Kind, *, sequence: int, occupied: bool, battery_low: bool, firmware: int = 0) -> bytes:
    """A start or a daily update; the first frame of a start holds the firmware's version."""
    head = _header(kind, occupied=occupied, battery_low=battery_low), sequence & 0xFF
    return bytes((*head, firmware)).ljust(_LENGTH, b"\x00")
