"""Bosch TPS110, firmware 0.29: the parking lot sensor's interface description."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

TPS110_STATUS_PORT: Final = 1
TPS110_HEARTBEAT_PORT: Final = 2
TPS110_STARTUP_PORT: Final = 3


def tps110_status(*, occupied: bool) -> bytes:
    """The frame of a change: one byte, bit 0 the state."""
    return b"\x01" if occupied else b"\x00"


def tps110_heartbeat(*, occupied: bool, temperature_celsius: int | None) -> bytes:
    """The state, and the temperature in whole degrees where the firmware knows it."""
    if temperature_celsius is None:
        return tps110_status(occupied=occupied)
    return struct.pack(">Bb", occupied, temperature_celsius)


def tps110_startup(
    *, occupied: bool, firmware: tuple[int, int, int], reset_cause: int, debug_codes: Sequence[int] = ()
) -> bytes:
    """After a start: up to three 12-bit debug codes, firmware, reset cause, state; 17 bytes."""
    words = [*debug_codes, 0, 0, 0][:3]
    return struct.pack("<HxxHxxHxx3B2B", *words, *firmware, reset_cause, occupied)
