"""What Dragino's -LB sensors have in common: the device status on port 5 and the log on port 3.

Source: the maker's public decoders of the two models; all numbers have their highest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from decoders.api import CLOCK_SET_SINCE, Sample, TrailingBytes, Truncated, UnknownFrame
from decoders.quantities import QUANTITIES

_STATUS: Final = struct.Struct(">BBBBBH")

_BANDS: Final = {
    1: "EU868",
    2: "US915",
    3: "IN865",
    4: "AU915",
    5: "KZ865",
    6: "RU864",
    7: "AS923",
    8: "AS923-1",
    9: "AS923-2",
    10: "AS923-3",
    11: "CN470",
    12: "EU433",
    13: "KR920",
    14: "MA869",
    15: "AS923-4",
}


HIGH_MILLIVOLTS: Final = round(QUANTITIES["battery_volts"].high * 1000)
"""A battery cannot have more."""

Logged = TypeVar("Logged", bound=Sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus(Sample):
    """Port 5: what the device tells about itself after it has joined, or when a downlink asks."""

    firmware_version: str | None = None
    radio_region: str | None = None
    battery_volts: float | None = None


def device_status(payload: bytes, model: int) -> Sequence[Sample]:
    """One sample.

    Raises:
        DecodeError: the length is not 7, or the frame is one of another model.
    """
    if len(payload) != _STATUS.size:
        raise wrong_length(payload, _STATUS.size)
    # The sub-band of a band with many channels says nothing about the device.
    sender, major, minor_patch, band, _, millivolts = _STATUS.unpack(payload)
    if sender != model:
        raise UnknownFrame(f"status of model 0x{sender:02x} instead of 0x{model:02x}")
    region = _BANDS.get(band)
    return (
        DeviceStatus(
            firmware_version=f"{major & 0x0F}.{minor_patch >> 4}.{minor_patch & 0x0F}",
            radio_region=region,
            battery_volts=millivolts / 1000 if millivolts <= HIGH_MILLIVOLTS else None,
            flags=("invalid_reading",) if region is None or millivolts > HIGH_MILLIVOLTS else (),
        ),
    )


def log(
    payload: bytes, layout: struct.Struct, sample_of: Callable[[tuple[int, ...]], Logged], unset: Logged
) -> Sequence[Logged]:
    """Port 3: one sample for each time in the log.

    The last number of a record is its time. `unset` comes first where the device's clock had not been set yet when a
    record was taken.
    """
    if not payload or len(payload) % layout.size:
        raise Truncated(f"the log has {len(payload)} bytes, its records {layout.size}")
    samples: dict[int, Logged] = {}
    is_set = True
    for record in layout.iter_unpack(payload):
        time = record[-1]
        if time < CLOCK_SET_SINCE:
            is_set = False
        elif time not in samples:
            samples[time] = sample_of(record)
    return tuple(samples.values()) if is_set else (unset, *samples.values())


def wrong_length(payload: bytes, expected: int) -> Truncated | TrailingBytes:
    """The refusal of a frame whose length is not the one that it must have."""
    sentence = f"the frame has {len(payload)} bytes instead of {expected}"
    return Truncated(sentence) if len(payload) < expected else TrailingBytes(sentence)
