"""NAS UL2030 street-light node, firmware 0.6: status, usage, repeated settings and system messages.

Firmware 1.0 uses the same ports in other layouts. The length tells them apart: a status of 0.6 never has that of 1.0.
Numbers have their lowest byte first. Source: the maker's payload description 0.6.29 as published parsers read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import CLOCK_SET_SINCE, Decoder, InvalidValue, Sample, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.bits import Reader
from decoders.nas import (
    SETTINGS,
    SETTINGS_BEFORE_1_1,
    Check,
    address,
    driver_states,
    level,
    meter,
    meter_channel,
    need,
    profile_blocks,
    repeated,
    skip,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LampOutput(Sample):
    """An output: what the lamp is told (port 24) or how its driver is (port 60). The channel tells which one it is."""

    dimming_ratio: float | None = None
    dimming_reason: str | None = None
    lamp_on: bool | None = None
    lamp_failure: bool | None = None
    driver_failure: bool | None = None
    dimming_limit_error: bool | None = None
    dimming_fading: bool | None = None
    driver_reset: bool | None = None
    driver_address_missing: bool | None = None
    driver_power_failure: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus(Sample):
    """Port 24: the node itself (channel 0), together with the output for all drivers, if there is one."""

    dimming_ratio: float | None = None
    dimming_reason: str | None = None
    device_time_unix_seconds: int | None = None
    downlink_rssi_dbm: float | None = None
    dali_error: bool | None = None
    dali_connection_error: bool | None = None
    photocell_on: bool | None = None
    thermal_protection_on: bool | None = None
    digital_input_on: bool | None = None
    node_hardware_fault: bool | None = None
    node_firmware_fault: bool | None = None
    relay_closed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Sample):
    """Port 25: one meter, the node's own (channel 0) or a driver's. They measure the same lamp: never add."""

    active_energy_watt_hours: int | None = None
    active_power_watts: float | None = None
    load_side_energy_watt_hours: int | None = None
    load_side_power_watts: float | None = None
    power_factor_ratio: float | None = None
    mains_volts: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReport(Sample):
    """Port 99: the node started, stops, or found something wrong."""

    device_serial: str | None = None
    firmware_version: str | None = None
    device_time_unix_seconds: int | None = None
    shutdown_event: bool | None = None
    fault_code: int | None = None
    driver_unaddressed: bool | None = None


_SHUTDOWN: Final = (NodeReport(shutdown_event=True),)

_NO_PROFILE: Final = 0xFF
_SEVERAL_UNADDRESSED: Final = 2


def decode(uplink: Uplink) -> Sequence[Sample]:
    """The node and each of its outputs or meters as one sample each; none for a repeated setting."""
    frame = _FRAMES.get(uplink.f_port)
    if frame is None:
        raise UnknownPort(f"a UL2030 sends nothing on port {uplink.f_port}")
    reader = Reader(uplink.payload)
    if not reader.remaining:
        raise Truncated("the frame is empty")
    samples = frame(reader)
    reader.finish()
    return samples


def _status(reader: Reader) -> Sequence[Sample]:
    """The node first, then each output that is not the one for all drivers, by channel."""
    time = reader.u32le()
    bits = reader.u8()
    # Unlike firmware 1.0, this one sends the sign.
    dbm = reader.s8()
    outputs: dict[int, LampOutput] = {}
    for block in profile_blocks(reader):
        if block.channel not in outputs:
            outputs[block.channel] = LampOutput(
                channel=block.channel,
                dimming_ratio=block.level,
                dimming_reason=None if block.number == _NO_PROFILE else f"profile_{block.number}",
                flags=("invalid_reading",) if block.odd else (),
            )
    shared = outputs.pop(0, LampOutput())
    flags = set(shared.flags)
    if time < CLOCK_SET_SINCE:
        flags.add("clock_not_set")
    if dbm > 0:
        flags.add("invalid_reading")
    node = NodeStatus(
        flags=tuple(sorted(flags)),
        dimming_ratio=shared.dimming_ratio,
        dimming_reason=shared.dimming_reason,
        device_time_unix_seconds=time if time >= CLOCK_SET_SINCE else None,
        downlink_rssi_dbm=float(dbm) if dbm <= 0 else None,
        dali_error=bits & 0x01 != 0,
        dali_connection_error=bits & 0x02 != 0,
        photocell_on=bits & 0x04 != 0,
        thermal_protection_on=bits & 0x08 != 0,
        digital_input_on=bits & 0x10 != 0,
        node_hardware_fault=bits & 0x20 != 0,
        node_firmware_fault=bits & 0x40 != 0,
        relay_closed=bits & 0x80 != 0,
    )
    return (node, *(outputs[channel] for channel in sorted(outputs)))


def _usage(reader: Reader) -> Sequence[Sample]:
    """Blocks of address, field mask and fields; one sample for each meter that reports anything."""
    found: dict[int, Usage] = {}
    while reader.remaining:
        channel = meter_channel(reader.u8())
        mask = reader.u8()
        # Their length is not known, so nothing behind them could be read.
        if mask & 0xC0:
            raise InvalidValue(f"field mask 0x{mask:02x} names fields that firmware 0.6 does not have")
        fields = meter(reader, mask)
        if fields:
            found.setdefault(channel, Usage(channel=channel, **fields))  # type: ignore[arg-type]  # meter gives each name its type
    return tuple(found.values())


def _setting(reader: Reader) -> Sequence[Sample]:
    _check(reader, reader.u8(), _SETTINGS, "setting")
    return ()


def _command(reader: Reader) -> Sequence[Sample]:
    """The answer to a command; the request for the drivers' states is the only one that measures anything."""
    kind = reader.u8()
    if kind:
        _check(reader, kind, _COMMANDS, "command")
        return ()
    need(reader)
    return tuple(LampOutput(channel=channel, **state) for channel, state in driver_states(reader).items())


def _check(reader: Reader, kind: int, checks: Mapping[int, Check], what: str) -> None:
    check = checks.get(kind)
    if check is None:
        raise UnknownFrame(f"{what} 0x{kind:02x} is unknown")
    check(reader)


def _system(reader: Reader) -> Sequence[Sample]:
    kind = reader.u8()
    if kind == 0x00:
        return _boot(reader)
    if kind == 0x01:
        return _SHUTDOWN
    if kind == 0x10:
        return _error(reader)
    raise UnknownFrame(f"system message 0x{kind:02x} is unknown")


def _boot(reader: Reader) -> Sequence[Sample]:
    serial = reader.u32le()
    major, minor, patch = reader.take(3)
    time = reader.u32le()
    # Hardware and options are not described, and real nodes send a byte more than the maker says.
    reader.take(3 if reader.remaining > 2 else 2)
    known = time >= CLOCK_SET_SINCE
    return (
        NodeReport(
            device_serial=f"{serial:08X}",
            firmware_version=f"{major}.{minor}.{patch}",
            device_time_unix_seconds=time if known else None,
            flags=() if known else ("clock_not_set",),
        ),
    )


def _error(reader: Reader) -> Sequence[Sample]:
    code = reader.u8()
    if not code:
        # 0 would say that nothing is wrong.
        return (NodeReport(flags=("invalid_reading",)),)
    return (NodeReport(fault_code=code, driver_unaddressed=True if code == _SEVERAL_UNADDRESSED else None),)


_SETTINGS: Final[Mapping[int, Check]] = {**SETTINGS, **SETTINGS_BEFORE_1_1}

_COMMANDS: Final[Mapping[int, Check]] = {
    0x01: repeated(address, level),
    0x03: repeated(skip(3)),  # DALI queries with their answers
}

_FRAMES: Final[Mapping[int, Callable[[Reader], Sequence[Sample]]]] = {
    24: _status,
    25: _usage,
    50: _setting,
    60: _command,
    99: _system,
}

DECODER: Final = Decoder(
    name="nas_ul2030",
    version="1.0",
    family="lighting",
    about="NAS UL2030 street-light node, firmware 0.6",
    samples=(NodeStatus, LampOutput, Usage, NodeReport),
    decode=decode,
)
