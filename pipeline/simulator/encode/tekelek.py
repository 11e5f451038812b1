"""Tekelek TEK766 tank sensor: measurement, alarm and status with readings of four bytes, high byte first.

From a public parser and the real frames in its tests.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.simulator.encode.words import signed, unsigned

MEASUREMENT_PORT: Final = 0x10
STATUS_PORT: Final = 0x30
ALARM_PORT: Final = 0x45

MEASUREMENT_READINGS: Final = 4
ALARM_READINGS: Final = 2


class Reading(NamedTuple):
    """A distance to the content with the echo's quality and strength, 0 to 10 each."""

    distance_metres: float
    temperature_celsius: float
    quality: int
    strength: int


def _reading(reading: Reading) -> bytes:
    return struct.pack(
        ">HbB",
        unsigned(reading.distance_metres * 100),
        signed(reading.temperature_celsius, 8),
        reading.quality << 4 | reading.strength,
    )


def _readings(readings: Sequence[Reading], places: int) -> bytes:
    """Newest first; a place without a reading is all zeros."""
    return b"".join(_reading(each) for each in readings[:places]).ljust(4 * places, b"\x00")


def measurement(readings: Sequence[Reading], *, limits: int) -> bytes:
    """Up to four readings, newest first; `limits` has a bit for each limit that is passed."""
    return bytes((MEASUREMENT_PORT, 0, limits, 0)) + _readings(readings, MEASUREMENT_READINGS)


def alarm(readings: Sequence[Reading], *, limits: int) -> bytes:
    """A limit has been passed: up to two readings, newest first."""
    return bytes((ALARM_PORT, 0, limits, 0)) + _readings(readings, ALARM_READINGS)


def status(
    reading: Reading,
    *,
    hardware: int,
    software: int,
    rssi_dbm: int,
    battery_percent: int,
    step_minutes: int,
    interval_hours: int,
) -> bytes:
    """Versions, signal strength without its sign, battery, how often it measures and sends, a reading."""
    head = struct.pack(
        ">BBxBHxxBxBHB", STATUS_PORT, 0, hardware, software, -rssi_dbm, battery_percent, step_minutes, interval_hours
    )
    return head + _reading(reading)
