"""NAS street-light nodes: UL20xx with firmware 1.1, UL2030 with its early firmware 0.6.

From the maker's payload reference for firmware 1.1 and a public parser's notes on 0.6. The usage blocks are the same in
both but for the frame's header, so they are written once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from typing import Final

UL20XX_STATUS_PORT: Final = 23
UL20XX_USAGE_PORT: Final = 26
UL20XX_SYSTEM_PORT: Final = 99

UL2030_STATUS_PORT: Final = 24
UL2030_USAGE_PORT: Final = 25
UL2030_SYSTEM_PORT: Final = 99

INTERNAL_METER: Final = 0xFF
ALL_DRIVERS: Final = 0xFE


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
    """A usage frame: header 0, then the blocks."""
    return b"\x00" + _usage_blocks(blocks)


def _usage_blocks(blocks: Iterable[Usage]) -> bytes:
    """For each block its address, a mask of fields and the fields."""
    frame = bytearray()
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


# -- UL2030, firmware 0.6 ----------------------------------------------------------------------------------------

EVERY_DAY: Final = 0xFE


class EarlyNodeState(IntFlag):
    """The state byte of a status frame."""

    DALI_ERROR = 0x01
    DALI_CONNECTION_ERROR = 0x02
    RELAY_CLOSED = 0x80


@dataclass(frozen=True, slots=True)
class Profile:
    """What one dimming profile does to one output; number 255 is none."""

    number: int
    version: int
    address: int
    days: int
    level_percent: int


def ul2030_status(
    *, clock_seconds: int, node: EarlyNodeState, downlink_rssi_dbm: int, profiles: Iterable[Profile]
) -> bytes:
    """A status frame: clock, state, RSSI with its sign, five bytes for each profile."""
    head = struct.pack("<IBb", clock_seconds, node, downlink_rssi_dbm)
    return head + b"".join(bytes((p.number, p.version, p.address, p.days, p.level_percent)) for p in profiles)


def ul2030_usage(blocks: Iterable[Usage]) -> bytes:
    """A usage frame: blocks without a header; this firmware does not know the drivers' times."""
    return _usage_blocks(blocks)


def ul2030_boot(*, serial: int, firmware: tuple[int, int, int], clock_seconds: int) -> bytes:
    """The notice of a start, with the byte behind the options that real nodes send."""
    return struct.pack("<BI3BI3B", 0x00, serial, *firmware, clock_seconds, 0x01, 0x00, 0x00)
