"""Decentlab's devices, protocol version 2: the words of the sensor groups that a frame names.

From the maker's data sheets. Words are u16 with the high byte first; most readings have their zero in the middle of
the word.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.simulator.encode.words import unsigned

PORT: Final = 1
DL_PR26_PORT: Final = PORT
_VERSION: Final = 2
_MIDDLE: Final = 32_768


def _frame(device_id: int, sensor: Sequence[int] | None, battery_volts: float | None) -> bytes:
    """Group 0 is the sensor, group 1 the battery; a group that is None is left out."""
    groups: Iterable[Sequence[int] | None] = (
        sensor,
        None if battery_volts is None else (unsigned(battery_volts * 1000),),
    )
    flags = 0
    words: list[int] = []
    for bit, group in enumerate(groups):
        if group is not None:
            flags |= 1 << bit
            words += group
    return struct.pack(f">BHH{len(words)}H", _VERSION, device_id, flags, *words)


def _around_middle(value: float, counts_per_unit: float) -> int:
    return unsigned(value * counts_per_unit + _MIDDLE)


def dl_pr26(
    *,
    device_id: int,
    pressure_bar: float | None,
    temperature_celsius: float | None,
    battery_volts: float | None,
    pressure_min_bar: float = 0.0,
    pressure_max_bar: float = 1.0,
) -> bytes:
    """Pressure and temperature, and the battery; a group with a None is left out."""
    sensor = None
    if pressure_bar is not None and temperature_celsius is not None:
        span = pressure_max_bar - pressure_min_bar
        sensor = (
            unsigned((pressure_bar - pressure_min_bar) / span * 32768 + 16384),
            unsigned((temperature_celsius + 50.0) / 0.003125 + 384),
        )
    return _frame(device_id, sensor, battery_volts)


def dl_pr36(
    *,
    device_id: int,
    pressure_bar: float,
    temperature_celsius: float,
    battery_volts: float,
    counts_per_bar: float,
) -> bytes:
    """Pressure and temperature, and the battery."""
    sensor = _around_middle(pressure_bar, counts_per_bar), _around_middle(temperature_celsius, 256)
    return _frame(device_id, sensor, battery_volts)


def dl_pr36ctd(
    *,
    device_id: int,
    pressure_bar: float,
    electronics_celsius: float,
    water_celsius: float,
    millisiemens_per_centimetre: float,
    battery_volts: float,
    counts_per_bar: float,
    counts_per_millisiemens_per_centimetre: float,
) -> bytes:
    """Pressure, two temperatures and conductivity, and the battery."""
    sensor = (
        _around_middle(pressure_bar, counts_per_bar),
        _around_middle(electronics_celsius, 256),
        _around_middle(water_celsius, 256),
        _around_middle(millisiemens_per_centimetre, counts_per_millisiemens_per_centimetre),
    )
    return _frame(device_id, sensor, battery_volts)


def dl_ctd10(
    *,
    device_id: int,
    depth_metres: float,
    temperature_celsius: float,
    microsiemens_per_centimetre: float,
    freezing: bool,
    battery_volts: float,
) -> bytes:
    """Depth in millimetres, temperature in tenths, conductivity as it is, frost, and the battery."""
    sensor = (
        _around_middle(depth_metres, 1000),
        _around_middle(temperature_celsius, 10),
        unsigned(microsiemens_per_centimetre),
        int(freezing),
    )
    return _frame(device_id, sensor, battery_volts)


def dl_mbx(*, device_id: int, distance_metres: float, valid_samples: int, battery_volts: float) -> bytes:
    """Distance in millimetres with the number of pings that came back, and the battery."""
    return _frame(device_id, (unsigned(distance_metres * 1000), valid_samples), battery_volts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Atm41:
    """What a DL-ATM41G2 measures; rain is height: that since its last frame, and in total."""

    irradiance_watts_per_square_metre: float
    rain_micrometres: int
    rain_total_micrometres: int
    strikes: int
    strike_kilometres: float
    wind_metres_per_second: float
    gust_metres_per_second: float
    direction_degrees: float
    air_celsius: float
    vapour_kilopascals: float
    air_kilopascals: float
    humidity_percent: float
    inside_celsius: float
    tilt_x_degrees: float
    tilt_y_degrees: float
    rain_microsiemens_per_centimetre: float


def dl_atm41g2(station: Atm41, *, device_id: int, battery_volts: float) -> bytes:
    """Seventeen words of weather, and the battery; the total of rain has its low word first."""
    sensor = (
        _around_middle(station.irradiance_watts_per_square_metre, 10),
        unsigned(station.rain_micrometres),
        _around_middle(station.strikes, 1),
        _around_middle(station.strike_kilometres, 1),
        _around_middle(station.wind_metres_per_second, 100),
        _around_middle(station.direction_degrees, 10),
        _around_middle(station.gust_metres_per_second, 100),
        _around_middle(station.air_celsius, 10),
        _around_middle(station.vapour_kilopascals, 100),
        _around_middle(station.air_kilopascals, 100),
        _around_middle(station.humidity_percent, 10),
        _around_middle(station.inside_celsius, 10),
        _around_middle(station.tilt_x_degrees, 10),
        _around_middle(station.tilt_y_degrees, 10),
        _around_middle(station.rain_microsiemens_per_centimetre, 1),
        station.rain_total_micrometres & 0xFFFF,
        station.rain_total_micrometres >> 16 & 0xFFFF,
    )
    return _frame(device_id, sensor, battery_volts)
