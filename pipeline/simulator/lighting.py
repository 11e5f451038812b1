"""Luminaires: on at dusk, dimmed by night, off at dawn; some fail.

Each follows the calendar in its own node: sun elevation at its own place, a dimming profile by the local clock and a
random delay of a few minutes, so that a street does not switch, and does not send, in one second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from pipeline.core.clock import DAY_US, HOUR_US, SECOND_US
from pipeline.simulator.battery import battery_of
from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device
from pipeline.simulator.frames import Frame, randomness
from pipeline.simulator.moments import Lamp, LampUsage, Reason
from pipeline.simulator.sun import (
    CIVIL_DARKNESS_DEGREES,
    air_temperature_celsius,
    crossing_us,
    from_local_us,
    solar_noon_us,
)
from pipeline.simulator.voices import spoken
from pipeline.simulator.voices.lighting import VOICES

FULL_PERCENT: Final = 100
NIGHT_PERCENT: Final = 50
DIMMED_FROM_HOUR: Final = 23
DIMMED_TO_HOUR: Final = 5
STANDBY_WATTS: Final = 0.6


class Switch(NamedTuple):
    """From then on the luminaire should be at that level, for that reason."""

    at_us: int
    level_percent: int
    reason: Reason


def switches(device: Device, from_us: int, until_us: int, rng: Random) -> Iterator[Switch]:
    """The changes of level from the noon before `from_us` on, in order."""
    delay = int(rng.uniform(0.0, 240.0) * SECOND_US)
    darkness = CIVIL_DARKNESS_DEGREES + rng.uniform(-0.5, 0.5)
    noon = solar_noon_us(from_us // DAY_US * DAY_US, device.longitude)
    if noon > from_us:
        noon -= DAY_US
    while noon < until_us:
        midnight, next_noon = noon + DAY_US // 2, noon + DAY_US
        place = {"degrees": darkness, "latitude": device.latitude, "longitude": device.longitude}
        dusk = crossing_us(noon, midnight, **place)
        dawn = crossing_us(midnight, next_noon, **place)
        if dusk is not None and dawn is not None:
            day = (midnight // DAY_US) * DAY_US
            local_midnight = min(
                (from_local_us(day + shift * DAY_US) for shift in (-1, 0, 1)), key=lambda at: abs(at - midnight)
            )
            dim_from = local_midnight + (DIMMED_FROM_HOUR - 24) * HOUR_US
            dim_to = local_midnight + DIMMED_TO_HOUR * HOUR_US
            yield Switch(dusk + delay, FULL_PERCENT, Reason.DUSK)
            if dusk < dim_from:
                yield Switch(dim_from + delay, NIGHT_PERCENT, Reason.PROFILE)
            if dim_to < dawn:
                yield Switch(dim_to + delay, FULL_PERCENT, Reason.NIGHT)
            yield Switch(dawn + delay, 0, Reason.DAWN)
        noon = next_noon


class Luminaire:
    """A luminaire's state as it goes through the days: level, energy, burning hours, failure."""

    def __init__(self, plan: CityPlan, device: Device, rng: Random) -> None:
        self._device = device
        self._battery = battery_of(plan.seed, device.dev_eui, plan.start_us)
        self._number = 0
        self._before_us = plan.start_us
        self._rated_watts = device.attributes["rated_watts"]
        self._rng = rng
        self.level_percent = 0
        self.reason = Reason.DAY
        self.failed_at_us: int | None = None
        if rng.random() < plan.failed_luminaire_share:
            # half of them failed before, half fail while we look
            span = plan.end_us - plan.start_us
            self.failed_at_us = plan.start_us + int(rng.uniform(-1.0, 1.0) * span)
        self._energy_watt_hours = rng.uniform(50_000.0, 900_000.0)
        self._driver_seconds = rng.uniform(5e6, 6e7)
        self._lamp_seconds = self._driver_seconds * 0.47
        self._at_us = plan.start_us
        self._volts = rng.uniform(228.0, 233.0)
        self._downlink_rssi = -rng.randrange(60, 105)

    def dark(self, at_us: int) -> bool:
        """Whether its lamp has failed by then."""
        return self.failed_at_us is not None and at_us >= self.failed_at_us

    def power_watts(self, at_us: int) -> float:
        """What it draws then."""
        if self.level_percent == 0 or self.dark(at_us):
            return STANDBY_WATTS
        return STANDBY_WATTS + self._rated_watts * math.pow(self.level_percent / 100.0, 0.95)

    def pass_until(self, at_us: int) -> None:
        """Count energy and hours up to then at the level it has."""
        seconds = max(0, at_us - self._at_us) / SECOND_US
        self._energy_watt_hours += self.power_watts(at_us) * seconds / 3600.0
        self._driver_seconds += seconds
        if self.level_percent and not self.dark(at_us):
            self._lamp_seconds += seconds
        self._at_us = at_us

    def status(self, at_us: int) -> Lamp:
        """What it does and how it is."""
        number, before_us = self._spoken(at_us)
        return Lamp(
            device=self._device,
            at_us=at_us,
            before_us=before_us,
            number=number,
            battery=self._battery,
            level_percent=self.level_percent,
            reason=self.reason,
            dark=self.dark(at_us),
            downlink_rssi_dbm=self._downlink_rssi,
            downlink_snr_db=self._rng.randrange(-4, 11),
            inside_celsius=round(air_temperature_celsius(at_us) + 0.2 * self.power_watts(at_us)),
        )

    def usage(self, at_us: int) -> LampUsage:
        """What it has used."""
        self.pass_until(at_us)
        number, before_us = self._spoken(at_us)
        watts = self.power_watts(at_us)
        return LampUsage(
            device=self._device,
            at_us=at_us,
            before_us=before_us,
            number=number,
            battery=self._battery,
            energy_watt_hours=self._energy_watt_hours,
            power_watts=watts,
            burning=watts > STANDBY_WATTS,
            mains_volts=round(self._volts + self._rng.gauss(0.0, 1.0)),
            driver_seconds=int(self._driver_seconds),
            lamp_seconds=int(self._lamp_seconds),
        )

    def _spoken(self, at_us: int) -> tuple[int, int]:
        """How often it has spoken, and when last."""
        number, before_us = self._number, self._before_us
        self._number, self._before_us = number + 1, at_us
        return number, before_us


def frames(plan: CityPlan, device: Device) -> Iterator[Frame]:
    """What the device's model sends of its luminaire; `says` is 1 for a failed lamp, where the model knows it."""
    return spoken(VOICES[device.model.decoder], plan, device, lamps(plan, device))


def lamps(plan: CityPlan, device: Device) -> Iterator[Lamp | LampUsage]:
    """The state at each change, state and usage at each interval, half an interval apart."""
    rng = randomness(plan.seed, device.dev_eui, "lighting")
    luminaire = Luminaire(plan, device, rng)
    interval = int(plan.luminaire_interval_seconds * SECOND_US)
    status = plan.start_us + int(rng.random() * interval)
    usage = status - interval // 2 if status - interval // 2 > plan.start_us else status + interval // 2
    coming = switches(device, plan.start_us, plan.end_us, rng)
    switch = next(coming, None)
    while switch is not None and switch.at_us <= plan.start_us:
        luminaire.level_percent, luminaire.reason = switch.level_percent, switch.reason
        switch = next(coming, None)
    while True:
        change = plan.end_us if switch is None else switch.at_us
        at = min(status, usage, change)
        if at >= plan.end_us:
            return
        if switch is not None and at == change:
            luminaire.pass_until(at)
            luminaire.level_percent, luminaire.reason = switch.level_percent, switch.reason
            switch = next(coming, None)
            yield luminaire.status(at)
        elif at == status:
            status += interval
            yield luminaire.status(at)
        else:
            usage += interval
            yield luminaire.usage(at)
