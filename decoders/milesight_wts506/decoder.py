"""Milesight WTS506 weather station: air, wind and rain, and what it kept while out of reach.

Source: the maker's user guide; how its frames are built is told in `decoders/milesight.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders import milesight
from decoders.api import Decoder, Sample, Uplink


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Sample):
    """What the station measured; samples of the past hold its measurements without alarms and count of frames."""

    air_temperature_celsius: float | None = None
    relative_humidity_ratio: float | None = None
    air_pressure_hectopascals: float | None = None
    wind_speed_metres_per_second: float | None = None
    wind_direction_degrees: float | None = None
    rain_total_millimetres: float | None = None
    rain_frames_count: int | None = None
    temperature_alarm: bool | None = None
    pressure_alarm: bool | None = None
    wind_alarm: bool | None = None
    rain_alarm: bool | None = None
    battery_ratio: float | None = None
    protocol_version: str | None = None
    hardware_version: str | None = None
    firmware_version: str | None = None
    tsl_version: str | None = None
    device_serial: str | None = None
    lorawan_class: str | None = None
    reset_cause: str | None = None


_TEMPERATURE: Final = milesight.measured("air_temperature_celsius", 10)
_HUMIDITY: Final = milesight.measured("relative_humidity_ratio", 200)
_PRESSURE: Final = milesight.measured("air_pressure_hectopascals", 10)
_DIRECTION: Final = milesight.measured("wind_direction_degrees", 10)
_SPEED: Final = milesight.measured("wind_speed_metres_per_second", 10)
_RAIN: Final = milesight.measured("rain_total_millimetres", 100)
_RAIN_FRAMES: Final = milesight.counted("rain_frames_count")

_RECORDS: Final = milesight.table(
    {
        0x0367: milesight.record("h", _TEMPERATURE),
        0x0468: milesight.record("B", _HUMIDITY),
        0x0584: milesight.record("h", _DIRECTION),
        0x0673: milesight.record("H", _PRESSURE),
        0x0792: milesight.record("H", _SPEED),
        0x0877: milesight.record("HB", _RAIN, _RAIN_FRAMES),
        0x08EC: milesight.record("IB", _RAIN, _RAIN_FRAMES),
        0x8367: milesight.record("hB", _TEMPERATURE, milesight.state("temperature_alarm")),
        0x8673: milesight.record("HB", _PRESSURE, milesight.state("pressure_alarm")),
        0x8792: milesight.record("HB", _SPEED, milesight.state("wind_alarm")),
        0x88EC: milesight.record("IBB", _RAIN, _RAIN_FRAMES, milesight.state("rain_alarm")),
        # Since firmware with 32 bits of rain the second form.
        0x20CE: milesight.past("hBHhHH", _TEMPERATURE, _HUMIDITY, _PRESSURE, _DIRECTION, _SPEED, _RAIN),
        0x21CE: milesight.past("hBHhHI", _TEMPERATURE, _HUMIDITY, _PRESSURE, _DIRECTION, _SPEED, _RAIN),
    },
    settings={
        0x11: 4,  # clock
        0x17: 2,  # time zone
        0x27: 1,  # clear the history or the total of rain
        0x67: 1,  # what to do when power comes back
        0x69: 1,  # send again what was lost
        0x6A: 3,  # interval of sending again
        0x6E: 2,  # when the total of rain begins again
    },
)


def decode(uplink: Uplink) -> Sequence[Sample]:
    """What is so now, then what the station kept; nothing where the frame only answers a downlink."""
    return milesight.samples(uplink, Weather, _RECORDS)


DECODER: Final = Decoder(
    name="milesight_wts506",
    version="1.0",
    family="weather",
    about="Milesight WTS506 weather station",
    samples=(Weather,),
    decode=decode,
)
