"""Nwave NPS405SM and NPS310SM parking sensors: one frame type per port, from the maker's application protocol."""

from __future__ import annotations

import struct
from typing import Final

from pipeline.simulator.encode.words import signed, unsigned

STATUS_PORT: Final = 1
HEARTBEAT_PORT: Final = 2
STARTUP_PORT: Final = 3
REGISTRATION_PORT: Final = 10
POWER_ON: Final = 2


def duration_code(minutes: int) -> int:
    """How long the last state lasted, in 7 bits: by minutes, then by five of them, then by hours, then "long"."""
    if minutes < 90:
        return minutes
    if minutes < 240:
        return 90 + (minutes - 90) // 5
    if minutes < 660:
        return 120 + (minutes - 240) // 60
    return 127


def nps405_status(*, occupied: bool, previous_minutes: int) -> bytes:
    """The frame of a change: one byte, the state in its lowest bit."""
    return bytes((duration_code(previous_minutes) << 1 | occupied,))


def nps405_heartbeat(*, occupied: bool, battery_volts: float, temperature_celsius: float) -> bytes:
    """State, battery in steps of 4 mV above 2.5 V, temperature in half degrees around 10; no part is faulty."""
    battery = unsigned((battery_volts - 2.5) * 250, 8)
    return struct.pack(">BBb3x", occupied, battery, signed((temperature_celsius - 10.0) * 2, 8))


def nps405_registration(*, tag: int, previous_minutes: int) -> bytes:
    """A user has registered a tag in a bay that is occupied."""
    return nps405_status(occupied=True, previous_minutes=previous_minutes) + struct.pack(">I", tag)


def nps310_state(*, occupied: bool) -> bytes:
    """Status and heartbeat alike: one byte, the state in its lowest bit."""
    return bytes((occupied,))


def startup(*, occupied: bool, firmware: tuple[int, int, int], cause: int) -> bytes:
    """After a start, the same in both models: firmware, cause, state."""
    return bytes((*firmware, cause, occupied))
