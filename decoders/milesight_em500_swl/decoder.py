"""Milesight EM500-SWL submersible sensor: the depth of the water above it, and what it kept while out of reach.

Source: the maker's payload description; how its frames are built is told in `decoders/milesight.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders import milesight
from decoders.api import Decoder, Sample, Uplink


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Sample):
    """What the sensor measured; samples of the past hold the water column alone."""

    water_column_metres: float | None = None
    battery_ratio: float | None = None
    protocol_version: str | None = None
    hardware_version: str | None = None
    firmware_version: str | None = None
    tsl_version: str | None = None
    device_serial: str | None = None
    lorawan_class: str | None = None
    reset_cause: str | None = None


def _depth(centimetres: int, values: milesight.Values, flags: list[str]) -> None:
    if centimetres == 0xFFFF:
        flags.append("sensor_fault")
    elif centimetres == 0xFFFD:
        flags.append("out_of_range")
    elif centimetres >= 0x8000:
        # The device's range, limits and calibration are signed numbers, so no probe goes beyond 327.67 m. Older codecs
        # read a level a little below the probe here.
        flags.append("invalid_reading")
    else:
        values["water_column_metres"] = centimetres / 100


_RECORDS: Final = milesight.table(
    {
        0x0377: milesight.record("H", _depth),
        0x20CE: milesight.past("H", _depth),
        # Resolution and range of the probe, as it tells them after joining: nothing that was measured.
        0xFF1B: milesight.record("5x"),
    },
    settings={
        0x06: 9,  # alarm thresholds
        0x11: 4,  # clock
        0x17: 2,  # time zone
        0x1C: 2,  # measuring again
        0x27: 1,  # clear the history
        0x35: 8,  # key between devices
        0x3B: 1,  # clock from the network
        0x69: 1,  # send again what was lost
        0x6A: 3,  # interval of sending again
        0x84: 1,  # talk between devices
        0x96: 8,  # command between devices
        0xF1: 4,  # calibration
        0xF2: 2,  # reports of an alarm
        0xF5: 1,  # report of an alarm's end
    },
)


def decode(uplink: Uplink) -> Sequence[Sample]:
    """What is so now, then what the device kept; nothing where the frame only answers a downlink."""
    return milesight.samples(uplink, Level, _RECORDS)


DECODER: Final = Decoder(
    name="milesight_em500_swl",
    version="1.0",
    family="groundwater",
    about="Milesight EM500-SWL submersible water-level sensor",
    samples=(Level,),
    decode=decode,
)
