"""The weather stations: everything at each interval; the air's temperature is what they can be judged by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from pipeline.simulator.encode import decentlab, milesight, sensecap
from pipeline.simulator.encode.decentlab import Atm41
from pipeline.simulator.moments import Start, Weather
from pipeline.simulator.voices import Sent, Voice

LUX_PER_WATT_PER_SQUARE_METRE: Final = 115.0
"""What daylight gives."""
BATTERY_EVERY: Final = 12
INTERVAL_MINUTES: Final = 10


def _micrometres(millimetres: float) -> int:
    return round(millimetres * 1000)


def _vapour_kilopascals(celsius: float, humidity_ratio: float) -> float:
    """Magnus again, as the station's own firmware has it."""
    return 0.6112 * math.exp(17.62 * celsius / (243.12 + celsius)) * humidity_ratio


def _atm41g2(rng: Random, weather: Weather) -> Iterator[Sent]:
    air = weather.air
    total = _micrometres(air.rain_total_millimetres)
    # The difference of two totals, so that no rain is lost in rounding.
    since = total - (_micrometres(weather.earlier[0].measured.rain_total_millimetres) if weather.earlier else 0)
    station = Atm41(
        irradiance_watts_per_square_metre=air.irradiance_watts_per_square_metre,
        rain_micrometres=since,
        rain_total_micrometres=total,
        strikes=air.strikes,
        strike_kilometres=air.strike_kilometres,
        wind_metres_per_second=air.wind_metres_per_second,
        gust_metres_per_second=air.gust_metres_per_second,
        direction_degrees=air.direction_degrees,
        air_celsius=air.celsius,
        vapour_kilopascals=_vapour_kilopascals(air.celsius, air.humidity_ratio),
        air_kilopascals=air.hectopascals / 10,
        humidity_percent=air.humidity_ratio * 100,
        inside_celsius=air.celsius + 0.004 * air.irradiance_watts_per_square_metre,
        tilt_x_degrees=rng.gauss(0.6, 0.05),
        tilt_y_degrees=rng.gauss(-0.3, 0.05),
        rain_microsiemens_per_centimetre=25.0 if since else 0.0,
    )
    payload = decentlab.dl_atm41g2(station, device_id=3000 + weather.device.number, battery_volts=weather.battery_volts)
    yield Sent(decentlab.PORT, payload, round(air.celsius, 1))


def _wts506(_rng: Random, weather: Weather) -> Iterator[Sent]:
    air = weather.air
    charge = b"" if weather.number % BATTERY_EVERY else milesight.battery(weather.battery_percent)
    payload = charge + milesight.wts506(
        temperature_celsius=air.celsius,
        humidity_ratio=air.humidity_ratio,
        direction_degrees=air.direction_degrees,
        air_hectopascals=air.hectopascals,
        wind_metres_per_second=air.wind_metres_per_second,
        rain_total_millimetres=air.rain_total_millimetres,
        rain_frames=weather.number,
    )
    yield Sent(milesight.PORT, payload, round(air.celsius, 1))
    if weather.earlier and weather.once_a_day():
        # two of them, so that the frame fits into the slowest data rate
        history = (
            milesight.wts506_history(
                taken_unix_seconds=past.at_seconds,
                temperature_celsius=past.measured.celsius,
                humidity_ratio=past.measured.humidity_ratio,
                direction_degrees=past.measured.direction_degrees,
                air_hectopascals=past.measured.hectopascals,
                wind_metres_per_second=past.measured.wind_metres_per_second,
                rain_total_millimetres=past.measured.rain_total_millimetres,
            )
            for past in reversed(weather.earlier[:2])
        )
        yield Sent(milesight.PORT, b"".join(history))


def _wts506_start(start: Start) -> Iterator[Sent]:
    serial = 0x6454_D000_0000_0000 + start.device.number
    yield Sent(milesight.PORT, milesight.powered_on(serial=serial, hardware=(3, 0), firmware=(1, 3)))


def _s2120_percent(moment: Weather | Start) -> int:
    return 0 if moment.battery_low else 100


def _s2120(_rng: Random, weather: Weather) -> Iterator[Sent]:
    """Every other station has the newer firmware, which knows gusts and the total of rain."""
    air = weather.air
    newer = weather.device.number % 2 == 1
    payload = sensecap.sky(
        newer=newer,
        temperature_celsius=air.celsius,
        humidity_percent=air.humidity_ratio * 100,
        illuminance_lux=LUX_PER_WATT_PER_SQUARE_METRE * air.irradiance_watts_per_square_metre,
        uv_index=air.uv_index,
        wind_metres_per_second=air.wind_metres_per_second,
    ) + sensecap.wind_and_rain(
        newer=newer,
        direction_degrees=air.direction_degrees,
        rain_millimetres_per_hour=air.rain_millimetres_per_hour,
        air_hectopascals=air.hectopascals,
    )
    if newer:
        payload += sensecap.gust_and_total(
            gust_metres_per_second=air.gust_metres_per_second, rain_total_millimetres=air.rain_total_millimetres
        )
    if weather.number % BATTERY_EVERY == 0:
        payload += sensecap.battery(_s2120_percent(weather))
    yield Sent(sensecap.PORT, payload, round(air.celsius, 1))


def _s2120_start(start: Start) -> Iterator[Sent]:
    payload = sensecap.device(
        battery_percent=_s2120_percent(start), hardware=(1, 1), firmware=(2, 0), interval_minutes=INTERVAL_MINUTES
    )
    yield Sent(sensecap.PORT, payload)


VOICES: Final[Mapping[str, Voice[Weather]]] = MappingProxyType(
    {"decentlab_dl_atm41g2": _atm41g2, "milesight_wts506": _wts506, "sensecap_s2120": _s2120}
)
NOTICES: Final = MappingProxyType({"milesight_wts506": _wts506_start, "sensecap_s2120": _s2120_start})
