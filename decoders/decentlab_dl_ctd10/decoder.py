"""Decentlab DL-CTD10 probe: water depth, temperature, electrical conductivity, frost and battery.

Source: the maker's description of protocol version 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, Uplink
from decoders.decentlab import Groups, within
from decoders.quantities import QUANTITIES

_GROUPS: Final = Groups(4, 1)

_DEPTH: Final = QUANTITIES["water_column_metres"]
_TEMPERATURE: Final = QUANTITIES["water_temperature_celsius"]
_BATTERY: Final = QUANTITIES["battery_volts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Sample):
    """What the probe and the battery measured."""

    water_column_metres: float | None = None
    water_temperature_celsius: float | None = None
    water_conductivity_microsiemens_per_centimetre: float | None = None
    freezing: bool | None = None
    battery_volts: float | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where the frame names no sensor group."""
    probe, battery = _GROUPS.read(uplink)
    if probe is None and battery is None:
        return ()
    metres = celsius = microsiemens = volts = None
    freezing = None
    flags: set[str] = set()
    if probe is not None:
        depth, temperature, conductivity, frost = probe
        metres = within((depth - 32768) / 1000, _DEPTH, flags)
        celsius = within((temperature - 32768) / 10, _TEMPERATURE, flags)
        # An unsigned word of microsiemens cannot leave the quantity's bounds.
        microsiemens = float(conductivity)
        if frost > 1:
            flags.add("invalid_reading")
        else:
            freezing = frost == 1
    if battery is not None:
        volts = within(battery[0] / 1000, _BATTERY, flags)
    return (
        Level(
            water_column_metres=metres,
            water_temperature_celsius=celsius,
            water_conductivity_microsiemens_per_centimetre=microsiemens,
            freezing=freezing,
            battery_volts=volts,
            flags=tuple(sorted(flags)) if flags else (),
        ),
    )


DECODER: Final = Decoder(
    name="decentlab_dl_ctd10",
    version="1.0",
    family="groundwater",
    about="Decentlab DL-CTD10 depth, temperature and conductivity probe, protocol version 2",
    samples=(Level,),
    decode=decode,
)
