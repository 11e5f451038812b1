"""Firmware 1.1: status (port 23) and usage (port 26), the two frames a node sends by itself, every hour or so.

Numbers have their lowest byte first. Status has two layouts, told apart by the header byte.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from decoders.api import Sample, UnknownFrame
from decoders.bits import Reader
from decoders.nas import DRIVER_STATES, DriverState, channel_of, meter, meter_channel
from decoders.nas_ul20xx.node import Fields, alerts, clock, radio_and_temperature
from decoders.nas_ul20xx.reasons import REASONS
from decoders.nas_ul20xx.samples import LampOutput, NodeStatus, Usage


def status(payload: bytes) -> Sequence[Sample]:
    """The node first, then each output that is not the one for all drivers, by channel."""
    reader = Reader(payload)
    header = reader.u8()
    if header > 1:
        raise UnknownFrame(f"status header 0x{header:02x} is neither 0 nor 1")
    flags: set[str] = set()
    node: Fields = {}
    clock(reader, node, flags)
    bits = reader.u8()
    node["dali_connection_error"] = bits & 0x02 != 0
    node["metering_error"] = bits & 0x20 != 0
    node["clock_error"] = bits & 0x40 != 0
    node["relay_closed"] = bits & 0x80 != 0
    if header == 1:
        _links(reader.u8(), node)
    else:
        node["photocell_on"] = bits & 0x04 != 0
        node["digital_input_on"] = bits & 0x10 != 0
    radio_and_temperature(reader, node, flags)
    if header == 1:
        alerts(reader.u8(), node)
        _sensors(reader.take(reader.u8()), node, flags)
    else:
        _options(reader, node)
    return _outputs(reader, node, flags)


def _links(bits: int, node: Fields) -> None:
    node["open_drain_on"] = bits & 0x04 != 0
    node["lumalink_connected"] = bits & 0x40 != 0
    node["lumalink_used"] = bits & 0x80 != 0


def _options(reader: Reader, node: Fields) -> None:
    """Header 0: a byte that says which of the optional bytes follow."""
    bits = reader.u8()
    node["open_drain_on"] = bits & 0x04 != 0
    if bits & 0x02:
        node["photocell_level"] = reader.u8()
    if bits & 0x10:
        alerts(reader.u8(), node)


def _sensors(block: bytes, node: Fields, flags: set[str]) -> None:
    """Header 1: records of one type byte and data. A new type hides the rest of the block, not of the frame."""
    reader = Reader(block)
    while reader.remaining:
        kind = reader.u8()
        if kind == 0x01:
            node["photocell_level"] = reader.u8()
        elif kind in {0x02, 0x03}:
            raw = reader.u16le()
            if raw != 0xFFFF:
                node["illuminance_lux" if kind == 0x02 else "d4i_illuminance_lux"] = _lux(raw)
        elif kind == 0x04:
            node["digital_input_on"] = reader.u8() & 1 != 0
        elif kind == 0x08:
            degrees = reader.u8()
            if degrees <= 180:
                node["tilt_degrees"] = float(degrees)
            elif degrees != 0xFF:
                flags.add("invalid_reading")
        else:
            flags.add("unknown_record")
            return


def _lux(raw: int) -> float:
    """Light from its logarithm; the step of the scale is 0.06 %, so what rounding takes away means nothing."""
    return round(math.pow(10, (raw & 0x7FFF) / 4000) / 1000, 4)


def _outputs(reader: Reader, node: Fields, flags: set[str]) -> Sequence[Sample]:
    outputs: dict[int, LampOutput] = {}
    shared: DriverState = {}
    while reader.remaining:
        address, reason_code, percent, state = reader.take(4)
        channel = channel_of(address)
        reason = REASONS.get(reason_code)
        level = percent / 100 if percent <= 100 else None
        odd = reason is None or 100 < percent < 0xFF
        if channel == 0:
            shared = DRIVER_STATES[state]
            if level is not None:
                node["dimming_ratio"] = level
            if reason is not None:
                node["dimming_reason"] = reason
            if odd:
                flags.add("invalid_reading")
        else:
            outputs[channel] = LampOutput(
                channel=channel,
                dimming_ratio=level,
                dimming_reason=reason,
                flags=("invalid_reading",) if odd else (),
                **DRIVER_STATES[state],
            )
    first = NodeStatus(flags=tuple(sorted(flags)), **shared, **node)  # type: ignore[arg-type]  # each name is set with its own type above
    return (first, *(outputs[channel] for channel in sorted(outputs)))


def usage(payload: bytes) -> Sequence[Sample]:
    """One sample for each meter that reports anything, in the order of the frame."""
    reader = Reader(payload)
    header = reader.u8()
    if header != 0:
        raise UnknownFrame(f"usage header 0x{header:02x} is not 0")
    return meters(reader)


def meters(reader: Reader) -> Sequence[Sample]:
    """Blocks of address, field mask and fields up to the end of the frame."""
    found: dict[int, Usage] = {}
    while reader.remaining:
        channel = meter_channel(reader.u8())
        fields = meter(reader, reader.u8())
        if fields:
            found[channel] = Usage(channel=channel, **fields)  # type: ignore[arg-type]  # meter gives each name its type
    return tuple(found.values())
