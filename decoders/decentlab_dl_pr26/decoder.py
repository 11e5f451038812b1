"""Decentlab DL-PR26 pressure and level probe: pressure, water temperature and battery.

The frame holds raw counts; what they mean in bar depends on the range printed on the probe, which is a device
attribute. Without it the pressure is left out rather than guessed, since a wrong range looks like a real level.
Source: the maker's description of protocol version 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Attribute, AttributeValue, Decoder, InvalidAttribute, Sample, Uplink
from decoders.decentlab import Groups, within
from decoders.quantities import QUANTITIES

_GROUPS: Final = Groups(2, 1)

# A probe goes a little beyond its range, and its zero drifts; further out it is overloaded or broken.
_TOLERATED_SPAN: Final = 0.05

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
        bar = _pressure(pressure, uplink.attributes, flags)
        celsius = within((temperature - 384) * 0.003125 - 50, _TEMPERATURE, flags)
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


def _pressure(word: int, attributes: Mapping[str, AttributeValue], flags: set[str]) -> float | None:
    low = attributes.get("pressure_min_bar")
    high = attributes.get("pressure_max_bar")
    if low is None or high is None or isinstance(low, str) or isinstance(high, str):
        flags.add("uncalibrated")
        return None
    if high <= low:
        raise InvalidAttribute(f"pressure_max_bar={high:g} must be above pressure_min_bar={low:g}")
    share = (word - 16384) / 32768
    bar = within(share * (high - low) + low, _PRESSURE, flags)
    if bar is not None and not -_TOLERATED_SPAN <= share <= 1 + _TOLERATED_SPAN:
        flags.add("out_of_range")
    return bar


DECODER: Final = Decoder(
    name="decentlab_dl_pr26",
    version="1.0",
    family="groundwater",
    about="Decentlab DL-PR26 pressure and level probe, protocol version 2",
    samples=(Level,),
    decode=decode,
    attributes=(
        Attribute(
            name="pressure_min_bar",
            unit="bar",
            low=-1,
            high=1000,
            help="lower end of the probe's range (Pmin on its label)",
        ),
        Attribute(
            name="pressure_max_bar",
            unit="bar",
            low=-1,
            high=1000,
            help="upper end of the probe's range (Pmax on its label)",
        ),
    ),
)
