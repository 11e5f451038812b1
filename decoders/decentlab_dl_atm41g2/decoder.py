"""Decentlab DL-ATM41G2 weather station: sun, rain, lightning, wind, air, the station's tilt and battery.

Most words have their zero in the middle, so that a reading can be negative; rain counts from 0.
Source: the maker's description of protocol version 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, Uplink
from decoders.decentlab import Groups, Words, within
from decoders.quantities import QUANTITIES

_GROUPS: Final = Groups(17, 1)

_ZERO: Final = 32768

_BATTERY: Final = QUANTITIES["battery_volts"]
_STRIKES: Final = QUANTITIES["lightning_strikes_count"]
_DISTANCE: Final = QUANTITIES["lightning_distance_metres"]

# The words with their zero in the middle: place, divisor and quantity.
# Pressures come in hundredths of a kilopascal, which are tenths of a hectopascal; humidity in tenths of a percent.
_READINGS: Final = tuple(
    (place, divisor, name, QUANTITIES[name].low, QUANTITIES[name].high)
    for place, divisor, name in (
        (0, 10, "solar_irradiance_watts_per_square_metre"),
        (4, 100, "wind_speed_metres_per_second"),
        (5, 10, "wind_direction_degrees"),
        (6, 100, "wind_gust_metres_per_second"),
        (7, 10, "air_temperature_celsius"),
        (8, 10, "vapour_pressure_hectopascals"),
        (9, 10, "air_pressure_hectopascals"),
        (10, 1000, "relative_humidity_ratio"),
        (11, 10, "device_temperature_celsius"),
        (12, 10, "tilt_x_degrees"),
        (13, 10, "tilt_y_degrees"),
        (14, 1, "rain_conductivity_microsiemens_per_centimetre"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Sample):
    """What the station and its battery measured."""

    solar_irradiance_watts_per_square_metre: float | None = None
    rain_millimetres: float | None = None
    rain_total_millimetres: float | None = None
    rain_conductivity_microsiemens_per_centimetre: float | None = None
    lightning_strikes_count: int | None = None
    lightning_distance_metres: float | None = None
    wind_speed_metres_per_second: float | None = None
    wind_gust_metres_per_second: float | None = None
    wind_direction_degrees: float | None = None
    air_temperature_celsius: float | None = None
    air_pressure_hectopascals: float | None = None
    vapour_pressure_hectopascals: float | None = None
    relative_humidity_ratio: float | None = None
    device_temperature_celsius: float | None = None
    tilt_x_degrees: float | None = None
    tilt_y_degrees: float | None = None
    battery_volts: float | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where the frame names no sensor group."""
    station, battery = _GROUPS.read(uplink)
    if station is None and battery is None:
        return ()
    flags: set[str] = set()
    found: dict[str, float | int | None] = {}
    if station is not None:
        _read(station, found, flags)
    if battery is not None:
        found["battery_volts"] = within(battery[0] / 1000, _BATTERY, flags)
    return (Weather(**found, flags=tuple(sorted(flags)) if flags else ()),)  # type: ignore[arg-type]  # each name is set with its own type below


def _read(station: Words, found: dict[str, float | int | None], flags: set[str]) -> None:
    for place, divisor, name, low, high in _READINGS:
        value = (station[place] - _ZERO) / divisor
        if low <= value <= high:
            found[name] = value
        else:
            flags.add("invalid_reading")
    # Neither word of millimetres, nor both together, can leave the quantities' bounds.
    found["rain_millimetres"] = station[1] / 1000
    found["rain_total_millimetres"] = (station[15] + station[16] * 65536) / 1000
    strikes = station[2] - _ZERO
    if not _STRIKES.low <= strikes <= _STRIKES.high:
        flags.add("invalid_reading")
        return
    found["lightning_strikes_count"] = strikes
    # Without a strike the distance is 0, which would be one right overhead.
    if strikes:
        found["lightning_distance_metres"] = within((station[3] - _ZERO) * 1000.0, _DISTANCE, flags)


DECODER: Final = Decoder(
    name="decentlab_dl_atm41g2",
    version="1.0",
    family="weather",
    about="Decentlab DL-ATM41G2 weather station, protocol version 2",
    samples=(Weather,),
    decode=decode,
)
