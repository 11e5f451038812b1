"""Decentlab DL-PR36CTD probe: pressure, two temperatures, electrical conductivity and battery.

The frame holds raw counts; how many of them make one bar or one millisiemens per centimetre depends on the ranges that
the probe was ordered with and is printed on it, so both are device attributes. Without them the reading is left out
rather than guessed. Source: the maker's description of protocol version 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Attribute, Decoder, Sample, Uplink
from decoders.decentlab import Groups, scaled, within
from decoders.quantities import QUANTITIES

_GROUPS: Final = Groups(4, 1)

_PRESSURE: Final = QUANTITIES["pressure_bar"]
_ELECTRONICS: Final = QUANTITIES["device_temperature_celsius"]
_TEMPERATURE: Final = QUANTITIES["water_temperature_celsius"]
_CONDUCTIVITY: Final = QUANTITIES["water_conductivity_microsiemens_per_centimetre"]
_BATTERY: Final = QUANTITIES["battery_volts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Sample):
    """What the probe and the battery measured."""

    pressure_bar: float | None = None
    water_temperature_celsius: float | None = None
    water_conductivity_microsiemens_per_centimetre: float | None = None
    device_temperature_celsius: float | None = None
    battery_volts: float | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where the frame names no sensor group."""
    probe, battery = _GROUPS.read(uplink)
    if probe is None and battery is None:
        return ()
    bar = celsius = microsiemens = electronics = volts = None
    flags: set[str] = set()
    if probe is not None:
        attributes = uplink.attributes
        pressure, inside, water, conductivity = probe
        bar = within(scaled(pressure, attributes.get("pressure_counts_per_bar"), flags), _PRESSURE, flags)
        electronics = within((inside - 32768) / 256, _ELECTRONICS, flags)
        celsius = within((water - 32768) / 256, _TEMPERATURE, flags)
        millisiemens = scaled(
            conductivity, attributes.get("conductivity_counts_per_millisiemens_per_centimetre"), flags
        )
        if millisiemens is not None:
            microsiemens = within(millisiemens * 1000, _CONDUCTIVITY, flags)
    if battery is not None:
        volts = within(battery[0] / 1000, _BATTERY, flags)
    return (
        Level(
            pressure_bar=bar,
            water_temperature_celsius=celsius,
            water_conductivity_microsiemens_per_centimetre=microsiemens,
            device_temperature_celsius=electronics,
            battery_volts=volts,
            flags=tuple(sorted(flags)) if flags else (),
        ),
    )


DECODER: Final = Decoder(
    name="decentlab_dl_pr36ctd",
    version="1.0",
    family="groundwater",
    about="Decentlab DL-PR36CTD pressure, temperature and conductivity probe, protocol version 2",
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
        Attribute(
            name="conductivity_counts_per_millisiemens_per_centimetre",
            unit="{count}.cm/mS",
            low=64,
            high=131_072,
            help="counts of the probe's conductivity reading for one mS/cm (kec on its label)",
        ),
    ),
)
