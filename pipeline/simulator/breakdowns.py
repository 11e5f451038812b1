"""What breaks: devices that die, gateways that fall silent, containers that lie on their side, sensors that see wrong.

Each is drawn by a generator of its own, so a city whose sensors lie is, car by car, the city whose sensors do not.
A plan that asks for none of it is played as if this module were not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from pipeline.core.clock import DAY_US, HOUR_US
from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device
from pipeline.simulator.frames import randomness
from pipeline.simulator.moments import Bay, Container, Well


class Hours(NamedTuple):
    """How long a spell lasts, at least and at most."""

    least: float
    most: float


GATEWAY_SILENT: Final = Hours(2.0, 18.0)
TOPPLED: Final = Hours(2.0, 30.0)
STUCK: Final = Hours(3.0, 24.0)
BLIND: Final = Hours(3.0, 36.0)
LIFTED: Final = Hours(1.0, 6.0)
DRIFT_METRES_PER_DAY: Final = 0.004
NO_ECHO_METRES: Final = 0.0


class Spell(NamedTuple):
    """A while; `depth` is a number of its own, 0 to 1."""

    from_us: int
    until_us: int
    depth: float

    def holds(self, at_us: int) -> bool:
        """Whether a time lies in it."""
        return self.from_us <= at_us < self.until_us


def spells(plan: CityPlan, key: str, purpose: str, *, per_day: float, hours: Hours) -> tuple[Spell, ...]:
    """The spells of a device or gateway in the plan's time, which do not overlap."""
    if per_day <= 0:
        return ()
    rng, made, at = randomness(plan.seed, key, purpose), [], plan.start_us
    while (at := at + int(rng.expovariate(per_day) * DAY_US)) < plan.end_us:
        until = at + int(rng.uniform(*hours) * HOUR_US)
        made.append(Spell(at, until, rng.random()))
        at = until
    return tuple(made)


def within(spells: Sequence[Spell], at_us: int) -> bool:
    """Whether a time lies in one of the spells."""
    return any(spell.holds(at_us) for spell in spells)


# ── what happens ──


@lru_cache(maxsize=256)
def gateway_outages(plan: CityPlan, gateway_id: str) -> tuple[Spell, ...]:
    """When a gateway forwards nothing."""
    return spells(plan, gateway_id, "outage", per_day=plan.gateway_outages_per_day, hours=GATEWAY_SILENT)


def death_us(plan: CityPlan, device: Device) -> int | None:
    """When a device falls silent for good; None for one that outlives the plan."""
    rng = randomness(plan.seed, device.dev_eui, "death")
    if rng.random() >= plan.dead_device_share:
        return None
    return plan.start_us + int(rng.random() * (plan.end_us - plan.start_us))


def toppled(plan: CityPlan, device: Device) -> tuple[Spell, ...]:
    """When a container lies on its side."""
    return spells(plan, device.dev_eui, "toppled", per_day=plan.toppled_containers_per_day, hours=TOPPLED)


# ── what sensors make of it ──


def seen_bays(plan: CityPlan, device: Device, bays: Iterator[Bay]) -> Iterator[Bay]:
    """The bay as its sensor sees it: some cars it misses from coming to going, for some hours it sees no change."""
    if not plan.missed_car_share and not plan.stuck_bays_per_day:
        return bays
    stuck = spells(plan, device.dev_eui, "stuck", per_day=plan.stuck_bays_per_day, hours=STUCK)
    return _seen_bays(plan, device, bays, stuck)


def _seen_bays(plan: CityPlan, device: Device, bays: Iterable[Bay], stuck: Sequence[Spell]) -> Iterator[Bay]:
    rng = randomness(plan.seed, device.dev_eui, "missed")
    told: bool | None = None
    since, missed = plan.start_us, False
    for bay in bays:
        if bay.changed:
            missed = bay.occupied and rng.random() < plan.missed_car_share
        sees = bay.occupied and not missed
        if told is None:
            told = sees != bay.changed
        if within(stuck, bay.at_us):
            sees = told
        changed = sees != told
        if changed or not bay.changed:
            yield replace(bay, occupied=sees, changed=changed, state_us=bay.at_us - since)
        if changed:
            told, since = sees, bay.at_us


def seen_fills(plan: CityPlan, device: Device, fills: Iterator[Container]) -> Iterator[Container]:
    """The container as its sensor sees it: now and then what stands close below it, for some hours nothing."""
    if not plan.wrong_echo_share and not plan.blind_containers_per_day:
        return fills
    blind = spells(plan, device.dev_eui, "blind", per_day=plan.blind_containers_per_day, hours=BLIND)
    return _seen_fills(plan, device, fills, blind)


def _seen_fills(
    plan: CityPlan, device: Device, fills: Iterable[Container], blind: Sequence[Spell]
) -> Iterator[Container]:
    rng = randomness(plan.seed, device.dev_eui, "echo")
    empty, full = device.attributes["empty_distance_metres"], device.attributes["full_distance_metres"]
    for fill in fills:
        wrong, distance = rng.random() < plan.wrong_echo_share, round(rng.uniform(full, empty), 3)
        if within(blind, fill.at_us):
            yield replace(fill, distance_metres=NO_ECHO_METRES, fill_ratio=0.0)
        elif wrong:
            yield replace(fill, distance_metres=distance, fill_ratio=(empty - distance) / (empty - full))
        else:
            yield fill


def seen_wells(plan: CityPlan, device: Device, wells: Iterator[Well]) -> Iterator[Well]:
    """The well as its probe sees it: some drift, and now and then somebody lifts one for some hours."""
    if not plan.lifted_probes_per_day and not plan.drifting_probe_share:
        return wells
    lifted = spells(plan, device.dev_eui, "lifted", per_day=plan.lifted_probes_per_day, hours=LIFTED)
    return _seen_wells(wells, lifted, drift_metres_per_day=drift_metres_per_day(plan, device), start_us=plan.start_us)


def drift_metres_per_day(plan: CityPlan, device: Device) -> float:
    """By how much a probe's answer moves away from the truth each day; 0 for a good one."""
    rng = randomness(plan.seed, device.dev_eui, "drift")
    return DRIFT_METRES_PER_DAY * rng.choice((-1, 1)) if rng.random() < plan.drifting_probe_share else 0.0


def _seen_wells(
    wells: Iterable[Well], lifted: Sequence[Spell], *, drift_metres_per_day: float, start_us: int
) -> Iterator[Well]:
    for well in wells:
        column = well.column_metres + drift_metres_per_day * (well.at_us - start_us) / DAY_US
        for spell in lifted:
            if spell.holds(well.at_us):
                # in the air a probe measures no water at all
                column = max(0.0, column - 0.3 - 8.0 * spell.depth)
        pressure = well.pressure_bar * column / well.column_metres
        yield replace(well, column_metres=column, pressure_bar=pressure)
