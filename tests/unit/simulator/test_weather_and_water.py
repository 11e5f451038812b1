"""The weather and the water of the city are plausible, and fit together."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from pipeline.core.clock import HOUR_US
from pipeline.simulator import CityPlan, Device, Family, devices, groundwater, water, weather
from pipeline.simulator.sun import elevation_degrees, local_hour

PLAN = CityPlan(
    start=datetime(2026, 6, 2, tzinfo=UTC),
    duration=timedelta(days=3),
    wells=0,
    luminaires=0,
    weather_stations=4,
    water_meters=60,
    weather_interval_seconds=1200.0,
    water_interval_seconds=3600.0,
)


def of_family(family: Family, plan: CityPlan = PLAN) -> list[Device]:
    return [device for device in devices(plan) if device.family is family]


def test_afternoons_are_warmer_and_drier_than_mornings() -> None:
    celsius: dict[int, list[float]] = defaultdict(list)
    humidity: dict[int, list[float]] = defaultdict(list)
    for moment in weather.stations(PLAN, of_family(Family.WEATHER)[0]):
        if not moment.air.rain_millimetres_per_hour:
            celsius[int(local_hour(moment.at_us))].append(moment.air.celsius)
            humidity[int(local_hour(moment.at_us))].append(moment.air.humidity_ratio)

    assert min(celsius[15]) > max(celsius[4])
    assert max(humidity[15]) < min(humidity[4])
    assert all(5.0 < each < 35.0 for hour in celsius.values() for each in hour)


def test_light_follows_the_sun() -> None:
    station = of_family(Family.WEATHER)[1]
    for moment in weather.stations(PLAN, station):
        height = elevation_degrees(moment.at_us, station.latitude, station.longitude)
        assert (moment.air.irradiance_watts_per_square_metre > 0) == (height > 0)
        assert moment.air.irradiance_watts_per_square_metre < 1000
        assert moment.air.uv_index < 9


def test_total_of_rain_is_what_has_fallen_in_the_plan() -> None:
    # rain that falls on beyond the plan's end, or had begun before it, counts in part
    whole = sum(rain.millimetres for rain in groundwater.rains(PLAN) if PLAN.start_us <= rain.at_us)
    for device in of_family(Family.WEATHER):
        totals = [moment.air.rain_total_millimetres for moment in weather.stations(PLAN, device)]
        assert totals == sorted(totals)
        assert totals[-1] == pytest.approx(whole, rel=0.4)


def test_rate_of_rain_is_the_slope_of_its_total() -> None:
    rain = groundwater.Rain(0, 20.0)
    for at in range(0, weather.duration_us(rain), HOUR_US // 4):
        slope = weather.fallen_millimetres(rain, at + HOUR_US // 100) - weather.fallen_millimetres(rain, at)
        assert slope * 100 == pytest.approx(weather.millimetres_per_hour(rain, at + HOUR_US // 200), abs=0.05)
    assert weather.fallen_millimetres(rain, weather.duration_us(rain)) == 20.0


def test_gusts_are_stronger_than_the_wind() -> None:
    for moment in weather.stations(PLAN, of_family(Family.WEATHER)[2]):
        assert 0 <= moment.air.wind_metres_per_second <= moment.air.gust_metres_per_second < 25
        assert 0 <= moment.air.direction_degrees < 360


def test_volumes_only_grow_and_mornings_use_more_than_nights() -> None:
    used: dict[int, int] = defaultdict(int)
    for device in of_family(Family.WATER):
        for before, after in pairwise(water.meters(PLAN.with_(leaking_meter_share=0.0), device)):
            assert before.litres <= after.litres
            assert before.hourly_litres[-1] <= before.litres
            used[int(local_hour(before.at_us))] += after.litres - before.litres

    assert used[7] > 5 * used[2]
    assert used[19] > 5 * used[2]
    per_household = sum(used.values()) / 3 / 60
    assert 150 < per_household < 450


def test_leak_runs_all_night_and_is_told_once() -> None:
    plan = PLAN.with_(leaking_meter_share=1.0)
    found = 0
    for device in of_family(Family.WATER, plan):
        moments = list(water.meters(plan, device))
        found += sum(moment.leak_found for moment in moments)
        assert sum(moment.leak_found for moment in moments) <= 1
        leaking = [moment.leaking for moment in moments]
        assert leaking == sorted(leaking)
        last = moments[-1]
        if moments[0].leaking:
            assert all(after > before for before, after in pairwise(last.hourly_litres))

    assert 15 < found < 45


def test_stations_and_wells_share_their_rain() -> None:
    rain = max(groundwater.rains(PLAN), key=lambda rain: (rain.at_us >= PLAN.start_us, rain.millimetres))
    station = of_family(Family.WEATHER)[0]
    for moment in weather.stations(PLAN, station):
        if rain.at_us + HOUR_US // 2 < moment.at_us < rain.at_us + weather.duration_us(rain) - HOUR_US // 2:
            assert moment.air.rain_millimetres_per_hour > 0.5
            assert moment.air.humidity_ratio > 0.9
