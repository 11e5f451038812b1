"""Parking bays: cars come by an inhomogeneous Poisson process and stay as long as they do.

Each bay draws its own arrivals, so a zone's occupancy is a sum of independent bays and its mean can be checked
against the rates; a car that finds its bay taken is not made to look for another one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from pipeline.core.clock import HOUR_US, MINUTE_US, SECOND_US
from pipeline.simulator.battery import battery_of
from pipeline.simulator.breakdowns import seen_bays
from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device
from pipeline.simulator.frames import Frame, randomness
from pipeline.simulator.moments import Bay
from pipeline.simulator.sun import local_hour, local_weekday
from pipeline.simulator.voices import spoken
from pipeline.simulator.voices.parking import VOICES


class Habits(NamedTuple):
    """A zone's visitors: arrivals per free bay and hour, in hundredths, by the hour of a working day; their stay."""

    arrivals_per_100_hours: tuple[int, ...]
    sunday_ratio: float
    stay_median_minutes: float
    stay_sigma: float


_SHOPPING: Final = (
    5, 4, 3, 3, 4, 8, 20, 50, 120, 200, 260, 280,
    240, 230, 250, 260, 240, 220, 180, 120, 80, 50, 30, 10,
)  # fmt: skip  # two half days
_LIVING: Final = (
    15, 10, 8, 6, 6, 10, 30, 50, 70, 80, 80, 80,
    90, 90, 100, 120, 160, 200, 200, 160, 110, 80, 50, 30,
)  # fmt: skip  # two half days
_DISABLED: Final = (
    2, 2, 2, 2, 2, 5, 10, 30, 60, 90, 100, 90,
    70, 80, 90, 80, 70, 50, 30, 20, 10, 10, 5, 3,
)  # fmt: skip  # two half days

HABITS: Final = {
    "koenigstrasse": Habits(_SHOPPING, 0.35, 38.0, 0.7),
    "koelner-strasse": Habits(_LIVING, 0.8, 75.0, 0.9),
    "behinderten": Habits(_DISABLED, 0.5, 60.0, 0.6),
}


def arrivals_per_hour(habits: Habits, at_us: int) -> float:
    """The arrival rate at a free bay."""
    ratio = habits.sunday_ratio if local_weekday(at_us) == 6 else 1.0
    return habits.arrivals_per_100_hours[int(local_hour(at_us)) % 24] / 100.0 * ratio


def next_arrival_us(rng: Random, habits: Habits, after_us: int) -> int:
    """The next arrival, by thinning a homogeneous process of the highest rate (Lewis and Shedler 1979)."""
    highest = max(habits.arrivals_per_100_hours) / 100.0
    at = after_us
    while True:
        at += int(rng.expovariate(highest) * HOUR_US) + SECOND_US
        if rng.random() * highest < arrivals_per_hour(habits, at):
            return at


def stay_us(rng: Random, habits: Habits) -> int:
    """How long a car stays: log-normal, at least two minutes."""
    minutes = rng.lognormvariate(math.log(habits.stay_median_minutes), habits.stay_sigma)
    return max(2 * MINUTE_US, int(minutes * MINUTE_US))


def frames(plan: CityPlan, device: Device) -> Iterator[Frame]:
    """What the device's model sends of its bay."""
    return spoken(VOICES[device.model.decoder], plan, device, seen_bays(plan, device, bays(plan, device)))


def bays(plan: CityPlan, device: Device) -> Iterator[Bay]:
    """The bay at each change of its state, and at each interval."""
    rng = randomness(plan.seed, device.dev_eui, "parking")
    battery = battery_of(plan.seed, device.dev_eui, plan.start_us)
    habits = HABITS[device.group]
    interval = int(plan.heartbeat_interval_seconds * SECOND_US)
    start, end = plan.start_us, plan.end_us
    rate, stay_hours = arrivals_per_hour(habits, start), habits.stay_median_minutes / 60.0
    occupied = rng.random() < rate * stay_hours / (1.0 + rate * stay_hours)
    change = start + int(rng.random() * stay_us(rng, habits)) if occupied else next_arrival_us(rng, habits, start)
    heartbeat = start + int(rng.random() * interval)
    sun_warmth = rng.uniform(0.0, 4.0)
    # What was before the plan is not known, so the first state has lasted since then at least.
    number, before, since = 0, start, start
    while (at := min(change, heartbeat)) < end:
        changed = change <= heartbeat
        if changed:
            occupied = not occupied
            change = at + stay_us(rng, habits) if occupied else next_arrival_us(rng, habits, at)
        else:
            heartbeat = at + interval + rng.randrange(-SECOND_US, SECOND_US)
        yield Bay(
            device=device,
            at_us=at,
            before_us=before,
            number=number,
            battery=battery,
            changed=changed,
            occupied=occupied,
            state_us=at - since,
            sun_warmth_celsius=sun_warmth,
        )
        if changed:
            since = at
        number, before = number + 1, at
