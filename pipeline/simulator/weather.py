"""Weather stations: the city's weather, each a little different, and the rain that the wells feel a day later.

What a station measures fits together: the vapour follows from temperature and dew point, light from the sun's height
and the clouds, and it rains when the city's rain falls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Final

from pipeline.core.clock import HOUR_US, SECOND_US
from pipeline.simulator.air import (
    air_hectopascals,
    cloud_ratio,
    front_celsius,
    wind_direction_degrees,
    wind_metres_per_second,
)
from pipeline.simulator.battery import battery_of
from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device
from pipeline.simulator.frames import Frame, randomness
from pipeline.simulator.groundwater import Rain, rains
from pipeline.simulator.moments import Air, Memory, Weather
from pipeline.simulator.sun import air_temperature_celsius, elevation_degrees, local_hour
from pipeline.simulator.voices import spoken
from pipeline.simulator.voices.weather import VOICES

THUNDER_FROM: Final = 8.0
"""Millimetres an hour: less is no thunderstorm."""


def saturation_hectopascals(celsius: float) -> float:
    """The pressure of water vapour in saturated air (Magnus, coefficients of the WMO)."""
    return 6.112 * math.exp(17.62 * celsius / (243.12 + celsius))


def duration_us(rain: Rain) -> int:
    """How long it rains: the more falls, the longer."""
    return int((0.5 + rain.millimetres / 8.0) * HOUR_US)


def fallen_millimetres(rain: Rain, at_us: int) -> float:
    """How much of a rain has fallen by then: it swells and fades."""
    share = min(1.0, max(0.0, (at_us - rain.at_us) / duration_us(rain)))
    return rain.millimetres * share * share * (3.0 - 2.0 * share)


def millimetres_per_hour(rain: Rain, at_us: int) -> float:
    """How hard it rains then."""
    share = (at_us - rain.at_us) / duration_us(rain)
    if not 0.0 <= share <= 1.0:
        return 0.0
    return rain.millimetres * 6.0 * share * (1.0 - share) * HOUR_US / duration_us(rain)


class Station:
    """One station: what the place adds to the city's weather, and the noise of its sensors."""

    def __init__(self, plan: CityPlan, device: Device, rng: Random) -> None:
        self._seed = plan.seed
        self._start_us = plan.start_us
        self._latitude, self._longitude = device.latitude, device.longitude
        self._rng = rng
        self._rains = rains(plan)
        self._warmth = rng.uniform(-0.8, 0.8)
        self._shelter = rng.uniform(0.6, 1.1)
        self._catch = rng.uniform(0.85, 1.15)
        self._offset_hectopascals = rng.uniform(-1.0, 1.0)

    def air(self, at_us: int) -> Air:
        """What the station measures then."""
        rng, seed = self._rng, self._seed
        rate = self._catch * sum(millimetres_per_hour(rain, at_us) for rain in self._rains)
        raining = min(1.0, rate)
        cloud = max(cloud_ratio(seed, at_us), 0.95 * raining)
        base = air_temperature_celsius(at_us) + front_celsius(seed, at_us) + self._warmth
        celsius = base - 2.5 * raining + rng.gauss(0.0, 0.05)
        # The dew point hardly knows the time of day, so the air is driest in the afternoon.
        dew = base - 4.0 - 4.0 * math.sin((local_hour(at_us) - 9.0) / 24.0 * math.tau)
        humidity = saturation_hectopascals(dew) / saturation_hectopascals(celsius) + rng.gauss(0.0, 0.005)
        height = max(0.0, math.sin(math.radians(elevation_degrees(at_us, self._latitude, self._longitude))))
        afternoon = math.sin((local_hour(at_us) - 9.0) / 24.0 * math.tau)
        wind = wind_metres_per_second(seed, at_us) + afternoon + 3.0 * raining
        wind = max(0.0, self._shelter * wind * rng.uniform(0.75, 1.25))
        strikes = int(rng.expovariate(0.5)) if rate >= THUNDER_FROM else 0
        return Air(
            celsius=celsius,
            humidity_ratio=min(0.995, max(humidity, 0.96 * raining, 0.15)),
            hectopascals=air_hectopascals(seed, at_us) + self._offset_hectopascals + rng.gauss(0.0, 0.03),
            wind_metres_per_second=wind,
            gust_metres_per_second=wind * rng.uniform(1.2, 1.9),
            direction_degrees=(wind_direction_degrees(seed, at_us) + rng.gauss(0.0, 12.0)) % 360.0,
            irradiance_watts_per_square_metre=1050.0 * height**1.15 * (1.0 - 0.75 * cloud**3),
            uv_index=8.5 * height**2.4 * (1.0 - 0.6 * cloud**3),
            rain_total_millimetres=self._catch * sum(self._fallen(rain, at_us) for rain in self._rains),
            rain_millimetres_per_hour=rate,
            strikes=strikes,
            strike_kilometres=round(rng.uniform(1.0, 20.0)) if strikes else 0,
        )

    def _fallen(self, rain: Rain, at_us: int) -> float:
        return fallen_millimetres(rain, at_us) - fallen_millimetres(rain, self._start_us)


def frames(plan: CityPlan, device: Device) -> Iterator[Frame]:
    """What the device's model sends of the weather; `says` is the air's temperature."""
    return spoken(VOICES[device.model.decoder], plan, device, stations(plan, device))


def stations(plan: CityPlan, device: Device) -> Iterator[Weather]:
    """The station at each interval."""
    rng = randomness(plan.seed, device.dev_eui, "weather")
    battery = battery_of(plan.seed, device.dev_eui, plan.start_us)
    interval = int(plan.weather_interval_seconds * SECOND_US)
    at = plan.start_us + int(rng.random() * interval)
    station = Station(plan, device, rng)
    number, before = 0, plan.start_us
    memory: Memory[Air] = Memory()
    while at < plan.end_us:
        air = station.air(at)
        yield Weather(
            device=device,
            at_us=at,
            before_us=before,
            number=number,
            battery=battery,
            air=air,
            earlier=memory.before(at, air),
        )
        number, before = number + 1, at
        at += interval + rng.randrange(-SECOND_US, SECOND_US)
