"""Milesight's sensors: records of channel, type and data, low byte first, from the maker's user guides."""

from __future__ import annotations

import struct
from typing import Final

from pipeline.simulator.encode.words import signed, unsigned

PORT: Final = 85
EM310_UDL_PORT: Final = PORT


def battery(percent: int) -> bytes:
    """A record that most models put in front of their readings."""
    return struct.pack("<BBB", 0x01, 0x75, percent)


def powered_on(*, serial: int, hardware: tuple[int, int], firmware: tuple[int, int]) -> bytes:
    """What a sensor sends after it has joined: power on, versions, serial number, class A."""
    return (
        b"\xff\x0b\xff\xff\x01\x01"
        b"\xff\x16"
        + serial.to_bytes(8, "big")
        + bytes((0xFF, 0x09, hardware[0], hardware[1] << 4, 0xFF, 0x0A, *firmware))
        + b"\xff\x0f\x00"
    )


# -- EM310-UDL ---------------------------------------------------------------------------------------------------


def em310_udl(*, battery_percent: int | None, distance_metres: float, tilted: bool) -> bytes:
    """Battery, distance in whole millimetres and position."""
    charge = b"" if battery_percent is None else battery(battery_percent)
    return charge + struct.pack("<BBHBBB", 0x03, 0x82, unsigned(distance_metres * 1000), 0x04, 0x00, tilted)


# -- EM400-MUD and EM400-TLD -------------------------------------------------------------------------------------


def em400(*, battery_percent: int, temperature_celsius: float, distance_metres: float, tilted: bool) -> bytes:
    """Battery, temperature in tenths, distance in whole millimetres and position."""
    return battery(battery_percent) + struct.pack(
        "<BBhBBHBBB",
        0x03,
        0x67,
        signed(temperature_celsius * 10),
        0x04,
        0x82,
        unsigned(distance_metres * 1000),
        0x05,
        0x00,
        tilted,
    )


def em400_distance_alarm(*, distance_metres: float, on: bool) -> bytes:
    """The distance has passed the limit that the sensor was given, or has come back from it."""
    return struct.pack("<BBHB", 0x84, 0x82, unsigned(distance_metres * 1000), on)


# -- EM500-SWL ---------------------------------------------------------------------------------------------------


def em500_swl(*, depth_metres: float) -> bytes:
    """The water above the probe, in whole centimetres."""
    return struct.pack("<BBH", 0x03, 0x77, unsigned(depth_metres * 100))


def em500_swl_history(*, taken_unix_seconds: int, depth_metres: float) -> bytes:
    """A depth out of the sensor's memory."""
    return struct.pack("<BBIH", 0x20, 0xCE, taken_unix_seconds, unsigned(depth_metres * 100))


# -- WTS506 ------------------------------------------------------------------------------------------------------


def wts506(
    *,
    temperature_celsius: float,
    humidity_ratio: float,
    direction_degrees: float,
    air_hectopascals: float,
    wind_metres_per_second: float,
    rain_total_millimetres: float,
    rain_frames: int,
) -> bytes:
    """All that the station measures; humidity in half percents, the total of rain in hundredths with its own count."""
    return struct.pack(
        "<BBh BBB BBh BBH BBH BBIB".replace(" ", ""),
        *(0x03, 0x67, signed(temperature_celsius * 10)),
        *(0x04, 0x68, unsigned(humidity_ratio * 200, 8)),
        *(0x05, 0x84, signed(direction_degrees * 10)),
        *(0x06, 0x73, unsigned(air_hectopascals * 10)),
        *(0x07, 0x92, unsigned(wind_metres_per_second * 10)),
        *(0x08, 0xEC, unsigned(rain_total_millimetres * 100, 32), min(rain_frames, 255)),
    )


def wts506_history(
    *,
    taken_unix_seconds: int,
    temperature_celsius: float,
    humidity_ratio: float,
    direction_degrees: float,
    air_hectopascals: float,
    wind_metres_per_second: float,
    rain_total_millimetres: float,
) -> bytes:
    """A measurement out of the station's memory, with a total of rain of 32 bits."""
    return struct.pack(
        "<BBIhBHhHI",
        0x21,
        0xCE,
        taken_unix_seconds,
        signed(temperature_celsius * 10),
        unsigned(humidity_ratio * 200, 8),
        unsigned(air_hectopascals * 10),
        signed(direction_degrees * 10),
        unsigned(wind_metres_per_second * 10),
        unsigned(rain_total_millimetres * 100, 32),
    )
