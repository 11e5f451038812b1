"""Weather stations."""

from __future__ import annotations

from typing import Final

from decoders.quantities.model import Quantity, integer, number, state

WEATHER: Final[tuple[Quantity, ...]] = (
    number(
        "air_temperature_celsius",
        "Cel",
        -60,
        80,
        "temperature of the air",
        ttn="air.temperature",
        fiware="WeatherObserved.temperature",
    ),
    number(
        "relative_humidity_ratio",
        "1",
        0,
        1,
        "relative humidity of the air",
        ttn="air.relativeHumidity",
        fiware="WeatherObserved.relativeHumidity",
    ),
    number(
        "air_pressure_hectopascals",
        "hPa",
        300,
        1100,
        "pressure of the air at the station, not reduced to sea level",
        ttn="air.pressure",
        fiware="WeatherObserved.atmosphericPressure",
    ),
    number("vapour_pressure_hectopascals", "hPa", 0, 500, "pressure of the water vapour in the air"),
    number(
        "wind_speed_metres_per_second",
        "m/s",
        0,
        150,
        "speed of the wind",
        ttn="wind.speed",
        fiware="WeatherObserved.windSpeed",
    ),
    number("wind_gust_metres_per_second", "m/s", 0, 150, "highest speed of the wind since the last measurement"),
    number(
        "wind_direction_degrees",
        "deg",
        0,
        360,
        "where the wind comes from, clockwise from north",
        kind="direction",
        ttn="wind.direction",
        fiware="WeatherObserved.windDirection",
    ),
    number("rain_millimetres", "mm", 0, 10_000, "rain since the last measurement", kind="amount"),
    number(
        "rain_total_millimetres",
        "mm",
        0,
        5e6,
        "rain since the station was reset",
        kind="counter",
        ttn="rain.cumulative",
    ),
    number("rain_rate_millimetres_per_hour", "mm/h", 0, 5_000, "intensity of the rain", ttn="rain.intensity"),
    integer("rain_frames_count", "1", 255, "frames sent since the station's total of rain began again; stays at 255"),
    number("rain_conductivity_microsiemens_per_centimetre", "uS/cm", 0, 100_000, "electrical conductivity of the rain"),
    number("solar_irradiance_watts_per_square_metre", "W/m2", -100, 3_000, "radiation of sun and sky"),
    number("uv_index", "1", 0, 50, "index of the ultraviolet radiation"),
    integer("lightning_strikes_count", "1", 2**16 - 1, "lightning strikes since the last measurement", kind="amount"),
    number("lightning_distance_metres", "m", 0, 100_000, "distance of the lightning strikes, on average"),
    number("tilt_x_degrees", "deg", -180, 180, "how far the station leans to the side"),
    number("tilt_y_degrees", "deg", -180, 180, "how far the station leans forward"),
    state("wind_alarm", "the wind is beyond the limit set in the station"),
    state("pressure_alarm", "the pressure of the air is beyond the limit set in the station"),
    state("rain_alarm", "the rain is beyond the limit set in the station"),
)
