"""Libelium Smart Parking sensor, versions 2 and 3, over LoRaWAN: eleven bytes, always.

Every frame tells the state in its first byte. Of the rest only what stayed the same between firmware versions is read.
Sources: the maker's technical guide for the header; a published codec and its frames for what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, TrailingBytes, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.quantities import QUANTITIES

_LENGTH: Final = 11

_KEEP_ALIVE: Final = 1
_FIRST_START: Final = 4
_HIGHEST_TYPE: Final = 8

# Frame types that hold readings (information and keep-alive), and those that a start sends.
_WITH_READINGS: Final = frozenset({0, 1})
_STARTS: Final = frozenset({4, 5})

_LOW_CELSIUS: Final = QUANTITIES["device_temperature_celsius"].low
_HIGH_CELSIUS: Final = QUANTITIES["device_temperature_celsius"].high


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkingStatus(Sample):
    """The state that every frame tells, and what its type adds to it."""

    occupied: bool | None = None
    heartbeat: bool | None = None
    battery_low: bool | None = None
    device_temperature_celsius: float | None = None
    fault_code: int | None = None
    recalibrated_event: bool | None = None
    downlink_error: str | None = None
    firmware_version: str | None = None
    reset_cause: str | None = None
    frame_sequence: int | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample for every frame; the layouts are in README.md."""
    # The published descriptions name no port.
    if not 1 <= uplink.f_port <= 223:
        raise UnknownPort(f"port {uplink.f_port} is no application port")
    payload = uplink.payload
    if len(payload) != _LENGTH:
        sentence = f"the frame has {len(payload)} bytes instead of {_LENGTH}"
        raise Truncated(sentence) if len(payload) < _LENGTH else TrailingBytes(sentence)
    header, sequence, detail, temperature = payload[:4]
    kind = header & 0x0F
    if kind > _HIGHEST_TYPE:
        raise UnknownFrame(f"frame type {kind} is none of 0 to {_HIGHEST_TYPE}")
    celsius: float | None = None
    flags: tuple[str, ...] = ()
    measured = kind in _WITH_READINGS
    if measured:
        celsius = float(temperature - 256 if temperature > 127 else temperature)
        if not _LOW_CELSIUS <= celsius <= _HIGH_CELSIUS:
            celsius, flags = None, ("invalid_reading",)
    return (
        ParkingStatus(
            occupied=header & 0x80 != 0,
            # What makes the device send the other types differs between its versions.
            heartbeat=kind == _KEEP_ALIVE if measured else None,
            battery_low=header & 0x40 != 0,
            device_temperature_celsius=celsius,
            fault_code=detail if measured else None,
            recalibrated_event=header & 0x10 != 0,
            downlink_error="nack" if header & 0x20 else None,
            firmware_version=str(detail) if kind == _FIRST_START else None,
            reset_cause="start" if kind in _STARTS else None,
            frame_sequence=sequence,
            flags=flags,
        ),
    )


DECODER: Final = Decoder(
    name="libelium_smart_parking",
    version="1.0",
    family="parking",
    about="Libelium Smart Parking sensor, versions 2 and 3",
    samples=(ParkingStatus,),
    decode=decode,
)
