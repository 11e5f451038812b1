"""Decentlab DL-MBX ultrasonic sensor: distance, the number of echoes it was made of, and battery.

The device listens several times for each distance and tells how often it heard an echo; with none the distance field
means nothing. Source: the maker's description of protocol version 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, Uplink
from decoders.decentlab import Groups, within
from decoders.quantities import QUANTITIES

_GROUPS: Final = Groups(2, 1)

_BATTERY: Final = QUANTITIES["battery_volts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FillLevel(Sample):
    """What the sensor measured; the fill level itself follows from the container's height."""

    distance_metres: float | None = None
    valid_samples_count: int | None = None
    battery_volts: float | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where the frame names no sensor group."""
    probe, battery = _GROUPS.read(uplink)
    if probe is None and battery is None:
        return ()
    metres = volts = None
    samples = None
    flags: set[str] = set()
    if probe is not None:
        # An unsigned word of millimetres cannot leave the quantity's bounds.
        millimetres, samples = probe
        if samples:
            metres = millimetres / 1000
        else:
            flags.add("no_echo")
    if battery is not None:
        volts = within(battery[0] / 1000, _BATTERY, flags)
    return (
        FillLevel(
            distance_metres=metres,
            valid_samples_count=samples,
            battery_volts=volts,
            flags=tuple(sorted(flags)) if flags else (),
        ),
    )


DECODER: Final = Decoder(
    name="decentlab_dl_mbx",
    version="1.0",
    family="container",
    about="Decentlab DL-MBX ultrasonic distance sensor, protocol version 2",
    samples=(FillLevel,),
    decode=decode,
)
