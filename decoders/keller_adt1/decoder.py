"""KELLER ADT1 and ARC1 loggers: pressures, temperatures and more from the probes wired to them, and their own state.

The first byte tells the kind of frame. A measurement frame names its channels by a bit mask, whose meaning depends on
how the logger is wired (see channels.py), and holds one number for each. Everything has its highest byte first.
Source: the maker's protocol description and README.md.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import CLOCK_SET_SINCE, Decoder, Sample, TrailingBytes, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.keller_adt1.channels import CHANNELS
from decoders.quantities import QUANTITIES

# Function codes, and the one connection type whose further channels are no probes.
_MEASUREMENTS: Final = 1
_INFORMATION: Final = 12
_SDI12: Final = 7

# Configuration that the logger sends when asked: bytes before the entries, bytes of an entry.
_CONFIGURATION: Final[Mapping[int, tuple[int, int]]] = {
    31: (1, 2),  # index and u8, again and again
    32: (2, 1),  # first index, then u8 after u8
    51: (1, 5),  # index and u32
    52: (2, 4),  # first index, then u32 after u32
    61: (1, 5),  # index and number
    62: (2, 4),  # first index, then number after number
    71: (3, 1),  # place in the text, index, then text
    72: (3, 1),  # place in the text, first index, then text after text
    81: (2, 1),  # how many probes are found, the kind of interface, then what that kind tells
}

_NUMBERS: Final = tuple(struct.Struct(f">{count}f") for count in range(17))
_STATE: Final = struct.Struct(">BBBBBBIIfBB")

# The logger counts seconds since 2000; a clock that shows a time before 2015 has never been set.
_2000: Final = 946_684_800
_LATEST: Final = QUANTITIES["device_time_unix_seconds"].high

_LOW_VOLTS: Final = QUANTITIES["battery_volts"].low
_HIGH_VOLTS: Final = QUANTITIES["battery_volts"].high


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReading(Sample):
    """What one probe, or a probe and the reference beside it, measured."""

    absolute_pressure_bar: float | None = None
    reference_pressure_bar: float | None = None
    water_temperature_celsius: float | None = None
    probe_temperature_celsius: float | None = None
    reference_probe_temperature_celsius: float | None = None
    water_conductivity_microsiemens_per_centimetre: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerReading(ProbeReading):
    """Channel 0: the first probe, what only that one is compared with, and what the logger measures by itself."""

    pressure_bar: float | None = None
    pressure_difference_bar: float | None = None
    raw_conductivity_microsiemens_per_centimetre: float | None = None
    air_pressure_hectopascals: float | None = None
    air_temperature_celsius: float | None = None
    input_volts: float | None = None
    input_2_volts: float | None = None
    digital_input_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdi12Reading(Sample):
    """One value of an SDI-12 sensor; what it means depends on the sensor."""

    sdi12_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Information(Sample):
    """What the logger tells about itself."""

    device_serial: str | None = None
    hardware_version: str | None = None
    firmware_version: str | None = None
    device_time_unix_seconds: int | None = None
    battery_volts: float | None = None
    battery_ratio: float | None = None
    housing_humidity_ratio: float | None = None


_Values = dict[str, float | int | None]


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample for each channel that has a value, or one about the logger; none for configuration."""
    # Measurements come on port 1 and information on port 4, but the frame itself tells what it is.
    if not 1 <= uplink.f_port <= 223:
        raise UnknownPort(f"port {uplink.f_port} is no application port")
    payload = uplink.payload
    if not payload:
        raise Truncated("the frame is empty")
    function = payload[0]
    if function == _MEASUREMENTS:
        return _measurements(payload)
    if function == _INFORMATION:
        return (_information(payload),)
    shape = _CONFIGURATION.get(function)
    if shape is None:
        raise UnknownFrame(f"function code {function} is unknown")
    head, entry = shape
    if len(payload) < head + entry or (len(payload) - head) % entry:
        raise Truncated(f"{len(payload)} bytes are no whole entries of {entry} behind {head}")
    return ()


def _measurements(payload: bytes) -> Sequence[Sample]:
    length = len(payload)
    if length < 4:
        raise Truncated(f"the frame has {length} bytes, its header 4")
    channels = CHANNELS.get(payload[1])
    if channels is None:
        raise UnknownFrame(f"connection type {payload[1]} is unknown")
    mask = payload[2] << 8 | payload[3]
    count = mask.bit_count()
    _check_length(length, 4 + 4 * count)
    found: dict[int, _Values] = {}
    flags: dict[int, set[str]] = {}
    bit = -1
    for value in _NUMBERS[count].unpack_from(payload, 4):
        bit += 1
        while not mask >> bit & 1:
            bit += 1
        channel = channels[bit] if bit < len(channels) else None
        # Every channel has four bytes, so one without a meaning is skipped safely.
        if channel is None:
            flags.setdefault(0, set()).add("unknown_record")
            continue
        probe, name, factor, low, high = channel
        values = found.setdefault(probe, {})
        if name in values:
            continue
        values[name] = None
        scaled = value * factor
        if low <= scaled <= high:
            values[name] = scaled
            # Counts come as a number with a fraction like everything else.
            if name == "digital_input_count":
                values[name] = _count(scaled, flags.setdefault(probe, set()))
        else:
            fault = "invalid_reading" if math.isfinite(value) else "sensor_fault"
            flags.setdefault(probe, set()).add(fault)
    if count and not found:
        raise UnknownFrame(f"connection type {payload[1]} knows none of the channels {mask:04x}")
    further = Sdi12Reading if payload[1] == _SDI12 else ProbeReading
    return tuple(
        [
            (further if probe else LoggerReading)(
                channel=probe,
                flags=tuple(sorted(flags[probe])) if probe in flags else (),
                **found.get(probe, {}),  # type: ignore[arg-type]  # CHANNELS gives each name its own type
            )
            for probe in sorted(found.keys() | flags.keys())
        ]
    )


def _count(value: float, flags: set[str]) -> int | None:
    if value.is_integer():
        return int(value)
    flags.add("invalid_reading")
    return None


def _information(payload: bytes) -> Information:
    _check_length(len(payload), _STATE.size)
    _, _, device_class, group, year, week, serial, clock, volts, percent, humidity = _STATE.unpack(payload)
    flags: set[str] = set()
    time: int | None = clock + _2000
    if clock + _2000 < CLOCK_SET_SINCE:
        time = None
        flags.add("clock_not_set")
    elif clock + _2000 > _LATEST:
        time = None
        flags.add("invalid_reading")
    has_volts = _LOW_VOLTS <= volts <= _HIGH_VOLTS
    if not has_volts:
        flags.add("invalid_reading" if math.isfinite(volts) else "sensor_fault")
    if percent > 100 or humidity > 100:
        flags.add("invalid_reading")
    return Information(
        device_serial=str(serial),
        hardware_version=f"{device_class:02d}.{group:02d}",
        firmware_version=f"{year:02d}.{week:02d}",
        device_time_unix_seconds=time,
        battery_volts=volts if has_volts else None,
        battery_ratio=percent / 100 if percent <= 100 else None,
        housing_humidity_ratio=humidity / 100 if humidity <= 100 else None,
        flags=tuple(sorted(flags)),
    )


def _check_length(length: int, expected: int) -> None:
    if length < expected:
        raise Truncated(f"the frame has {length} bytes instead of {expected}")
    if length > expected:
        raise TrailingBytes(f"the frame has {length} bytes instead of {expected}")


DECODER: Final = Decoder(
    name="keller_adt1",
    version="1.0",
    family="groundwater",
    about="KELLER ADT1 and ARC1 loggers with pressure, conductivity and SDI-12 probes",
    samples=(LoggerReading, ProbeReading, Sdi12Reading, Information),
    decode=decode,
)
