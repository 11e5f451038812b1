"""Milesight EM310-UDL ultrasonic sensor: distance, tilt and battery.

Source: the maker's user guide; how its frames are built is told in `decoders/milesight.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders import milesight
from decoders.api import Decoder, Sample, Uplink


@dataclass(frozen=True, slots=True, kw_only=True)
class FillLevel(Sample):
    """What the sensor measured; the fill level itself follows from the container's height."""

    distance_metres: float | None = None
    tilted: bool | None = None
    battery_ratio: float | None = None
    protocol_version: str | None = None
    hardware_version: str | None = None
    firmware_version: str | None = None
    tsl_version: str | None = None
    device_serial: str | None = None
    lorawan_class: str | None = None
    reset_cause: str | None = None


_RECORDS: Final = milesight.table(
    {
        0x0382: milesight.record("H", milesight.distance),
        0x0400: milesight.record("B", milesight.state("tilted")),
    },
    settings={
        0x06: 9,  # alarm thresholds
    },
)


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where the frame only answers a downlink."""
    return milesight.samples(uplink, FillLevel, _RECORDS)


DECODER: Final = Decoder(
    name="milesight_em310_udl",
    version="1.0",
    family="container",
    about="Milesight EM310-UDL ultrasonic distance sensor",
    samples=(FillLevel,),
    decode=decode,
)
