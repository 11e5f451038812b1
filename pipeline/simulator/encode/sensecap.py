"""SenseCAP S2120 weather station: records of one byte that names them and data of fixed length, high byte first.

From the maker's user guide; newer firmware sends records 4A and 4B in place of 01 and 02, and 4C besides.
"""

from __future__ import annotations

import struct
from typing import Final

from pipeline.simulator.encode.words import signed, unsigned

PORT: Final = 3


def sky(
    *,
    newer: bool,
    temperature_celsius: float,
    humidity_percent: float,
    illuminance_lux: float,
    uv_index: float,
    wind_metres_per_second: float,
) -> bytes:
    """Temperature and wind in tenths, humidity in whole percents, light, ultraviolet in tenths."""
    return struct.pack(
        ">BhBIBH",
        0x4A if newer else 0x01,
        signed(temperature_celsius * 10),
        unsigned(humidity_percent, 8),
        unsigned(illuminance_lux, 32),
        unsigned(uv_index * 10, 8),
        unsigned(wind_metres_per_second * 10),
    )


def wind_and_rain(
    *, newer: bool, direction_degrees: float, rain_millimetres_per_hour: float, air_hectopascals: float
) -> bytes:
    """Direction in whole degrees, intensity of rain in thousandths, pressure in tens of pascals."""
    return struct.pack(
        ">BHIH",
        0x4B if newer else 0x02,
        unsigned(direction_degrees),
        unsigned(rain_millimetres_per_hour * 1000, 32),
        unsigned(air_hectopascals * 10),
    )


def gust_and_total(*, gust_metres_per_second: float, rain_total_millimetres: float) -> bytes:
    """The strongest wind in tenths, accumulated rain in thousandths; newer firmware only."""
    return struct.pack(">BHI", 0x4C, unsigned(gust_metres_per_second * 10), unsigned(rain_total_millimetres * 1000, 32))


def device(
    *, battery_percent: int, hardware: tuple[int, int], firmware: tuple[int, int], interval_minutes: int
) -> bytes:
    """What the station says of itself after a start; it has no satellite receiver, yet an interval for it."""
    return struct.pack(">BB4BHH", 0x04, battery_percent, *hardware, *firmware, interval_minutes, interval_minutes)


def battery(percent: int) -> bytes:
    """The battery, which knows two states only: good and empty."""
    return bytes((0x03, percent))
