"""Bosch TPS110 parking sensor, firmware 0.23 to 0.39: one frame type per port.

Status frames are one byte and by far the most frequent, so their two answers are made once.
Sources: the maker's interface description 0.29; for ports 4 and 5 (firmware 0.39) see README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, TrailingBytes, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.bits import Reader
from decoders.quantities import QUANTITIES

_LOW_CELSIUS: Final = QUANTITIES["device_temperature_celsius"].low
_HIGH_CELSIUS: Final = QUANTITIES["device_temperature_celsius"].high

_CAUSES_BEFORE_039: Final = {1: "watchdog", 2: "power_on", 3: "system_request", 4: "other"}
_CAUSES_SINCE_039: Final = {
    1: "watchdog",
    2: "power_on",
    3: "system_request",
    4: "external_pin",
    5: "lockup",
    6: "brown_out",
    7: "other",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkingStatus(Sample):
    """Ports 1, 2 and 3: whether a vehicle stands there, and what comes with it."""

    occupied: bool | None = None
    device_temperature_celsius: float | None = None
    firmware_version: str | None = None
    reset_cause: str | None = None
    debug_codes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport(Sample):
    """Ports 4, 5 and 6: what the device tells about itself."""

    hardware_revision: int | None = None
    product_code: int | None = None
    radio_region: str | None = None
    state_changes_count: int | None = None
    occupied_seconds: int | None = None
    radar_triggers_count: int | None = None
    running_seconds: int | None = None
    installed_seconds: int | None = None
    uplinks_dr0_count: int | None = None
    uplinks_dr1_count: int | None = None
    uplinks_dr2_count: int | None = None
    uplinks_dr3_count: int | None = None
    uplinks_dr4_count: int | None = None
    uplinks_dr5_count: int | None = None
    brown_out_resets_count: int | None = None
    lockup_resets_count: int | None = None
    external_pin_resets_count: int | None = None
    power_on_resets_count: int | None = None
    watchdog_resets_count: int | None = None
    software_resets_count: int | None = None
    debug_codes: str | None = None
    debug_sequence: int | None = None
    device_time_unix_seconds: int | None = None


# Only bit 0 tells the state; the others are reserved and may be anything.
_FREE: Final = (ParkingStatus(occupied=False),)
_OCCUPIED: Final = (ParkingStatus(occupied=True),)


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample for every frame; the layouts are in README.md."""
    frame = _FRAMES.get(uplink.f_port)
    if frame is None:
        raise UnknownPort(f"a TPS110 sends on ports 1 to 6, not on {uplink.f_port}")
    return frame(uplink.payload)


def _status(payload: bytes) -> Sequence[Sample]:
    if len(payload) != 1:
        raise _wrong_length(payload, 1)
    return _OCCUPIED if payload[0] & 1 else _FREE


def _heartbeat(payload: bytes) -> Sequence[Sample]:
    # Older firmware sends no temperature.
    if len(payload) == 1:
        return _OCCUPIED if payload[0] & 1 else _FREE
    if len(payload) != 2:
        raise _wrong_length(payload, 2)
    occupied = payload[0] & 1 == 1
    celsius = payload[1] - 256 if payload[1] > 127 else payload[1]
    if not _LOW_CELSIUS <= celsius <= _HIGH_CELSIUS:
        return (ParkingStatus(occupied=occupied, flags=("invalid_reading",)),)
    return (ParkingStatus(occupied=occupied, device_temperature_celsius=float(celsius)),)


def _start_up(payload: bytes) -> Sequence[Sample]:
    if len(payload) != 17:
        raise _wrong_length(payload, 17)
    codes = [_debug_code(payload, at) for at in (0, 4, 8)]
    major, minor, patch, cause = payload[12:16]
    # Cause 4 means "other" in old firmware and the reset pin in new; the frame itself tells which it is.
    causes = _CAUSES_SINCE_039 if (major, minor) >= (0, 39) else _CAUSES_BEFORE_039
    return (
        ParkingStatus(
            occupied=payload[16] & 1 == 1,
            firmware_version=f"{major}.{minor}.{patch}",
            reset_cause=causes.get(cause, "unknown"),
            debug_codes=",".join(str(code) for code in codes if code) or None,
        ),
    )


def _device_information(payload: bytes) -> Sequence[Sample]:
    if len(payload) != 6:
        raise _wrong_length(payload, 6)
    packed = int.from_bytes(payload[3:5], "big")
    return (
        DeviceReport(
            hardware_revision=packed >> 13,
            product_code=packed & 0x1FFF,
            radio_region="EU868" if payload[5] else "AS923",
        ),
    )


def _usage(payload: bytes) -> Sequence[Sample]:
    reader = Reader(payload)
    layout = _USAGES.get(kind := reader.u8())
    if layout is None:
        raise UnknownFrame(f"usage id {kind} is none of 0 to 6")
    sample = layout(reader)
    reader.finish()
    return (sample,)


def _debug(payload: bytes) -> Sequence[Sample]:
    # What follows the ten known bytes belongs to the maker and is not described, so any length from ten on is whole.
    if len(payload) < 10:
        raise Truncated(f"a debug frame has at least 10 bytes, not {len(payload)}")
    return (
        DeviceReport(
            device_time_unix_seconds=int.from_bytes(payload[0:4], "little"),
            debug_codes=str(_debug_code(payload, 4)),
            debug_sequence=int.from_bytes(payload[8:10], "little"),
        ),
    )


def _uplinks_per_data_rate(reader: Reader) -> DeviceReport:
    return DeviceReport(
        uplinks_dr0_count=reader.u24be(),
        uplinks_dr1_count=reader.u24be(),
        uplinks_dr2_count=reader.u24be(),
        uplinks_dr3_count=reader.u24be(),
        uplinks_dr4_count=reader.u24be(),
        uplinks_dr5_count=reader.u24be(),
    )


def _resets(reader: Reader) -> DeviceReport:
    return DeviceReport(
        brown_out_resets_count=reader.u8(),
        lockup_resets_count=reader.u8(),
        external_pin_resets_count=reader.u8(),
        power_on_resets_count=reader.u8(),
        watchdog_resets_count=reader.u8(),
        software_resets_count=reader.u16be(),
    )


_USAGES: Final[Mapping[int, Callable[[Reader], DeviceReport]]] = {
    0: lambda reader: DeviceReport(state_changes_count=reader.u32be()),
    1: lambda reader: DeviceReport(occupied_seconds=reader.u32be()),
    2: _uplinks_per_data_rate,
    3: lambda reader: DeviceReport(radar_triggers_count=reader.u32be()),
    4: lambda reader: DeviceReport(running_seconds=reader.u32be()),
    5: _resets,
    6: lambda reader: DeviceReport(installed_seconds=reader.u32be()),
}

_FRAMES: Final[Mapping[int, Callable[[bytes], Sequence[Sample]]]] = {
    1: _status,
    2: _heartbeat,
    3: _start_up,
    4: _device_information,
    5: _usage,
    6: _debug,
}


def _debug_code(payload: bytes, at: int) -> int:
    """A 12-bit code, its low byte first; the upper half of the second byte is not part of it."""
    return (payload[at + 1] & 0x0F) << 8 | payload[at]


def _wrong_length(payload: bytes, expected: int) -> Truncated | TrailingBytes:
    sentence = f"the frame has {len(payload)} bytes instead of {expected}"
    return Truncated(sentence) if len(payload) < expected else TrailingBytes(sentence)


DECODER: Final = Decoder(
    name="bosch_tps110",
    version="1.0",
    family="parking",
    about="Bosch TPS110 parking lot sensor, firmware 0.23 to 0.39",
    samples=(ParkingStatus, DeviceReport),
    decode=decode,
)
