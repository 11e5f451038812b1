"""TEKZITEL TekziPark parking sensor (magnetometer, radar and beacon receiver): status and diagnosis.

Source: the codec that the maker has published.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, TrailingBytes, Truncated, UnknownPort, Uplink
from decoders.quantities import QUANTITIES

_STATUS: Final = struct.Struct(">BbB")
_DIAGNOSIS: Final = struct.Struct(">BbB6bBBB")

_LOW_CELSIUS: Final = QUANTITIES["device_temperature_celsius"].low
_HIGH_CELSIUS: Final = QUANTITIES["device_temperature_celsius"].high
_LONGEST_BEACON_IDS: Final = QUANTITIES["beacon_ids"].high

_OCCUPIED: Final = 0x80
_BATTERY_GOOD: Final = 0x20
_OBSTRUCTED: Final = 0x10
_RADAR_USED: Final = 0x08
_NO_BEACON: Final = 0x04
_RESET: Final = 0x02
_KEEP_ALIVE: Final = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkingStatus(Sample):
    """Port 1: whether a vehicle stands there, and which tag answered."""

    occupied: bool | None = None
    heartbeat: bool | None = None
    parking_number: int | None = None
    device_temperature_celsius: float | None = None
    battery_low: bool | None = None
    obstructed: bool | None = None
    radar_used: bool | None = None
    beacon_found: bool | None = None
    beacon_rssi_dbm: float | None = None
    beacon_ids: str | None = None
    reset_cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Sample):
    """Port 2: the status once more, with what it was made of."""

    occupied: bool | None = None
    heartbeat: bool | None = None
    parking_number: int | None = None
    device_temperature_celsius: float | None = None
    battery_low: bool | None = None
    obstructed: bool | None = None
    obstruction_level: int | None = None
    radar_used: bool | None = None
    radar_reflection: int | None = None
    beacon_found: bool | None = None
    magnetic_deflection_x: int | None = None
    magnetic_deflection_y: int | None = None
    magnetic_deflection_z: int | None = None
    magnetic_baseline_x: int | None = None
    magnetic_baseline_y: int | None = None
    magnetic_baseline_z: int | None = None
    fault_code: int | None = None
    reset_cause: str | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample for every frame; the layouts are in README.md."""
    frame = _FRAMES.get(uplink.f_port)
    if frame is None:
        raise UnknownPort(f"a TekziPark sends on ports 1 and 2, not on {uplink.f_port}")
    return frame(uplink.payload)


def _status(payload: bytes) -> Sequence[Sample]:
    length = len(payload)
    if length < _STATUS.size:
        raise Truncated(f"a status frame has at least {_STATUS.size} bytes, not {length}")
    bits, celsius, parking_number = _STATUS.unpack_from(payload)
    rssi, beacon_ids, readable = None, None, True
    if length > _STATUS.size:
        rssi = float(payload[3] - 256 if payload[3] > 127 else payload[3])
        beacon_ids, readable = _beacon_ids(payload)
    plausible = _LOW_CELSIUS <= celsius <= _HIGH_CELSIUS
    return (
        ParkingStatus(
            occupied=bits & _OCCUPIED != 0,
            heartbeat=bits & _KEEP_ALIVE != 0,
            parking_number=parking_number,
            device_temperature_celsius=float(celsius) if plausible else None,
            battery_low=bits & _BATTERY_GOOD == 0,
            obstructed=bits & _OBSTRUCTED != 0,
            radar_used=bits & _RADAR_USED != 0,
            beacon_found=_beacon_found(bits, answered=rssi is not None),
            beacon_rssi_dbm=rssi,
            beacon_ids=beacon_ids,
            reset_cause="reset" if bits & _RESET else None,
            flags=() if plausible and readable else ("invalid_reading",),
        ),
    )


def _beacon_ids(payload: bytes) -> tuple[str | None, bool]:
    """The ids behind the RSSI as one text, which may be none, and whether they fit into it."""
    if len(payload) % 2:
        raise Truncated(f"the frame of {len(payload)} bytes ends inside a beacon's id")
    ids = ",".join(str(payload[at] << 8 | payload[at + 1]) for at in range(4, len(payload), 2))
    return (ids or None, True) if len(ids) <= _LONGEST_BEACON_IDS else (None, False)


def _beacon_found(bits: int, *, answered: bool) -> bool | None:
    # A clear bit alone proves nothing: sensors that have not looked for a beacon send it too.
    if bits & _NO_BEACON:
        return False
    return True if answered else None


def _diagnosis(payload: bytes) -> Sequence[Sample]:
    if len(payload) != _DIAGNOSIS.size:
        sentence = f"the frame has {len(payload)} bytes instead of {_DIAGNOSIS.size}"
        raise Truncated(sentence) if len(payload) < _DIAGNOSIS.size else TrailingBytes(sentence)
    (
        bits,
        celsius,
        parking_number,
        deflection_x,
        deflection_y,
        deflection_z,
        baseline_x,
        baseline_y,
        baseline_z,
        fault,
        obstruction,
        reflection,
    ) = _DIAGNOSIS.unpack(payload)
    plausible = _LOW_CELSIUS <= celsius <= _HIGH_CELSIUS
    return (
        Diagnosis(
            occupied=bits & _OCCUPIED != 0,
            heartbeat=bits & _KEEP_ALIVE != 0,
            parking_number=parking_number,
            device_temperature_celsius=float(celsius) if plausible else None,
            battery_low=bits & _BATTERY_GOOD == 0,
            obstructed=bits & _OBSTRUCTED != 0,
            obstruction_level=obstruction,
            radar_used=bits & _RADAR_USED != 0,
            radar_reflection=reflection,
            beacon_found=_beacon_found(bits, answered=False),
            magnetic_deflection_x=deflection_x,
            magnetic_deflection_y=deflection_y,
            magnetic_deflection_z=deflection_z,
            magnetic_baseline_x=baseline_x,
            magnetic_baseline_y=baseline_y,
            magnetic_baseline_z=baseline_z,
            fault_code=fault,
            reset_cause="reset" if bits & _RESET else None,
            flags=() if plausible else ("invalid_reading",),
        ),
    )


_FRAMES: Final[Mapping[int, Callable[[bytes], Sequence[Sample]]]] = {1: _status, 2: _diagnosis}

DECODER: Final = Decoder(
    name="tekzitel_tekzipark",
    version="1.0",
    family="parking",
    about="TEKZITEL TekziPark parking sensor",
    samples=(ParkingStatus, Diagnosis),
    decode=decode,
)
