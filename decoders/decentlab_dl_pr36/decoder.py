"""Decentlab DL-PR36 pressure and level probe: pressure, water temperature and battery.

The frame holds raw counts; how many of them make one bar depends on the range that the probe was ordered with and is
printed on it, so it is a device attribute. Without it the pressure is left out rather than guessed.
Source: the maker's description of protocol version 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Attribute, Decoder, Sample, Uplink
from decoders.decentlab import Groups, scaled, within
from decoders.quantities import QUANTITIES

_GROUPS: Final = Groups(2, 1)

_PRESSURE: Final = QUANTITIES["pressure_bar"]
_TEMPERATURE: Final = QUANTITIES["water_temperature_celsius"]
_BATTERY: Final = QUANTITIES["battery_volts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Sample):
    """What the probe and the battery measured."""

    pressure_bar: float | None = None
    water_temperature_celsius: float | None = None
    battery_volts: float | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where the frame names no sensor group."""
    probe, battery = _GROUPS.read(uplink)
    if probe is None and battery is None:
        return ()
    bar = celsius = volts = None
    flags: set[str] = set()
    if probe is not None:
        pressure, temperature = probe
        bar = within(scaled(pressure, uplink.attributes.get("pressure_counts_per_bar"), flags), _PRESSURE, flags)
        celsius = within((temperature - 32768) / 256, _TEMPERATURE, flags)
    if battery is not None:
        volts = within(battery[0] / 1000, _BATTERY, flags)
    return (
        Level(
            pressure_bar=bar,
            water_temperature_celsius=celsius,
            battery_volts=volts,
            flags=tuple(sorted(flags)) if flags else (),
        ),
    )


DECODER: Final = Decoder(
    name="decentlab_dl_pr36",
    version="1.0",
    family="groundwater",
    about="Decentlab DL-PR36 pressure and level probe, protocol version 2",
    samples=(Level,),
    decode=decode,
    attributes=(
        Attribute(
            name="pressure_counts_per_bar",
            unit="{count}/bar",
            low=16,
            high=131_072,
            help="counts of the probe's pressure reading for one bar (kp on its label)",
        ),
    ),
)
