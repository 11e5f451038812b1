"""Physical values to FRMPayload bytes, exactly as the four device models send them.

The formats are those of the vendors' documents: Bosch Parking Lot Sensor interface description 0.29, Decentlab DL-PR26
data sheet, Milesight EM310-UDL user guide, NAS UL20xx payload reference for firmware 1.1. Written apart from the
decoders on purpose: two readings of one document that agree prove more than one that is turned around.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Final

# -- Bosch TPS110 ------------------------------------------------------------------------------------------------

TPS110_STATUS_PORT: Final = 1
TPS110_HEARTBEAT_PORT: Final = 2
TPS110_STARTUP_PORT: Final = 3


def tps110_status(*, occupied: bool) -> bytes:
    """The frame of a change: one byte, bit 0 the state."""
    return b"\x01" if occupied else b"\x00"


def tps110_heartbeat(*, occupied: bool, temperature_celsius: int | None) -> bytes:
    """The state, and the temperature in whole degrees where the firmware knows it."""
    if temperature_celsius is None:
        return tps110_status(occupied=occupied)
    return struct.pack(">Bb", occupied, temperature_celsius)


def tps110_startup(
    *, occupied: bool, firmware: tuple[int, int, int], reset_cause: int, debug_codes: Sequence[int] = ()
) -> bytes:
    """After a start: up to three 12-bit debug codes, firmware, reset cause, state; 17 bytes."""
    words = [*debug_codes, 0, 0, 0][:3]
    return struct.pack("<HxxHxxHxx3B2B", *words, *firmware, reset_cause, occupied)


# -- Decentlab DL-PR26 -------------------------------------------------------------------------------------------

DL_PR26_PORT: Final = 1
_DECENTLAB_VERSION: Final = 2


def dl_pr26(
    *,
    device_id: int,
    pressure_bar: float | None,
    temperature_celsius: float | None,
    battery_volts: float | None,
    pressure_min_bar: float = 0.0,
    pressure_max_bar: float = 1.0,
) -> bytes:
    """Pressure and temperature (group 0) and the battery (group 1); a group with a None is left out.

    Values outside the converter's range are clipped to it, as a converter does.
    """
    flags = 0
    words: list[int] = []
    if pressure_bar is not None and temperature_celsius is not None:
        flags |= 1
        span = pressure_max_bar - pressure_min_bar
        words.append(_word((pressure_bar - pressure_min_bar) / span * 32768 + 16384))
        words.append(_word((temperature_celsius + 50.0) / 0.003125 + 384))
    if battery_volts is not None:
        flags |= 2
        words.append(_word(battery_volts * 1000))
    return struct.pack(f">BHH{len(words)}H", _DECENTLAB_VERSION, device_id, flags, *words)


def _word(value: float) -> int:
    return min(max(round(value), 0), 0xFFFF)


# -- Milesight EM310-UDL -----------------------------------------------------------------------------------------

EM310_UDL_PORT: Final = 85


def em310_udl(*, battery_percent: int | None, distance_metres: float, tilted: bool) -> bytes:
    """Battery, distance in whole millimetres and position, as type-value records."""
    battery = b"" if battery_percent is None else struct.pack("<BBB", 0x01, 0x75, battery_percent)
    return battery + struct.pack("<BBHBBB", 0x03, 0x82, _word(distance_metres * 1000), 0x04, 0x00, tilted)


# -- NAS UL20xx, firmware 1.1 ------------------------------------------------------------------------------------

UL20XX_STATUS_PORT: Final = 23
UL20XX_USAGE_PORT: Final = 26
UL20XX_SYSTEM_PORT: Final = 99

INTERNAL_METER: Final = 0xFF


def dali_short_address(number: int) -> int:
    """The address byte of one DALI driver, 0..63."""
    return number << 1


class DaliStatus(IntFlag):
    """The answer of a DALI driver to QUERY STATUS."""

    DRIVER_ERROR = 0x01
    LAMP_FAILURE = 0x02
    LAMP_ON = 0x04
    FADE_RUNNING = 0x10


class NodeState(IntFlag):
    """The first state byte of a status frame, high bits as the device sends them."""

    DALI_CONNECTION_ERROR = 0x02
    METERING_ERROR = 0x20
    CLOCK_WARNING = 0x40
    RELAY_CLOSED = 0x80


class LinkState(IntFlag):
    """The second state byte of a status frame with header 1."""

    OPEN_DRAIN_ON = 0x04
    LUMALINK = 0x40
    LUMALINK_SINCE_BOOT = 0x80


class AlertMemory(IntFlag):
    """What went wrong in the last 24 hours."""

    VOLTAGE = 0x10
    LAMP_ERROR = 0x20
    POWER = 0x40
    POWER_FACTOR = 0x80


REASON_DAY: Final = 0x21
REASON_NIGHT: Final = 0x22
REASON_PROFILE: Final = 0x00
REASON_DAWN: Final = 0x30
REASON_DUSK: Final = 0x50
REASON_MANUAL: Final = 253


@dataclass(frozen=True, slots=True)
class DimmingSource:
    """What one output does and why; `level_percent` None is "not available"."""

    address: int
    reason: int
    level_percent: int | None
    status: DaliStatus


def ul20xx_status(
    *,
    clock_seconds: int,
    node: NodeState,
    link: LinkState,
    downlink_rssi_dbm: int,
    downlink_snr_db: int,
    temperature_celsius: int,
    alerts: AlertMemory,
    sensors: bytes = b"",
    sources: Iterable[DimmingSource],
) -> bytes:
    """A status frame with header 1 (firmware 1.1.4 and later); `sensors` are ready-made sensor records."""
    head = struct.pack(
        "<BIBBBbbBB",
        0x01,
        clock_seconds,
        node,
        link,
        -downlink_rssi_dbm,
        downlink_snr_db,
        temperature_celsius,
        alerts,
        len(sensors),
    )
    return (
        head
        + sensors
        + b"".join(
            struct.pack("<BBBB", s.address, s.reason, 0xFF if s.level_percent is None else s.level_percent, s.status)
            for s in sources
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One block of a usage frame; None where the meter does not say. Times in whole seconds."""

    address: int
    active_energy_watt_hours: int | None = None
    active_power_watts: int | None = None
    load_energy_watt_hours: int | None = None
    load_power_watts: int | None = None
    power_factor_ratio: float | None = None
    mains_volts: int | None = None
    driver_seconds: int | None = None
    lamp_seconds: int | None = None


_USAGE_FORMATS: Final = "IHIHBBII"


def ul20xx_usage(blocks: Iterable[Usage]) -> bytes:
    """A usage frame: header 0, then for each block its address, a mask of fields and the fields."""
    frame = bytearray(b"\x00")
    for block in blocks:
        factor = block.power_factor_ratio
        fields = (
            block.active_energy_watt_hours,
            block.active_power_watts,
            block.load_energy_watt_hours,
            block.load_power_watts,
            None if factor is None else round(factor * 100),
            block.mains_volts,
            block.driver_seconds,
            block.lamp_seconds,
        )
        present = [(bit, value) for bit, value in enumerate(fields) if value is not None]
        frame += bytes((block.address, sum(1 << bit for bit, _ in present)))
        frame += struct.pack("<" + "".join(_USAGE_FORMATS[bit] for bit, _ in present), *(value for _, value in present))
    return bytes(frame)


def ul20xx_boot(*, serial: int, firmware: tuple[int, int, int], clock_seconds: int, drivers: int = 1) -> bytes:
    """The notice of a start: a DALI node (normally closed) with a light sensor input and a meter, supplied inside."""
    return struct.pack("<BI3BIBBBB", 0x00, serial, *firmware, clock_seconds, 0x01, 0x28, 15, drivers) + b"\x02"
