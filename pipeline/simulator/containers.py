"""Containers: they fill by day, overflow now and then, and are emptied by a lorry that tips them.

The fill is told as a distance from the lid, so an overfull container is one whose distance is shorter than that of a
full one. While it is tipped the sensor says so, and its distance is the last one it had in peace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pipeline.core.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from pipeline.simulator.battery import battery_of
from pipeline.simulator.breakdowns import seen_fills, toppled, within
from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device
from pipeline.simulator.frames import Frame, randomness
from pipeline.simulator.moments import Container, Memory
from pipeline.simulator.sun import from_local_us, local_hour, local_us
from pipeline.simulator.voices import spoken
from pipeline.simulator.voices.containers import VOICES

_THROWN_IN: Final = (
    0, 0, 0, 0, 0, 10, 30, 80, 140, 200, 240, 220,
    180, 170, 190, 220, 230, 190, 130, 80, 50, 30, 10, 0,
)  # fmt: skip  # two half days
_THROWN_IN_PER_DAY: Final = sum(_THROWN_IN)
OVERFULL_RATIO: Final = 1.1


def fill_ratio(distance_metres: float, device: Device) -> float:
    """How full a distance means: 0 at the empty one, 1 at the full one, above 1 when overfull."""
    empty, full = device.attributes["empty_distance_metres"], device.attributes["full_distance_metres"]
    return (empty - distance_metres) / (empty - full)


def distance_metres(ratio: float, device: Device) -> float:
    """The distance that a fill means, as the sensor measures it: in whole millimetres."""
    empty, full = device.attributes["empty_distance_metres"], device.attributes["full_distance_metres"]
    return round(empty - ratio * (empty - full), 3)


def inflow_ratio(at_us: int, until_us: int, *, per_day: float) -> float:
    """How much of its volume a container gains between two times that lie within an hour or so."""
    share = _THROWN_IN[int(local_hour(at_us)) % 24] / _THROWN_IN_PER_DAY
    return per_day * share * (until_us - at_us) / HOUR_US


def frames(plan: CityPlan, device: Device) -> Iterator[Frame]:
    """What the device's model sends of its container; `says` is the distance."""
    return spoken(VOICES[device.model.decoder], plan, device, seen_fills(plan, device, fills(plan, device)))


def fills(plan: CityPlan, device: Device) -> Iterator[Container]:
    """The container at each interval, and while it is tipped."""
    rng = randomness(plan.seed, device.dev_eui, "container")
    battery = battery_of(plan.seed, device.dev_eui, plan.start_us)
    interval = int(plan.container_interval_seconds * SECOND_US)
    per_day = rng.uniform(0.08, 0.35)
    ratio = rng.uniform(0.05, 0.95)
    overfull = OVERFULL_RATIO if rng.random() < 0.2 else 1.0
    emptied_from = 0.6 if rng.random() < 0.5 else 0.9
    number, before = 0, plan.start_us
    memory: Memory[float] = Memory()
    lying = toppled(plan, device)

    def tour_us(day_us: int) -> int:
        return from_local_us(day_us) + int(rng.uniform(6.0, 11.0) * HOUR_US)

    def container(at: int, distance: float, *, tilted: bool) -> Container:
        nonlocal number, before
        made = Container(
            device=device,
            at_us=at,
            before_us=before,
            number=number,
            battery=battery,
            distance_metres=distance,
            fill_ratio=fill_ratio(distance, device),
            true_ratio=ratio,
            tilted=tilted or within(lying, at),
            earlier=memory.before(at, distance),
        )
        number, before = number + 1, at
        return made

    def measured() -> float:
        return distance_metres(min(ratio, overfull) + rng.gauss(0.0, 0.004), device)

    at = plan.start_us + int(rng.random() * interval)
    last = plan.start_us
    tour = tour_us(local_us(plan.start_us) // DAY_US * DAY_US)
    while at < plan.end_us:
        ratio += inflow_ratio(last, at, per_day=per_day) * rng.uniform(0.3, 1.7)
        ratio = min(ratio, overfull)
        last = at
        if tour <= at:
            tour = tour_us(local_us(at) // DAY_US * DAY_US + DAY_US)
            if ratio >= emptied_from:
                yield container(at, measured(), tilted=True)
                at += int(rng.uniform(1.5, 4.0) * MINUTE_US)
                if at >= plan.end_us:
                    return
                ratio = rng.uniform(0.0, 0.04)
        yield container(at, measured(), tilted=False)
        at += interval + rng.randrange(-2 * SECOND_US, 2 * SECOND_US)
