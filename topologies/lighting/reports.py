"""What a reading says of a luminaire, from all its outputs and meters; pure.

A node speaks of itself (channel 0), of each output, and of each driver's meter. They are one luminaire: its brightest
output counts, any failure counts, and of several meters of the same lamp one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Final

from pipeline.core.model import DevEui
from pipeline.core.series import samples_of
from schemas.silkstream.v1.reading_pb2 import Reading, Sample
from topologies.lighting.facts import Report

_LEVEL, _TOLD, _LAMP_ON, _LAMP_FAILURE, _LAMP_ERROR, _DRIVER, _POWER, _ENERGY, _LIT = range(9)
_SPOKEN: Final = {
    "dimming_ratio": _LEVEL,
    "commanded_dimming_ratio": _TOLD,
    "lamp_on": _LAMP_ON,
    "lamp_failure": _LAMP_FAILURE,
    "lamp_error_event": _LAMP_ERROR,
    "driver_failure": _DRIVER,
    "dali_connection_error": _DRIVER,
    "dali_error": _DRIVER,
    "active_power_watts": _POWER,
    "active_energy_watt_hours": _ENERGY,
    "lamp_on_seconds": _LIT,
}
_NO_CHANNEL: Final = 1 << 30


def reports(reading: Reading) -> Sequence[Report]:
    """One for each time that has something to say."""
    now_us = reading.observed_at_us
    by_time: dict[int, list[Sample]] = {}
    for sample in samples_of(reading):
        by_time.setdefault(sample.observed_at_us or now_us, []).append(sample)
    found = [_report(reading, by_time[at_us], at_us) for at_us in sorted(by_time)]
    return [each for each in found if each is not None]


def _report(reading: Reading, samples: Iterable[Sample], at_us: int) -> Report | None:
    level: float | None = None
    told: float | None = None
    lamp_on: bool | None = None
    failure: bool | None = None
    driver: bool | None = None
    power: float | None = None
    energy: float | None = None
    seconds: float | None = None
    power_at = energy_at = lamp_at = _NO_CHANNEL
    noticed: set[str] | None = None
    spoken = _SPOKEN.get
    for sample in samples:
        channel = sample.channel
        if sample.flags:
            noticed = {*(noticed or ()), *sample.flags}
        for quantity in sample.quantities[:]:
            what = spoken(quantity.name)
            if what is None:
                continue
            if what == _LAMP_ON:
                lamp_on = quantity.flag or lamp_on or False
            elif what == _LAMP_FAILURE:
                failure = quantity.flag or failure or False
            elif what == _DRIVER:
                driver = quantity.flag or driver or False
            elif what == _LEVEL:
                if isfinite(value := quantity.number) and (level is None or value > level):
                    level = value
            elif what == _POWER:
                if channel < power_at and isfinite(value := quantity.number):
                    power, power_at = value, channel
            elif what == _ENERGY:
                if channel < energy_at:
                    energy, energy_at = quantity.integer or quantity.number, channel
            elif what == _LIT:
                if channel < lamp_at:
                    seconds, lamp_at = quantity.integer or quantity.number, channel
            elif what == _TOLD:
                if isfinite(value := quantity.number):
                    told = value
            elif quantity.flag:
                # That the meter sees no error now says nothing of what the driver sees.
                failure = True
    if level is None:
        level = told
    if level is lamp_on is failure is driver is power is energy is seconds is None:
        return None
    if reading.flags:
        noticed = {*(noticed or ()), *reading.flags}
    return Report(
        DevEui(reading.dev_eui),
        at_us,
        reading.event_id,
        level,
        lamp_on,
        failure,
        driver,
        power,
        energy,
        energy_at if energy is not None else 0,
        seconds,
        lamp_at if seconds is not None else 0,
        tuple(sorted(noticed)) if noticed else (),
    )
