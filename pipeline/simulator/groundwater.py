"""Groundwater wells: a level that hardly moves, and a rain that it feels a day later.

All wells share the weather and the slow waves of their aquifer; each has its own depth, answer and noise, so a map of
them is plausible and no two series are equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, NamedTuple

from pipeline.core.clock import DAY_US, HOUR_US, SECOND_US
from pipeline.simulator.battery import battery_of
from pipeline.simulator.breakdowns import seen_wells
from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device
from pipeline.simulator.frames import Frame, randomness
from pipeline.simulator.moments import Memory, Well
from pipeline.simulator.voices import spoken
from pipeline.simulator.voices.groundwater import VOICES

BAR_PER_METRE: Final = 0.0980665
"""Of water at 4 degrees Celsius."""


class Rain(NamedTuple):
    """A rain event: how much fell, around when."""

    at_us: int
    millimetres: float


def rains(plan: CityPlan) -> tuple[Rain, ...]:
    """The rain of the plan's time and of the ten days before it, which wells still remember; the same for all."""
    if plan.rain_events_per_day <= 0:
        return ()
    rng = randomness(plan.seed, "sky", "rain")
    # One falls in the first half of the plan, so that a demonstration of one day has its rain.
    fallen = [Rain(plan.start_us + int(plan.duration.total_seconds() * SECOND_US * 0.3), rng.uniform(12.0, 30.0))]
    at = plan.start_us - 10 * DAY_US
    while (at := at + int(rng.expovariate(plan.rain_events_per_day) * DAY_US)) < plan.end_us:
        fallen.append(Rain(at, rng.gammavariate(1.2, 6.0)))
    return tuple(sorted(fallen))


def response_metres(rain: Rain, at_us: int, *, per_millimetre: float, rise_hours: float, fall_hours: float) -> float:
    """How far a rain has lifted the level: it seeps in, and runs off more slowly."""
    if at_us <= rain.at_us:
        return 0.0
    hours = (at_us - rain.at_us) / HOUR_US
    return rain.millimetres * per_millimetre * (1.0 - math.exp(-hours / rise_hours)) * math.exp(-hours / fall_hours)


class Aquifer(NamedTuple):
    """How the water stands at a well, drawn once."""

    column_metres: float
    yearly_metres: float
    wave_metres: float
    wave_days: float
    phase: float
    metres_per_millimetre: float
    rise_hours: float
    fall_hours: float

    def water_column_metres(self, at_us: int, fallen: tuple[Rain, ...]) -> float:
        """The water above the probe."""
        days = at_us / DAY_US
        level = (
            self.column_metres
            + self.yearly_metres * math.cos(days / 365.2425 * math.tau - 1.0)
            + self.wave_metres * math.sin(days / self.wave_days * math.tau + self.phase)
            + 0.002 * math.sin(days / 0.5175 * math.tau + self.phase)  # the tide of the solid earth
        )
        for rain in fallen:
            level += response_metres(
                rain,
                at_us,
                per_millimetre=self.metres_per_millimetre,
                rise_hours=self.rise_hours,
                fall_hours=self.fall_hours,
            )
        return level


def drawn_aquifer(rng: Random) -> Aquifer:
    """A well's share of an aquifer: the first draws of its generator."""
    return Aquifer(
        column_metres=rng.uniform(2.0, 6.5),
        yearly_metres=rng.uniform(0.1, 0.5),
        wave_metres=rng.uniform(0.02, 0.12),
        wave_days=rng.uniform(12.0, 30.0),
        phase=rng.uniform(0.0, math.tau),
        metres_per_millimetre=rng.uniform(0.001, 0.006),
        rise_hours=rng.uniform(2.0, 30.0),
        fall_hours=rng.uniform(150.0, 600.0),
    )


def probe_metres_nhn(device: Device) -> float:
    """How high the probe hangs."""
    return device.attributes["measuring_point_metres_nhn"] - device.attributes["suspension_metres"]


def true_level(plan: CityPlan, device: Device) -> Callable[[int], float]:
    """Where the groundwater stands at the well at a time, in metres above NHN, whatever its probe says."""
    aquifer = drawn_aquifer(randomness(plan.seed, device.dev_eui, "groundwater"))
    fallen, probe = rains(plan), probe_metres_nhn(device)
    return lambda at_us: probe + aquifer.water_column_metres(at_us, fallen)


def frames(plan: CityPlan, device: Device) -> Iterator[Frame]:
    """What the device's model sends of its well; `says` is the water level in metres above NHN."""
    return spoken(VOICES[device.model.decoder], plan, device, seen_wells(plan, device, wells(plan, device)))


def wells(plan: CityPlan, device: Device) -> Iterator[Well]:
    """The well at each interval."""
    rng = randomness(plan.seed, device.dev_eui, "groundwater")
    fallen = rains(plan)
    aquifer = drawn_aquifer(rng)
    battery = battery_of(plan.seed, device.dev_eui, plan.start_us)
    device_id = rng.randrange(1, 0x10000)
    interval = int(plan.well_interval_seconds * SECOND_US)
    drift = rng.randrange(-SECOND_US, SECOND_US)
    at = plan.start_us + int(rng.random() * interval)
    water_celsius = rng.uniform(10.5, 12.5)
    number, before = 0, plan.start_us
    memory: Memory[float] = Memory()
    while at < plan.end_us:
        column = aquifer.water_column_metres(at, fallen) + rng.gauss(0.0, 0.001)
        yield Well(
            device=device,
            at_us=at,
            before_us=before,
            number=number,
            battery=battery,
            device_id=device_id,
            column_metres=column,
            pressure_bar=column * BAR_PER_METRE,
            water_celsius=water_celsius + rng.gauss(0.0, 0.004),
            # minerals: what dissolves in an aquifer hardly changes
            microsiemens_per_centimetre=520.0 + device.number * 17 % 400,
            probe_metres_nhn=probe_metres_nhn(device),
            seed=plan.seed,
            earlier=memory.before(at, column),
        )
        number, before = number + 1, at
        at += interval + drift
