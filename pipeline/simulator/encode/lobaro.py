"""Lobaro's Pressure 26D and Oscar, low byte first, from the maker's payload descriptions."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.simulator.encode.words import signed, unsigned

PRESSURE_PORT: Final = 1
OSCAR_STATUS_PORT: Final = 1
OSCAR_DISTANCE_PORT: Final = 2
_SOUND_METRES_PER_SECOND: Final = 343.0


def pressure_26d(*, pressure_bar: float, temperature_celsius: float, battery_volts: float) -> bytes:
    """Pressure as an IEEE 754 number, temperature in hundredths, battery in millivolts."""
    return struct.pack("<fhH", pressure_bar, signed(temperature_celsius * 100), unsigned(battery_volts * 1000))


class Echo(NamedTuple):
    """What came back, and how clearly: width from 50 and amplitude from 100 on are an echo to trust."""

    distance_metres: float
    width: int
    amplitude: int


def oscar(*, battery_volts: float, temperature_celsius: float, echoes: Sequence[Echo]) -> bytes:
    """Battery, temperature in tenths, and each echo with the time that the sound took there and back."""
    head = struct.pack("<HhB", unsigned(battery_volts * 1000), signed(temperature_celsius * 10), len(echoes))
    return head + b"".join(
        struct.pack(
            "<IHBB",
            unsigned(echo.distance_metres * 1000, 32),
            unsigned(2 * echo.distance_metres / _SOUND_METRES_PER_SECOND * 1e6),
            echo.width,
            echo.amplitude,
        )
        for echo in echoes
    )


def oscar_status(*, firmware: tuple[int, int, int], battery_volts: float, temperature_celsius: float) -> bytes:
    """Firmware, battery, temperature."""
    return bytes(firmware) + struct.pack("<Hh", unsigned(battery_volts * 1000), signed(temperature_celsius * 10))
