"""What is true at a device at the moment when it speaks, before any model has put it into bytes.

The physics makes these and the voices read them, so that a bay is the same bay whichever sensor lies in it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Generic, NamedTuple, TypeVar

from pipeline.core.clock import DAY_US, MINUTE_US, SECOND_US
from pipeline.simulator.air import air_hectopascals
from pipeline.simulator.battery import Battery
from pipeline.simulator.devices import Device
from pipeline.simulator.sun import air_temperature_celsius

MEMORY: Final = 4
"""How many of its last measurements a device keeps."""

Measured = TypeVar("Measured")


class Past(NamedTuple, Generic[Measured]):
    """A measurement that the device remembers."""

    at_us: int
    measured: Measured

    @property
    def at_seconds(self) -> int:
        """When it was taken, by the device's clock, which is right."""
        return self.at_us // SECOND_US


class Memory(Generic[Measured]):
    """The last measurements of a device, newest first."""

    def __init__(self) -> None:
        self._kept: deque[Past[Measured]] = deque(maxlen=MEMORY)

    def before(self, at_us: int, measured: Measured) -> tuple[Past[Measured], ...]:
        """What is remembered from before a measurement, which is remembered from now on."""
        earlier = tuple(self._kept)
        self._kept.appendleft(Past(at_us, measured))
        return earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A device speaks. `before_us` is when it did so last (at first: the plan's start), `number` how often before."""

    device: Device
    at_us: int
    before_us: int
    number: int
    battery: Battery

    @property
    def clock_seconds(self) -> int:
        """The time by the device's own clock, which is right."""
        return self.at_us // SECOND_US

    @property
    def air_celsius(self) -> float:
        """The temperature of the air around it; computed by those who ask, because most do not."""
        return air_temperature_celsius(self.at_us)

    @property
    def battery_volts(self) -> float:
        """The voltage of its battery."""
        return self.battery.volts(self.at_us)

    @property
    def battery_percent(self) -> int:
        """What is left of its battery; a device that speaks has some."""
        return max(1, round(self.battery.ratio(self.at_us) * 100))

    @property
    def battery_low(self) -> bool:
        """Whether somebody should bring a new one."""
        return self.battery.ratio(self.at_us) < 0.1

    def once_a_day(self, turn: int = 0) -> bool:
        """Whether it is the device's first moment after a time of the day of its own.

        `turn` tells several daily times of one device apart.
        """
        # around noon for the first, so that a demonstration of one day has them all
        offset_us = (700 + self.device.number * 37 + turn * 480) % 1440 * MINUTE_US
        return (self.at_us - offset_us) // DAY_US > (self.before_us - offset_us) // DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Moment):
    """A device has started; `says` is what its next frame will say."""

    says: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bay(Moment):
    """A bay that has just changed, or has not for a while; `state_us` is how long the state before has lasted."""

    changed: bool
    occupied: bool
    state_us: int
    sun_warmth_celsius: float

    @property
    def ground_celsius(self) -> float:
        """The temperature at the sensor: the sun warms it, unless a car stands above."""
        return self.air_celsius + (0.0 if self.occupied else self.sun_warmth_celsius)


@dataclass(frozen=True, slots=True, kw_only=True)
class Well(Moment):
    """A well. The pressure is that of the water column alone; `device_id` is what the probe calls itself."""

    device_id: int
    column_metres: float
    pressure_bar: float
    water_celsius: float
    microsiemens_per_centimetre: float
    probe_metres_nhn: float
    seed: str
    earlier: tuple[Past[float], ...]

    @property
    def air_hectopascals(self) -> float:
        """The pressure of the air above it."""
        return air_hectopascals(self.seed, self.at_us)

    def level_metres_nhn(self, column_metres: float | None = None) -> float:
        """The water level, as it is or as a column that a probe has rounded says."""
        return round(self.probe_metres_nhn + (self.column_metres if column_metres is None else column_metres), 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container(Moment):
    """A container; while it is `tilted` the distance is the last one in peace. Remembered are distances.

    `true_ratio` is what is in it, `fill_ratio` what the distance says of that.
    """

    distance_metres: float
    fill_ratio: float
    true_ratio: float
    tilted: bool
    earlier: tuple[Past[float], ...]


class Reason(Enum):
    """What decides a luminaire's level."""

    DAY = auto()
    DUSK = auto()
    PROFILE = auto()
    NIGHT = auto()
    DAWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp(Moment):
    """A luminaire's state; `dark` is a lamp that does not burn whatever it is told."""

    level_percent: int
    reason: Reason
    dark: bool
    downlink_rssi_dbm: int
    downlink_snr_db: int
    inside_celsius: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LampUsage(Moment):
    """What a luminaire has used; `burning` is whether it takes more than its standby power."""

    energy_watt_hours: float
    power_watts: float
    burning: bool
    mains_volts: int
    driver_seconds: int
    lamp_seconds: int


class Air(NamedTuple):
    """The weather at a station; the total of rain counts from the plan's start."""

    celsius: float
    humidity_ratio: float
    hectopascals: float
    wind_metres_per_second: float
    gust_metres_per_second: float
    direction_degrees: float
    irradiance_watts_per_square_metre: float
    uv_index: float
    rain_total_millimetres: float
    rain_millimetres_per_hour: float
    strikes: int
    strike_kilometres: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Moment):
    """A weather station."""

    air: Air
    earlier: tuple[Past[Air], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter(Moment):
    """A water meter. `hourly_litres` are its volumes at the full hours up to the last one, oldest first."""

    litres: int
    hour_us: int
    hourly_litres: tuple[int, ...]
    leaking: bool
    leak_found: bool
    water_celsius: float

    def litres_at(self, hour_us: int) -> int:
        """The volume at a full hour that is remembered."""
        back = (self.hour_us - hour_us) // (60 * MINUTE_US)
        return self.hourly_litres[len(self.hourly_litres) - 1 - back]
