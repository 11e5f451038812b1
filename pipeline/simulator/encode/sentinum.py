"""Sentinum Apollon-Q: a head of nine bytes and the blocks that the device was ordered with, high byte first.

From the layout that a public decoder of payload version 1 describes.
"""

from __future__ import annotations

import struct
from typing import Final

from pipeline.simulator.encode.words import unsigned

PORT: Final = 1
_MODULE_AND_MAJOR: Final = 0x11
_MINOR: Final = 2

LASER: Final = 0x1
RADAR: Final = 0x2
ACCELEROMETER: Final = 0x4
LID_SWITCH: Final = 0x8


def head(
    *, blocks: int, sequence: int, battery_volts: float, temperature_celsius: float, distance_metres: float
) -> bytes:
    """What every frame begins with; no alarm. The distance is the one that the device decided on."""
    return struct.pack(
        ">BBBHBBH",
        _MODULE_AND_MAJOR,
        _MINOR << 4 | blocks,
        sequence & 0xFF,
        unsigned(battery_volts * 1000),
        unsigned(temperature_celsius + 128, 8),
        0,
        unsigned(distance_metres * 1000),
    )


def laser(*, distance_metres: float) -> bytes:
    """A good measurement in the shortest range."""
    return struct.pack(">BHB", 0, unsigned(distance_metres * 1000), 0)


def radar(*, distance_metres: float, amplitude: int) -> bytes:
    """One echo, and the places of two more that hold nothing."""
    return struct.pack(">BBHh8x", 1, 1, unsigned(distance_metres * 1000), amplitude)


def accelerometer(*, orientation: int, lid_open: bool, openings: int) -> bytes:
    """The lid as its position tells it; no blow was felt."""
    return struct.pack(">BBBHB", 0, orientation, lid_open, openings & 0xFFFF, 0)


def lid_switch(*, lid_open: bool, openings: int) -> bytes:
    """The lid as a magnet tells it."""
    return struct.pack(">BH", lid_open, openings & 0xFFFF)
