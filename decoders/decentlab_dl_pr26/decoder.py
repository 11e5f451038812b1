"""Decentlab DL-PR26 pressure and level probe: pressure, water temperature and battery.

The frame holds raw counts; what they mean in bar depends on the range printed on the probe, which is a device
attribute. Without it the pressure is left out rather than guessed, since a wrong range looks like a real level.
Source: the maker's description of protocol version 2.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import (
    Attribute,
    AttributeValue,
    Decoder,
    InvalidAttribute,
    Sample,
    TrailingBytes,
    Truncated,
    UnknownFrame,
    UnknownPort,
    Uplink,
)
from decoders.quantities import QUANTITIES

_HEADER: Final = struct.Struct(">BHH")
_ALL_GROUPS: Final = struct.Struct(">HHH")
_PROBE: Final = struct.Struct(">HH")
_BATTERY: Final = struct.Struct(">H")

# Bytes that follow the header for each combination of the two known groups.
_LENGTHS: Final = (0, 4, 2, 6)

# A probe goes a little beyond its range, and its zero drifts; further out it is overloaded or broken.
_TOLERATED_SPAN: Final = 0.05

_COLD: Final = QUANTITIES["water_temperature_celsius"].low
_HOT: Final = QUANTITIES["water_temperature_celsius"].high
_HIGH_VOLTS: Final = QUANTITIES["battery_volts"].high
_LOW_BAR: Final = QUANTITIES["pressure_bar"].low
_HIGH_BAR: Final = QUANTITIES["pressure_bar"].high


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Sample):
    """What the probe and the battery measured."""

    pressure_bar: float | None = None
    water_temperature_celsius: float | None = None
    battery_volts: float | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where the frame names no sensor group."""
    # The port is 1 as delivered and can be set to any application port.
    if not 1 <= uplink.f_port <= 223:
        raise UnknownPort(f"port {uplink.f_port} is no application port")
    payload = uplink.payload
    if len(payload) < 5:
        raise Truncated(f"the frame has {len(payload)} bytes, its header 5")
    version, _, groups = _HEADER.unpack_from(payload)
    if version != 2:
        raise UnknownFrame(f"protocol version {version} is not 2")
    _check_length(len(payload), groups)
    known = groups & 3
    if known == 3:
        pressure, temperature, battery = _ALL_GROUPS.unpack_from(payload, 5)
        return (_level(pressure, temperature, battery, uplink.attributes),)
    if known == 1:
        pressure, temperature = _PROBE.unpack_from(payload, 5)
        return (_level(pressure, temperature, None, uplink.attributes),)
    if known == 2:
        volts = _BATTERY.unpack_from(payload, 5)[0] / 1000
        return (Level(battery_volts=volts) if volts <= _HIGH_VOLTS else Level(flags=("invalid_reading",)),)
    return ()


def _check_length(length: int, groups: int) -> None:
    expected = 5 + _LENGTHS[groups & 3]
    if length < expected:
        raise Truncated(f"the frame has {length} bytes instead of {expected}")
    # A group that later firmware may add comes behind the known ones; without one nothing may follow.
    if length > expected and groups <= 3:
        raise TrailingBytes(f"the frame has {length} bytes instead of {expected}")


def _level(
    raw_pressure: int, raw_temperature: int, raw_battery: int | None, attributes: Mapping[str, AttributeValue]
) -> Level:
    bar, flags = _pressure(raw_pressure, attributes)
    celsius = (raw_temperature - 384) * 0.003125 - 50
    volts = None if raw_battery is None else raw_battery / 1000
    cold_or_hot = not _COLD <= celsius <= _HOT
    if cold_or_hot or (volts is not None and volts > _HIGH_VOLTS):
        flags = (*(flag for flag in flags if flag != "invalid_reading"), "invalid_reading")
    return Level(
        pressure_bar=bar,
        water_temperature_celsius=None if cold_or_hot else celsius,
        battery_volts=None if volts is None or volts > _HIGH_VOLTS else volts,
        flags=flags,
    )


def _pressure(raw: int, attributes: Mapping[str, AttributeValue]) -> tuple[float | None, tuple[str, ...]]:
    low = attributes.get("pressure_min_bar")
    high = attributes.get("pressure_max_bar")
    if low is None or high is None or isinstance(low, str) or isinstance(high, str):
        return None, ("uncalibrated",)
    if high <= low:
        raise InvalidAttribute(f"pressure_max_bar={high:g} must be above pressure_min_bar={low:g}")
    share = (raw - 16384) / 32768
    bar = share * (high - low) + low
    if not _LOW_BAR <= bar <= _HIGH_BAR:
        return None, ("invalid_reading",)
    return bar, () if -_TOLERATED_SPAN <= share <= 1 + _TOLERATED_SPAN else ("out_of_range",)


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
