"""PNI PlacePod parking sensor: records of channel, type and data, high byte first, from the maker's protocol."""

from __future__ import annotations

import struct
from typing import Final

from pipeline.simulator.encode.words import signed

PORT: Final = 1
"""None is documented; the sensor is heard on several."""


def temperature(celsius: float) -> bytes:
    """A record of the temperature, in tenths."""
    return b"\x02\x67" + struct.pack(">h", signed(celsius * 10))


def battery(volts: float) -> bytes:
    """A record of the battery, in hundredths of a volt."""
    return b"\x03\x02" + struct.pack(">h", signed(volts * 100))


def change(*, occupied: bool) -> bytes:
    """A record of a change."""
    return bytes((0x15, 0x66, occupied))


def keep_alive(*, occupied: bool) -> bytes:
    """A record that says that nothing has changed."""
    return bytes((0x37, 0x66, occupied))
