"""Dragino PS-LB: a node that reads a 4 to 20 mA probe and a voltage input, and knows the probe's range.

The frame holds the loop's current and, as two bytes, which probe it is; level and pressure follow from both. They are
computed from whole microamperes, so that no digit is added or lost. A loop that is broken or shorted is told by its
current (NAMUR NE 43) and is a fault here, not an empty well.
Source: the maker's public decoders; all numbers have their highest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from decoders.api import Decoder, Sample, Truncated, UnknownPort, Uplink
from decoders.dragino import HIGH_MILLIVOLTS, DeviceStatus, device_status, log, wrong_length

_MODEL: Final = 0x16

_FRAME: Final = struct.Struct(">HBBHHB")
_COUNTING_FRAME: Final = struct.Struct(">HBBHHBI")
_RECORD: Final = struct.Struct(">BBHHBI")

# Microamperes, by NAMUR NE 43: a probe measures between 3.8 and 20.5 mA, below 3.6 and above 21 mA the loop is broken.
_BROKEN_BELOW: Final = 3_600
_LOW: Final = 3_800
_HIGH: Final = 20_500
_BROKEN_ABOVE: Final = 21_000

_ZERO: Final = 4_000
_MIDDLE: Final = 12_000


class _Scale(NamedTuple):
    """How a probe's current becomes a reading: metres, bar or bar of difference = (current - zero) * step / per."""

    kind: int
    zero: int
    step: int
    per: int


_DEPTH: Final = 0
_PRESSURE: Final = 1
_DIFFERENCE: Final = 2

# Steps of a pressure probe by range code, in nanobar for each microampere.
_PRESSURE_STEPS: Final = {
    1: 375_000,
    2: 625_000,
    3: 1_000_000,
    4: 1_562_500,
    5: 6_250_000,
    6: 25_000_000,
    7: 37_500_000,
    8: -62_500,
    9: 125_000,
    10: 3_125,
    11: 31_250,
    12: 62_500,
}
# Those of a probe for differential pressure, in picobar.
_DIFFERENCE_STEPS: Final = {
    1: 62_500,
    2: 125_000,
    3: 187_500,
    4: 625_000,
    5: 1_250_000,
    6: 1_875_000,
    7: 2_500_000,
    8: 3_125_000,
    9: 6_250_000,
    10: 125_000,
    11: 250_000,
    12: 1_250_000,
}
# Ranges with zero in their middle: 4 mA is the negative end.
_CENTRED: Final = {_PRESSURE: {9}, _DIFFERENCE: {10, 11, 12}}

_PER_BAR: Final = {_PRESSURE: 10**9, _DIFFERENCE: 10**12}

# By probe mode and range code as one number. The code of a depth probe is its range in metres.
_SCALES: Final[Mapping[int, _Scale]] = {
    **{_DEPTH << 8 | metres: _Scale(_DEPTH, _ZERO, metres, 16_000) for metres in range(1, 256)},
    **{
        kind << 8 | code: _Scale(kind, _MIDDLE if code in _CENTRED[kind] else _ZERO, step, _PER_BAR[kind])
        for kind, steps in ((_PRESSURE, _PRESSURE_STEPS), (_DIFFERENCE, _DIFFERENCE_STEPS))
        for code, step in steps.items()
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Sample):
    """What the probe and the node's inputs showed."""

    water_column_metres: float | None = None
    pressure_bar: float | None = None
    pressure_difference_bar: float | None = None
    loop_current_milliamperes: float | None = None
    input_volts: float | None = None
    digital_input_on: bool | None = None
    digital_input_2_on: bool | None = None
    digital_input_3_on: bool | None = None
    digital_input_count: int | None = None
    interrupt_event: bool | None = None
    battery_volts: float | None = None


_CLOCK_NOT_SET: Final = Level(flags=("clock_not_set",))


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or one for each record of the log; the frames are in README.md."""
    frame = _FRAMES.get(uplink.f_port)
    if frame is None:
        raise UnknownPort(f"a PS-LB sends on ports 2, 3, 5, 7 and 8, not on {uplink.f_port}")
    return frame(uplink.payload)


def _measurement(payload: bytes) -> Sequence[Sample]:
    count = None
    if len(payload) == _FRAME.size:
        millivolts, mode, code, microamperes, input_millivolts, bits = _FRAME.unpack(payload)
    elif len(payload) == _COUNTING_FRAME.size:
        millivolts, mode, code, microamperes, input_millivolts, bits, count = _COUNTING_FRAME.unpack(payload)
    else:
        # A frame between the two lengths is a counting one cut short.
        raise wrong_length(payload, _FRAME.size if len(payload) < _FRAME.size else _COUNTING_FRAME.size)
    volts, flags = _battery(millivolts)
    values, probe_flags = _probe(mode << 8 | code, microamperes)
    return (
        Level(
            water_column_metres=values[_DEPTH],
            pressure_bar=values[_PRESSURE],
            pressure_difference_bar=values[_DIFFERENCE],
            loop_current_milliamperes=microamperes / 1000,
            input_volts=input_millivolts / 1000,
            # Bits 4 to 7 tell which limit of change made the node send.
            digital_input_on=bits & 0x08 != 0,
            digital_input_2_on=bits & 0x04 != 0,
            digital_input_3_on=bits & 0x02 != 0,
            digital_input_count=count,
            interrupt_event=bits & 0x01 != 0,
            battery_volts=volts,
            flags=flags + probe_flags,
        ),
    )


def _log(payload: bytes) -> Sequence[Sample]:
    return log(payload, _RECORD, _logged, _CLOCK_NOT_SET)


def _logged(record: tuple[int, ...]) -> Level:
    """A record of the log; unlike in a measurement, the voltage comes before the current."""
    mode, code, input_millivolts, microamperes, bits, time = record
    values, flags = _probe(mode << 8 | code, microamperes)
    return Level(
        taken_unix_seconds=time,
        water_column_metres=values[_DEPTH],
        pressure_bar=values[_PRESSURE],
        pressure_difference_bar=values[_DIFFERENCE],
        loop_current_milliamperes=microamperes / 1000,
        input_volts=input_millivolts / 1000,
        digital_input_on=bits & 0x08 != 0,
        digital_input_2_on=bits & 0x04 != 0,
        digital_input_3_on=bits & 0x02 != 0,
        interrupt_event=bits & 0x01 != 0,
        flags=flags,
    )


def _status(payload: bytes) -> Sequence[Sample]:
    return device_status(payload, _MODEL)


def _bare_values(payload: bytes) -> Sequence[Sample]:
    """The battery, then past values without their times, milliamperes or volts as the node was told."""
    if len(payload) < 4 or len(payload) % 2:
        raise Truncated(f"the frame has {len(payload)} bytes: the battery and at least one value have 2 each")
    volts, flags = _battery(payload[0] << 8 | payload[1])
    return (Level(battery_volts=volts, flags=("history_unplaced", *flags)),)


def _battery(millivolts: int) -> tuple[float | None, tuple[str, ...]]:
    if millivolts > HIGH_MILLIVOLTS:
        return None, ("invalid_reading",)
    return millivolts / 1000, ()


def _probe(kind_and_range: int, microamperes: int) -> tuple[list[float | None], tuple[str, ...]]:
    """Depth, pressure and difference of pressure, of which a probe has one, and what is wrong with it."""
    values: list[float | None] = [None, None, None]
    if not _BROKEN_BELOW <= microamperes <= _BROKEN_ABOVE:
        return values, ("sensor_fault",)
    scale = _SCALES.get(kind_and_range)
    if scale is None:
        return values, ("uncalibrated",)
    above_zero = microamperes - scale.zero
    # A probe whose range begins at 4 mA has nothing below it; its zero only drifts.
    if above_zero < 0 and scale.zero == _ZERO:
        above_zero = 0
    values[scale.kind] = above_zero * scale.step / scale.per
    return values, () if _LOW <= microamperes <= _HIGH else ("out_of_range",)


_FRAMES: Final[Mapping[int, Callable[[bytes], Sequence[Sample]]]] = {
    2: _measurement,
    3: _log,
    5: _status,
    7: _bare_values,
    8: _bare_values,
}

DECODER: Final = Decoder(
    name="dragino_ps_lb",
    version="1.0",
    family="groundwater",
    about="Dragino PS-LB node for 4 to 20 mA pressure and level probes",
    samples=(Level, DeviceStatus),
    decode=decode,
)
