"""Lobaro Pressure 26D: a KELLER pressure probe on a LoRaWAN sender, with temperature and, in newer firmware, battery.

Everything has its lowest byte first. Source: the maker's payload description.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, TrailingBytes, Truncated, UnknownPort, Uplink
from decoders.quantities import QUANTITIES

_PROBE: Final = struct.Struct("<fh")
_PROBE_AND_BATTERY: Final = struct.Struct("<fhH")

_LOW_BAR: Final = QUANTITIES["pressure_bar"].low
_HIGH_BAR: Final = QUANTITIES["pressure_bar"].high
_COLD: Final = QUANTITIES["water_temperature_celsius"].low
_HOT: Final = QUANTITIES["water_temperature_celsius"].high
_HIGH_VOLTS: Final = QUANTITIES["battery_volts"].high


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Sample):
    """What the probe and the battery measured."""

    pressure_bar: float | None = None
    water_temperature_celsius: float | None = None
    battery_volts: float | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample for every frame."""
    if uplink.f_port != 1:
        raise UnknownPort(f"measurements come on port 1, not on {uplink.f_port}")
    payload = uplink.payload
    length = len(payload)
    volts: float | None = None
    # Firmware before 0.1.0 sends no battery.
    if length == 6:
        bar, hundredths = _PROBE.unpack(payload)
    elif length == 8:
        bar, hundredths, millivolts = _PROBE_AND_BATTERY.unpack(payload)
        volts = millivolts / 1000
    elif length < 8:
        raise Truncated(f"the frame has {length} bytes instead of 6 or 8")
    else:
        raise TrailingBytes(f"the frame has {length} bytes instead of 6 or 8")
    flags: set[str] = set()
    pressure: float | None = bar
    if not _LOW_BAR <= bar <= _HIGH_BAR:
        pressure = None
        flags.add("invalid_reading" if math.isfinite(bar) else "sensor_fault")
    celsius: float | None = hundredths / 100
    if not _COLD <= hundredths / 100 <= _HOT:
        celsius = None
        flags.add("invalid_reading")
    if volts is not None and volts > _HIGH_VOLTS:
        volts = None
        flags.add("invalid_reading")
    return (
        Level(
            pressure_bar=pressure,
            water_temperature_celsius=celsius,
            battery_volts=volts,
            flags=tuple(sorted(flags)) if flags else (),
        ),
    )


DECODER: Final = Decoder(
    name="lobaro_pressure_26d",
    version="1.0",
    family="groundwater",
    about="Lobaro Pressure 26D pressure and level probe",
    samples=(Level,),
    decode=decode,
)
