"""Water meters: households that wash in the morning and cook in the evening, and a pipe that drips now and then.

Volumes are drawn hour by hour in whole litres, because that is how a meter logs them; within an hour water runs evenly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from pipeline.core.clock import HOUR_US, SECOND_US
from pipeline.simulator.battery import battery_of
from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device
from pipeline.simulator.frames import Frame, randomness
from pipeline.simulator.moments import Meter
from pipeline.simulator.sun import air_temperature_celsius, local_hour
from pipeline.simulator.voices import spoken
from pipeline.simulator.voices.water import VOICES

REMEMBERED_HOURS: Final = 48
"""A meter may tell all hours of the day before."""
LITRES_PER_PERSON: Final = 125.0

_USED: Final = (
    10, 6, 4, 4, 8, 30, 80, 95, 70, 55, 50, 50,
    60, 55, 45, 45, 50, 65, 85, 90, 75, 55, 35, 20,
)  # fmt: skip  # two half days
_USED_PER_DAY: Final = sum(_USED)


def litres_per_hour(persons: int, at_us: int) -> float:
    """What a household of so many uses on average."""
    return persons * LITRES_PER_PERSON * _USED[int(local_hour(at_us)) % 24] / _USED_PER_DAY


class Leak(NamedTuple):
    """A pipe that loses so much from then on; where there is none it begins at the plan's end."""

    from_us: int
    litres_per_hour: int


def drawn_household(plan: CityPlan, rng: Random) -> tuple[int, Leak]:
    """How many live there, and their leak: the first draws of a meter's generator."""
    persons = rng.choice((1, 1, 2, 2, 3, 4))
    litres_per_hour, from_us = rng.randrange(4, 40), plan.end_us
    if rng.random() < plan.leaking_meter_share:
        # half of them leaked before, half begin while we look
        from_us = plan.start_us + int(rng.uniform(-1.0, 1.0) * (plan.end_us - plan.start_us))
    return persons, Leak(from_us, litres_per_hour)


def true_leak(plan: CityPlan, device: Device) -> Leak | None:
    """The meter's leak, if it has one within the plan's time."""
    _, leak = drawn_household(plan, randomness(plan.seed, device.dev_eui, "water"))
    return leak if leak.from_us < plan.end_us else None


def frames(plan: CityPlan, device: Device) -> Iterator[Frame]:
    """What the device's model sends of its meter; `says` is the volume that it tells."""
    return spoken(VOICES[device.model.decoder], plan, device, meters(plan, device))


def meters(plan: CityPlan, device: Device) -> Iterator[Meter]:
    """The meter at each interval; a leak is found a few hours after it has begun."""
    rng = randomness(plan.seed, device.dev_eui, "water")
    battery = battery_of(plan.seed, device.dev_eui, plan.start_us)
    interval = int(plan.water_interval_seconds * SECOND_US)
    persons, leak = drawn_household(plan, rng)
    leak_found = leak.from_us + int(rng.uniform(1.0, 5.0) * HOUR_US)
    hour = plan.start_us // HOUR_US * HOUR_US - REMEMBERED_HOURS * HOUR_US
    hourly: deque[int] = deque([rng.randrange(10_000, 900_000)], maxlen=REMEMBERED_HOURS + 1)

    def used(at: int) -> int:
        mean = litres_per_hour(persons, at)
        return round(rng.gammavariate(1.3, mean / 1.3)) + (leak.litres_per_hour if at >= leak.from_us else 0)

    coming = used(hour)
    at = plan.start_us + int(rng.random() * interval)
    number, before = 0, plan.start_us
    while at < plan.end_us:
        while hour + HOUR_US <= at:
            hour += HOUR_US
            hourly.append(hourly[-1] + coming)
            coming = used(hour)
        yield Meter(
            device=device,
            at_us=at,
            before_us=before,
            number=number,
            battery=battery,
            litres=hourly[-1] + coming * (at - hour) // HOUR_US,
            hour_us=hour,
            hourly_litres=tuple(hourly),
            leaking=at >= leak_found,
            leak_found=before < leak_found <= at,
            water_celsius=12.0 + 0.2 * (air_temperature_celsius(at) - 10.0),
        )
        number, before = number + 1, at
        at += interval + rng.randrange(-SECOND_US, SECOND_US)
