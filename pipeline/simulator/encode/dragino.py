"""Dragino's PS-LB (4 to 20 mA probe) and DDS75-LB (ultrasound), high byte first, from the maker's public notes."""

from __future__ import annotations

import struct
from typing import Final

from pipeline.simulator.encode.words import signed, unsigned

MEASUREMENT_PORT: Final = 2
LOG_PORT: Final = 3
STATUS_PORT: Final = 5

PS_LB: Final = 0x16
DDS75: Final = 0x27
_EU868: Final = 1
_NO_SUB_BAND: Final = 0xFF

BLIND_METRES: Final = 0.28
"""Nearer than this the DDS75 says 20 mm, whatever is there."""
_BLIND_MILLIMETRES: Final = 20


def device_status(model: int, *, firmware: tuple[int, int, int], battery_volts: float) -> bytes:
    """What a node sends after it has joined; the version takes three half bytes."""
    major, minor, patch = firmware
    return struct.pack(">5BH", model, major, minor << 4 | patch, _EU868, _NO_SUB_BAND, unsigned(battery_volts * 1000))


def loop_microamperes(depth_metres: float, range_metres: int) -> int:
    """The current by which a level probe tells a depth: 4 mA for none, 20 mA for its whole range."""
    return unsigned(4000 + depth_metres / range_metres * 16_000)


def ps_lb(*, battery_volts: float, depth_metres: float, range_metres: int) -> bytes:
    """A level probe's current; nothing is wired to the inputs."""
    current = loop_microamperes(depth_metres, range_metres)
    return struct.pack(">HBBHHB", unsigned(battery_volts * 1000), 0, range_metres, current, 0, 0)


def ps_lb_record(*, taken_unix_seconds: int, depth_metres: float, range_metres: int) -> bytes:
    """A record of the log; unlike in a measurement the voltage comes before the current."""
    current = loop_microamperes(depth_metres, range_metres)
    return struct.pack(">BBHHBI", 0, range_metres, 0, current, 0, taken_unix_seconds)


def dds75_millimetres(distance_metres: float) -> int:
    """The distance as the sensor tells it."""
    return _BLIND_MILLIMETRES if distance_metres < BLIND_METRES else unsigned(distance_metres * 1000)


def dds75(*, battery_volts: float, distance_metres: float, temperature_celsius: float) -> bytes:
    """Battery, distance, no interrupt, temperature at the probe in tenths, module found."""
    return struct.pack(
        ">HHBhB",
        unsigned(battery_volts * 1000, 12),
        dds75_millimetres(distance_metres),
        0,
        signed(temperature_celsius * 10),
        1,
    )


def dds75_record(
    *, battery_volts: float, distance_metres: float, temperature_celsius: float, taken_unix_seconds: int
) -> bytes:
    """A record of the log; bit 1 says that the module was found."""
    return struct.pack(
        ">HHhBI",
        unsigned(battery_volts * 1000, 12),
        dds75_millimetres(distance_metres),
        signed(temperature_celsius * 10),
        0x02,
        taken_unix_seconds,
    )
