"""TEKZITEL TekziPark parking sensor: status and diagnosis, from the layouts that the maker has published."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntFlag
from typing import Final

from pipeline.simulator.encode.words import signed

STATUS_PORT: Final = 1
DIAGNOSIS_PORT: Final = 2


class Bits(IntFlag):
    """The first byte of both frames."""

    KEEP_ALIVE = 0x01
    RESET = 0x02
    NO_BEACON = 0x04
    RADAR_USED = 0x08
    OBSTRUCTED = 0x10
    BATTERY_GOOD = 0x20
    OCCUPIED = 0x80


def status(
    bits: Bits, *, temperature_celsius: float, bay: int, beacon_rssi_dbm: int | None = None, beacons: Sequence[int] = ()
) -> bytes:
    """State, temperature and bay; the beacons that answered where the RSSI is given."""
    head = struct.pack(">BbB", bits, signed(temperature_celsius, 8), bay)
    if beacon_rssi_dbm is None:
        return head
    return head + struct.pack(f">b{len(beacons)}H", beacon_rssi_dbm, *beacons)


def diagnosis(
    bits: Bits,
    *,
    temperature_celsius: float,
    bay: int,
    deflection: tuple[int, int, int],
    baseline: tuple[int, int, int],
    radar_reflection: int,
) -> bytes:
    """The status with the magnetic field and the radar's echo behind it; nothing is wrong, nothing covers it."""
    head = status(bits, temperature_celsius=temperature_celsius, bay=bay)
    return head + struct.pack(">6bBBB", *deflection, *baseline, 0, 0, radar_reflection)
