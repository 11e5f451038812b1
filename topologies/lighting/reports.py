"""What a reading says of a luminaire, from all its outputs and meters; pure.

A node speaks of itself (channel 0), of each output, and of each driver's meter. They are one luminaire: its brightest
output counts, any failure counts, and of several meters of the same lamp one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Final, NamedTuple

from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from pipeline.core.samples import Form, Forms, Sample, samples_of
from schemas.silkstream.v1.reading_view_pb2 import ReadingView
from topologies.lighting.facts import Report

_LEVEL, _TOLD, _POWER, _ENERGY, _LIT = range(5)
_NUMBERS: Final = {
    "dimming_ratio": _LEVEL,
    "commanded_dimming_ratio": _TOLD,
    "active_power_watts": _POWER,
    "active_energy_watt_hours": _ENERGY,
    "lamp_on_seconds": _LIT,
}
_DRIVER: Final = ("driver_failure", "dali_connection_error", "dali_error")
_NO_CHANNEL: Final = 1 << 30


class _Spoken(NamedTuple):
    """What a form says of a luminaire, and where among the values its numbers are."""

    numbers: tuple[tuple[int, int], ...]
    """Each with what it is."""
    lamp_on: bool | None
    failure: bool | None
    driver: bool | None
    flags: tuple[str, ...]


def _spoken(form: Form) -> _Spoken:
    numbers = tuple((place, _NUMBERS[name]) for place, name in enumerate(form.names) if name in _NUMBERS)
    failure = form.flag("lamp_failure")
    if form.flag("lamp_error_event"):
        # That the meter sees no error now says nothing of what the driver sees.
        failure = True
    driver = _any(form.flag(name) for name in _DRIVER)
    return _Spoken(numbers, form.flag("lamp_on"), failure, driver, form.flags)


def _any(states: Iterable[bool | None]) -> bool | None:
    """Whether one of them is so, None where nothing is said of any."""
    said = [state for state in states if state is not None]
    return any(said) if said else None


_FORMS: Final = Forms(_spoken, wanted=_NUMBERS.keys())


def reports(reading: ReadingView) -> Sequence[Report]:
    """One for each time that has something to say."""
    device, event_id = DevEui(reading.dev_eui), reading.event_id
    samples = samples_of(reading, _FORMS)
    times = {sample[0] for sample in samples}
    if len(times) == 1:
        (only,) = times
        report = _report(device, only, event_id, samples)
        return () if report is None else (report,)
    by_time = ((at_us, [sample for sample in samples if sample[0] == at_us]) for at_us in sorted(times))
    found = [_report(device, at_us, event_id, said) for at_us, said in by_time]
    return [each for each in found if each is not None]


def _report(device: DevEui, at_us: int, event_id: Id, samples: Sequence[Sample[_Spoken]]) -> Report | None:
    level: float | None = None
    told: float | None = None
    lamp_on: bool | None = None
    failure: bool | None = None
    driver: bool | None = None
    power: float | None = None
    energy: float | None = None
    seconds: float | None = None
    power_at = energy_at = lamp_at = _NO_CHANNEL
    flags: tuple[str, ...] = ()
    for _, channel, (numbers, burns, fails, driver_fails, noticed), values in samples:
        if burns is not None:
            lamp_on = burns or lamp_on or False
        if fails is not None:
            failure = fails or failure or False
        if driver_fails is not None:
            driver = driver_fails or driver or False
        if noticed and noticed != flags:
            flags = tuple(sorted({*flags, *noticed}))
        for place, what in numbers:
            value = values[place]
            if not isfinite(value):
                continue
            if what == _LEVEL:
                if level is None or value > level:
                    level = value
            elif what == _POWER:
                if channel < power_at:
                    power, power_at = value, channel
            elif what == _ENERGY:
                if channel < energy_at:
                    energy, energy_at = value, channel
            elif what == _LIT:
                if channel < lamp_at:
                    seconds, lamp_at = value, channel
            else:
                told = value
    if level is None:
        level = told
    if level is lamp_on is failure is driver is power is energy is seconds is None:
        return None
    return Report(
        device,
        at_us,
        event_id,
        level,
        lamp_on,
        failure,
        driver,
        power,
        energy,
        energy_at if energy is not None else 0,
        seconds,
        lamp_at if seconds is not None else 0,
        flags,
    )
