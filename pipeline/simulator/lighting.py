"""Luminaires: on at dusk, dimmed by night, off at dawn; some fail.

Each follows the calendar in its own node: sun elevation at its own place, a dimming profile by the local clock and a
random delay of a few minutes, so that a street does not switch, and does not send, in one second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from pipeline.simulator import encode
from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device
from pipeline.simulator.encode import AlertMemory, DaliStatus, DimmingSource, LinkState, NodeState, Usage
from pipeline.simulator.frames import DAY_US, HOUR_US, SECOND_US, Frame, randomness
from pipeline.simulator.sun import (
    CIVIL_DARKNESS_DEGREES,
    air_temperature_celsius,
    crossing_us,
    from_local_us,
    solar_noon_us,
)

FULL_PERCENT: Final = 100
NIGHT_PERCENT: Final = 50
DIMMED_FROM_HOUR: Final = 23
DIMMED_TO_HOUR: Final = 5
STANDBY_WATTS: Final = 0.6
DALI_DRIVER: Final = encode.dali_short_address(9)


class Switch(NamedTuple):
    """From then on the luminaire should be at that level, for that reason."""

    at_us: int
    level_percent: int
    reason: int


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
            yield Switch(dusk + delay, FULL_PERCENT, encode.REASON_DUSK)
            if dusk < dim_from:
                yield Switch(dim_from + delay, NIGHT_PERCENT, encode.REASON_PROFILE)
            if dim_to < dawn:
                yield Switch(dim_to + delay, FULL_PERCENT, encode.REASON_NIGHT)
            yield Switch(dawn + delay, 0, encode.REASON_DAWN)
        noon = next_noon


class Luminaire:
    """A luminaire's state as it goes through the days: level, energy, burning hours, failure."""

    def __init__(self, plan: CityPlan, device: Device, rng: Random) -> None:
        self._rated_watts = device.attributes["rated_watts"]
        self._rng = rng
        self.level_percent = 0
        self.reason = encode.REASON_DAY
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

    def status(self, at_us: int) -> Frame:
        """A status frame; `says` is 1 for a failed lamp."""
        dark = self.dark(at_us)
        dali = DaliStatus.LAMP_FAILURE if dark else DaliStatus(0)
        if self.level_percent and not dark:
            dali |= DaliStatus.LAMP_ON
        payload = encode.ul20xx_status(
            clock_seconds=at_us // SECOND_US,
            node=NodeState.RELAY_CLOSED,
            link=LinkState(0),
            downlink_rssi_dbm=self._downlink_rssi,
            downlink_snr_db=self._rng.randrange(-4, 11),
            temperature_celsius=round(air_temperature_celsius(at_us) + 0.2 * self.power_watts(at_us)),
            alerts=AlertMemory.LAMP_ERROR if dark else AlertMemory(0),
            sources=(DimmingSource(DALI_DRIVER, self.reason, self.level_percent, dali),),
        )
        return Frame(at_us, encode.UL20XX_STATUS_PORT, payload, float(dark))

    def usage(self, at_us: int) -> Frame:
        """A usage frame: the node's own meter, and what the driver says of the same lamp."""
        self.pass_until(at_us)
        watts = self.power_watts(at_us)
        burning = watts > STANDBY_WATTS
        meter = Usage(
            address=encode.INTERNAL_METER,
            active_energy_watt_hours=int(self._energy_watt_hours),
            active_power_watts=round(watts),
            power_factor_ratio=0.96 if burning else 0.35,
            mains_volts=round(self._volts + self._rng.gauss(0.0, 1.0)),
        )
        driver = Usage(
            address=DALI_DRIVER,
            active_energy_watt_hours=int(self._energy_watt_hours * 0.97),
            active_power_watts=int(watts),
            driver_seconds=int(self._driver_seconds),
            lamp_seconds=int(self._lamp_seconds),
        )
        return Frame(at_us, encode.UL20XX_USAGE_PORT, encode.ul20xx_usage((meter, driver)))


def frames(plan: CityPlan, device: Device) -> Iterator[Frame]:
    """A status frame at each change, status and usage at each interval, half an interval apart."""
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
