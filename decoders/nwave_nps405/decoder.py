"""Nwave NPS405SM and NPS405FM parking sensors: one frame type per port.

Status frames are one byte and by far the most frequent, so their 256 answers are made once.
Sources: the maker's description of the application protocol; the codec that the maker has published.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, TrailingBytes, Truncated, UnknownPort, Uplink

_HEARTBEAT: Final = struct.Struct(">BBb3x")
_REGISTRATION: Final = struct.Struct(">BI")

_RESET_CAUSES: Final = {
    0: "network_rejoin",
    1: "watchdog",
    2: "power_on",
    3: "user_request",
    6: "brown_out",
    7: "other",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkingStatus(Sample):
    """Whether a vehicle stands there, and what each port adds to it."""

    occupied: bool | None = None
    heartbeat: bool | None = None
    previous_state_seconds: float | None = None
    previous_state_error_seconds: float | None = None
    tag_id: str | None = None
    battery_volts: float | None = None
    battery_low: bool | None = None
    battery_health: str | None = None
    device_temperature_celsius: float | None = None
    hardware_fault: bool | None = None
    firmware_version: str | None = None
    reset_cause: str | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none for a debug frame; the layouts are in README.md."""
    frame = _FRAMES.get(uplink.f_port)
    if frame is None:
        raise UnknownPort(f"an NPS405 sends on ports 1, 2, 3, 6 and 10, not on {uplink.f_port}")
    return frame(uplink.payload)


def _previous_state(code: int) -> tuple[float, float | None, tuple[str, ...]]:
    """How long the state before this one lasted, by how much it may have been longer, and the flags."""
    if code < 90:
        return code * 60.0, 0.0, ()
    # Steps of 5 minutes, then of an hour: what is below the step is cut off.
    if code < 120:
        return (90 + (code - 90) * 5) * 60.0, 4 * 60.0, ()
    if code < 127:
        return (240 + (code - 120) * 60) * 60.0, 59 * 60.0, ()
    return 660 * 60.0, None, ("lower_bound",)


def _changed(first: int) -> ParkingStatus:
    seconds, error, flags = _previous_state(first >> 1)
    return ParkingStatus(
        occupied=first & 1 == 1,
        heartbeat=False,
        previous_state_seconds=seconds,
        previous_state_error_seconds=error,
        flags=flags,
    )


_STATUSES: Final = tuple((_changed(first),) for first in range(256))


def _status(payload: bytes) -> Sequence[Sample]:
    if len(payload) != 1:
        raise _wrong_length(payload, 1)
    return _STATUSES[payload[0]]


def _heartbeat(payload: bytes) -> Sequence[Sample]:
    if len(payload) != _HEARTBEAT.size:
        raise _wrong_length(payload, _HEARTBEAT.size)
    first, battery, half_degrees = _HEARTBEAT.unpack(payload)
    millivolts = 2500 + 4 * battery
    celsius = half_degrees / 2 + 10
    health = _battery_health(millivolts, celsius)
    return (
        ParkingStatus(
            occupied=first & 1 == 1,
            heartbeat=True,
            battery_volts=millivolts / 1000,
            battery_low=health != "normal",
            battery_health=health,
            device_temperature_celsius=celsius,
            # Bit 0 is the state and no fault; bit 7 is reserved.
            hardware_fault=first & 0x7E != 0,
        ),
    )


def _battery_health(millivolts: int, celsius: float) -> str:
    """The maker's limits: a cold battery may be 0.1 V lower."""
    low = 3000 if celsius >= -5 else 2900
    if millivolts >= low:
        return "normal"
    return "low" if millivolts >= low - 100 else "critical"


def _start_up(payload: bytes) -> Sequence[Sample]:
    # What may follow the five known bytes is not described, so any length from five on is whole.
    if len(payload) < 5:
        raise Truncated(f"a start-up frame has at least 5 bytes, not {len(payload)}")
    major, minor, patch, cause, state = payload[:5]
    return (
        ParkingStatus(
            occupied=state & 1 == 1,
            firmware_version=f"{major}.{minor}.{patch}",
            reset_cause=_RESET_CAUSES.get(cause, "unknown"),
        ),
    )


def _debug(payload: bytes) -> Sequence[Sample]:
    # The content is the maker's own.
    if not payload:
        raise Truncated("the debug frame is empty")
    return ()


def _registration(payload: bytes) -> Sequence[Sample]:
    if len(payload) != _REGISTRATION.size:
        raise _wrong_length(payload, _REGISTRATION.size)
    first, tag = _REGISTRATION.unpack(payload)
    tag_id = f"{tag:X}"
    # A clear bit 0 says that the state is not known, not that the bay is free.
    if not first & 1:
        return (ParkingStatus(tag_id=tag_id),)
    seconds, error, flags = _previous_state(first >> 1)
    return (
        ParkingStatus(
            occupied=True,
            previous_state_seconds=seconds,
            previous_state_error_seconds=error,
            tag_id=tag_id,
            flags=flags,
        ),
    )


_FRAMES: Final[Mapping[int, Callable[[bytes], Sequence[Sample]]]] = {
    1: _status,
    2: _heartbeat,
    3: _start_up,
    6: _debug,
    10: _registration,
}


def _wrong_length(payload: bytes, expected: int) -> Truncated | TrailingBytes:
    sentence = f"the frame has {len(payload)} bytes instead of {expected}"
    return Truncated(sentence) if len(payload) < expected else TrailingBytes(sentence)


DECODER: Final = Decoder(
    name="nwave_nps405",
    version="1.0",
    family="parking",
    about="Nwave NPS405SM and NPS405FM parking sensors",
    samples=(ParkingStatus,),
    decode=decode,
)
