"""Axioma Qalcosonic W1 water meter: volumes in its three layouts, and alarms; low byte first.

From the layouts that public parsers describe. A volume is in whole litres; what is logged is the volume at one full
hour and how much each hour after it has added.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntFlag
from typing import Final

from pipeline.simulator.encode.words import signed

VOLUME_PORT: Final = 100
ALARM_PORT: Final = 103

ENHANCED_HOURS: Final = 23
EXTENDED_HOURS: Final = 15
_INCREMENT_BITS: Final = 14


class Status(IntFlag):
    """The meter's state; the highest three bits are one number, of which 1 is a leak."""

    BATTERY_LOW = 0x04
    LEAK = 0x20


class Alarm(IntFlag):
    """What an alarm is about."""

    LEAK = 0x01


def enhanced(*, clock_seconds: int, status: Status, log_litres: int, increments_litres: Sequence[int]) -> bytes:
    """Yesterday at one o'clock and the 23 hours after it, each in 14 bits, lowest first; the multiplier is 0."""
    field = sum(litres << _INCREMENT_BITS * hour for hour, litres in enumerate(increments_litres))
    return struct.pack("<BIBI", 0x01, clock_seconds, status, log_litres) + field.to_bytes(41, "little")


def extended(
    *,
    clock_seconds: int,
    status: Status,
    litres: int,
    log_seconds: int,
    log_litres: int,
    increments_litres: Sequence[int],
    water_celsius: float | None = None,
) -> bytes:
    """The volume of now, the water's temperature in hundredths where the meter is set to it, and the log."""
    return (
        struct.pack("<IBI", clock_seconds, status, litres)
        + (b"" if water_celsius is None else struct.pack("<h", signed(water_celsius * 100)))
        + struct.pack(f"<II{len(increments_litres)}H", log_seconds, log_litres, *increments_litres)
    )


def alarm(*, clock_seconds: int, about: Alarm) -> bytes:
    """Something has begun that somebody should look at."""
    return struct.pack("<IB", clock_seconds, about)
