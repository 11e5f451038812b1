"""KELLER ADT1 loggers: measurements as IEEE 754 numbers behind a mask of channels, and information about the logger.

From the maker's communication protocol; everything has its highest byte first. A message holds at most five numbers, so
a measurement may take two.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

MEASUREMENT_PORT: Final = 1
INFORMATION_PORT: Final = 4
MOST_NUMBERS: Final = 5

VENTED: Final = 3
"""The connection type of a logger with a pressure probe and a barometer."""
VENTED_WITH_CONDUCTIVITY: Final = 10

_SECONDS_TO_2000: Final = 946_684_800


def measurements(connection: int, numbers: Mapping[int, float]) -> Iterator[bytes]:
    """The messages that bring these numbers, by channel of the connection type."""
    channels = sorted(numbers)
    for begin in range(0, len(channels), MOST_NUMBERS):
        part = channels[begin : begin + MOST_NUMBERS]
        mask = sum(1 << channel for channel in part)
        yield struct.pack(f">BBH{len(part)}f", 0x01, connection, mask, *(numbers[channel] for channel in part))


def information(
    *, serial: int, clock_unix_seconds: int, battery_volts: float, battery_percent: int, humidity_percent: int
) -> bytes:
    """Class and software of the logger, serial number, clock since 2000, battery, humidity in its housing."""
    return struct.pack(
        ">6BIIfBB",
        0x0C,
        0x01,
        19,
        0,
        24,
        38,
        serial,
        clock_unix_seconds - _SECONDS_TO_2000,
        battery_volts,
        battery_percent,
        humidity_percent,
    )
