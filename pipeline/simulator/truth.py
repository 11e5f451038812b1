"""What was true in the city over time, whatever its sensors, its network and its software made of it.

A log of what happened, and for each family the true value of its figure at a time. All of it is the physics that the
devices speak of, before they do: so a city whose frames are lost and whose sensors lie has the truth of one without.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from pipeline.core.clock import HOUR_US
from pipeline.simulator.breakdowns import death_us, gateway_outages, toppled
from pipeline.simulator.city import CityPlan
from pipeline.simulator.containers import fills
from pipeline.simulator.devices import Device, devices
from pipeline.simulator.frames import randomness
from pipeline.simulator.lighting import Luminaire, lamps
from pipeline.simulator.models import Family
from pipeline.simulator.moments import Lamp, LampUsage
from pipeline.simulator.parking import bays
from pipeline.simulator.radio import gateways
from pipeline.simulator.water import meters, true_leak


class What(StrEnum):
    """What can happen. The subject is a site, but for what is said of a device (DevEUI) or a gateway (its id)."""

    STAY = "stay"  # a car stands in a bay
    EMPTIED = "emptied"  # a container is emptied; the amount is what was in it, 0..1
    TOPPLED = "toppled"  # a container lies on its side
    LAMP_FAILED = "lamp_failed"  # a lamp does not burn, whatever it is told
    LEAK = "leak"  # water runs behind a meter that nobody uses; the amount is litres per hour
    DEVICE_DEAD = "device_dead"  # a device says nothing any more
    GATEWAY_SILENT = "gateway_silent"  # a gateway forwards nothing


class Happening(NamedTuple):
    """One thing that happened. What was so before the plan has the plan's start or an earlier time as its beginning;
    `until_us` is None for what is still so at the plan's end.
    """

    what: What
    subject: str
    from_us: int
    until_us: int | None
    amount: float | None = None


class Course(NamedTuple):
    """A figure over time, by its values at times in order; it holds each until the next one."""

    times_us: tuple[int, ...]
    values: tuple[float, ...]

    def at(self, at_us: int) -> float | None:
        """Its value at a time; None before the first."""
        place = bisect_right(self.times_us, at_us)
        return self.values[place - 1] if place else None

    def between(self, at_us: int) -> float | None:
        """Its value at a time, for a figure that goes evenly from each value to the next; None outside of them."""
        place = bisect_right(self.times_us, at_us)
        if not place or place == len(self.times_us):
            return None
        (before_us, after_us), (before, after) = (
            self.times_us[place - 1 : place + 1],
            self.values[place - 1 : place + 1],
        )
        return before + (after - before) * (at_us - before_us) / (after_us - before_us)


def happenings(plan: CityPlan, city: tuple[Device, ...] | None = None) -> Iterator[Happening]:
    """Everything that happened, device by device, each in the order of time; then the gateways."""
    for device in devices(plan) if city is None else city:
        yield from HAPPENINGS.get(device.family, _nothing)(plan, device)
        dead = death_us(plan, device)
        if dead is not None:
            yield Happening(What.DEVICE_DEAD, device.dev_eui, dead, None)
    for gateway in gateways(plan):
        for spell in gateway_outages(plan, gateway.gateway_id):
            yield _lasting(plan, What.GATEWAY_SILENT, gateway.gateway_id, spell.from_us, spell.until_us)


def _lasting(plan: CityPlan, what: What, subject: str, from_us: int, until_us: int) -> Happening:
    return Happening(what, subject, from_us, until_us if until_us < plan.end_us else None)


def _nothing(_plan: CityPlan, _device: Device) -> Iterator[Happening]:
    return iter(())


def stays(plan: CityPlan, device: Device) -> Iterator[Happening]:
    """The cars of a bay."""
    course = occupied(plan, device)
    came: int | None = None
    for at, taken in zip(course.times_us, course.values, strict=True):
        if taken:
            came = at
        elif came is not None:
            yield Happening(What.STAY, device.site, came, at)
            came = None
    if came is not None:
        yield Happening(What.STAY, device.site, came, None)


def container_happenings(plan: CityPlan, device: Device) -> Iterator[Happening]:
    """The emptyings of a container, each with what was in it, and when it lay on its side."""
    before: float | None = None
    for fill in fills(plan, device):
        if before is not None and fill.true_ratio < before:
            yield Happening(What.EMPTIED, device.site, fill.before_us, fill.before_us, before - fill.true_ratio)
        before = fill.true_ratio
    for spell in toppled(plan, device):
        yield _lasting(plan, What.TOPPLED, device.site, spell.from_us, spell.until_us)


def lamp_failures(plan: CityPlan, device: Device) -> Iterator[Happening]:
    """The failure of a lamp; nobody repairs it."""
    failed = Luminaire(plan, device, randomness(plan.seed, device.dev_eui, "lighting")).failed_at_us
    if failed is not None:
        yield Happening(What.LAMP_FAILED, device.site, failed, None)


def leaks(plan: CityPlan, device: Device) -> Iterator[Happening]:
    """The leak behind a meter."""
    leak = true_leak(plan, device)
    if leak is not None:
        yield Happening(What.LEAK, device.site, leak.from_us, None, float(leak.litres_per_hour))


HAPPENINGS: Final[Mapping[Family, Callable[[CityPlan, Device], Iterator[Happening]]]] = MappingProxyType(
    {
        Family.PARKING: stays,
        Family.CONTAINER: container_happenings,
        Family.LIGHTING: lamp_failures,
        Family.WATER: leaks,
    }
)

# ── true values over time ──


def occupied(plan: CityPlan, device: Device) -> Course:
    """1 while a car stands in the bay, from the plan's start on."""
    moments = [bay for bay in bays(plan, device) if bay.changed]
    at_first = float(bool(moments) and not moments[0].occupied)
    if not moments:
        at_first = float(next((bay.occupied for bay in bays(plan, device)), False))
    changes = [(bay.at_us, float(bay.occupied)) for bay in moments]
    return _course([(plan.start_us, at_first), *changes])


def fill_ratio(plan: CityPlan, device: Device) -> Course:
    """What is in the container, 0 for nothing, 1 up to its full line, at each time when its sensor measures."""
    return _course([(fill.at_us, fill.true_ratio) for fill in fills(plan, device)])


def told_level(plan: CityPlan, device: Device) -> Course:
    """How bright the lamp should burn, 0..1, at each switching and each time it speaks."""
    return _course([(lamp.at_us, lamp.level_percent / 100) for lamp in lamps(plan, device) if isinstance(lamp, Lamp)])


def lamp_level(plan: CityPlan, device: Device) -> Course:
    """How bright the lamp burns, 0..1: what it is told, and 0 once it has failed."""
    failed = next((happening.from_us for happening in lamp_failures(plan, device)), plan.end_us)
    told = told_level(plan, device)
    burning = [(at, level if at < failed else 0.0) for at, level in zip(told.times_us, told.values, strict=True)]
    return _course(sorted([*burning, (failed, 0.0)]) if failed < plan.end_us else burning)


def energy_watt_hours(plan: CityPlan, device: Device) -> Course:
    """What the luminaire has used in its life, at each time when its meter is read."""
    return _course(
        [(lamp.at_us, lamp.energy_watt_hours) for lamp in lamps(plan, device) if isinstance(lamp, LampUsage)]
    )


def volume_litres(plan: CityPlan, device: Device) -> Course:
    """What has run through the meter, at the full hours and whenever it speaks."""
    known: dict[int, float] = {}
    for meter in meters(plan, device):
        for back, litres in enumerate(reversed(meter.hourly_litres)):
            known[meter.hour_us - back * HOUR_US] = float(litres)
        known[meter.at_us] = float(meter.litres)
    return _course(sorted(known.items()))


def _course(points: list[tuple[int, float]]) -> Course:
    return Course(tuple(at for at, _ in points), tuple(value for _, value in points))
