"""Milesight EM400-TLD time-of-flight sensor: distance, tilt, temperature and battery.

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
    distance_alarm: bool | None = None
    tilted: bool | None = None
    device_temperature_celsius: float | None = None
    temperature_alarm: bool | None = None
    device_alarm: bool | None = None
    battery_ratio: float | None = None
    protocol_version: str | None = None
    hardware_version: str | None = None
    firmware_version: str | None = None
    tsl_version: str | None = None
    device_serial: str | None = None
    lorawan_class: str | None = None
    reset_cause: str | None = None


def _moved(raw: int, values: milesight.Values, flags: list[str]) -> None:
    """The alarm of movement; only its beginning has a value."""
    if raw == 1:
        values["device_alarm"] = True
    else:
        flags.append("invalid_reading")


_TEMPERATURE: Final = milesight.measured("device_temperature_celsius", 10)

_RECORDS: Final = milesight.table(
    {
        0x0367: milesight.record("h", _TEMPERATURE),
        0x0482: milesight.record("H", milesight.distance),
        0x0500: milesight.record("B", milesight.state("tilted")),
        # The position of the cellular variants. They send it in frames of their own, so only its length is checked.
        0x0688: milesight.record("9x"),
        0x8367: milesight.record("hB", _TEMPERATURE, milesight.state("temperature_alarm")),
        0x8482: milesight.record("HB", milesight.distance, milesight.state("distance_alarm")),
        0x8800: milesight.record("B", _moved),
    },
    settings={
        0x06: 9,  # alarm thresholds
        0x13: 1,  # installation height in use
        0x1C: 2,  # measuring again
        0x3E: 1,  # no distance while tilted
        0x56: 1,  # time-of-flight sensor
        0x70: 2,  # height of people
        0x71: 1,  # working mode
        0x77: 2,  # installation height
        0xA1: 1,  # report of tilt
        0xA2: 2,  # alarm of movement
        0xA3: 1,  # order of SIM cards
        0xA4: 1,  # interval of adaptation to the background
        0xA5: 0,  # adopt the present position as upright
        0xA6: 0,  # adapt to the background
    },
)


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where the frame only answers a downlink."""
    return milesight.samples(uplink, FillLevel, _RECORDS)


DECODER: Final = Decoder(
    name="milesight_em400_tld",
    version="1.0",
    family="container",
    about="Milesight EM400-TLD time-of-flight distance sensor",
    samples=(FillLevel,),
    decode=decode,
)
