"""Axioma Qalcosonic W1 water meter: volume with hourly history in three layouts, alarms and configuration.

The meter is set to one layout, and all of them come on port 100. The two with a time of the log have the same length
and are told apart by that time, which must fit the meter's clock: a wrong layout would make plausible nonsense.
Sources: README.md. Numbers have their lowest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from decoders.api import CLOCK_SET_SINCE, Decoder, Sample, TrailingBytes, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.quantities import QUANTITIES

_ENHANCED: Final = struct.Struct("<BIBI")
_EXTENDED: Final = struct.Struct("<IBIII")
_WITH_TEMPERATURE: Final = struct.Struct("<IBIHII")
_ALARM: Final = struct.Struct("<IB")

_ENHANCED_LENGTH: Final = 51
_ENHANCED_VERSION: Final = 1
_DELTA_BITS: Final = 14
_DELTAS: Final = 23

_PADDING: Final = b"\x2f"

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
# A clock that shows less has never been set.

_HIGH_CELSIUS: Final = QUANTITIES["water_temperature_celsius"].high


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading(Sample):
    """What the meter shows when it sends: its state and, in the extended layouts, the volume."""

    water_volume_litres: int | None = None
    water_temperature_celsius: float | None = None
    device_time_unix_seconds: int | None = None
    battery_low: bool | None = None
    meter_fault: bool | None = None
    meter_disturbed: bool | None = None
    leak: bool | None = None
    burst: bool | None = None
    backflow: bool | None = None
    frost: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedVolume(Sample):
    """What the meter showed at a full hour of its own clock."""

    water_volume_litres: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterAlarm(Sample):
    """Port 103: what the meter sends when an alarm begins or ends."""

    device_time_unix_seconds: int | None = None
    leak: bool | None = None
    burst: bool | None = None
    frost: bool | None = None
    tampered: bool | None = None
    no_consumption: bool | None = None
    backflow: bool | None = None


class _State(TypedDict, total=False):
    """The fields of a reading that its status byte fills."""

    battery_low: bool
    meter_fault: bool
    meter_disturbed: bool
    leak: bool
    burst: bool
    backflow: bool
    frost: bool
    flags: tuple[str, ...]


def _state(byte: int) -> _State:
    state: _State = {
        "battery_low": byte & 0x04 != 0,
        "meter_fault": byte & 0x08 != 0,
        "meter_disturbed": byte & 0x10 != 0,
    }
    # Three bits name one alarm out of several. While one is shown, nothing is known about the others.
    alarm = byte >> 5
    if alarm == 0:
        state["leak"] = state["burst"] = state["backflow"] = state["frost"] = False
    elif alarm == 1:
        state["leak"] = True
    elif alarm == 3:
        state["backflow"] = True
    elif alarm == 4:
        state["frost"] = True
    elif alarm == 5:
        state["burst"] = True
    else:
        state["flags"] = ("invalid_reading",)
    return state


_STATES: Final = tuple(_state(byte) for byte in range(256))


def decode(uplink: Uplink) -> Sequence[Sample]:
    """The reading first, then the logged volumes from old to new; nothing for a configuration."""
    frame = _FRAMES.get(uplink.f_port)
    if frame is None:
        raise UnknownPort(f"a Qalcosonic W1 sends on ports 100, 101 and 103, not on {uplink.f_port}")
    if not uplink.payload:
        raise Truncated("the frame is empty")
    return frame(uplink.payload)


def _volume(payload: bytes) -> Sequence[Sample]:
    if len(payload) == _ENHANCED_LENGTH and payload[0] == _ENHANCED_VERSION:
        return _enhanced(payload)
    return _extended(payload)


def _enhanced(payload: bytes) -> Sequence[Sample]:
    """The volume at one o'clock of the day before, then what 23 hours added to it, until the last midnight."""
    _, time, state, volume = _ENHANCED.unpack_from(payload)
    packed = int.from_bytes(payload[_ENHANCED.size :], "little")
    # What the multiplier does to the increments is not published, so they are left out where it does anything.
    count = 0 if packed >> _DELTA_BITS * _DELTAS else _DELTAS
    deltas = [packed >> _DELTA_BITS * index & 0x3FFF for index in range(count)]
    first = time - time % _DAY - _DAY + _HOUR
    odd = set() if count else {"unknown_record"}
    history = _history(time, first, volume, deltas, odd)
    return (_reading(time, state, odd), *history)


def _extended(payload: bytes) -> Sequence[Sample]:
    """Volume, the time and volume of the first log entry, and what each hour since has added to it."""
    if len(payload) < _EXTENDED.size:
        raise Truncated(f"the frame has {len(payload)} bytes, its header {_EXTENDED.size}")
    time, state, volume, log_time, log_volume = _EXTENDED.unpack_from(payload)
    celsius = None
    odd: set[str] = set()
    at = _EXTENDED.size
    if not _fits(time, log_time, len(payload) - at):
        if len(payload) < _WITH_TEMPERATURE.size:
            raise UnknownFrame("the time of the log does not fit the meter's clock")
        time, state, volume, hundredths, log_time, log_volume = _WITH_TEMPERATURE.unpack_from(payload)
        at = _WITH_TEMPERATURE.size
        if not _fits(time, log_time, len(payload) - at):
            raise UnknownFrame("the time of the log does not fit the meter's clock in any known layout")
        celsius = hundredths / 100
        if celsius > _HIGH_CELSIUS:
            celsius = None
            odd.add("invalid_reading")
    deltas = _deltas(payload[at:])
    history = _history(time, log_time - log_time % _HOUR, log_volume, deltas, odd)
    return (_reading(time, state, odd, volume, celsius), *history)


def _fits(time: int, log_time: int, left: int) -> bool:
    """Whether a log that begins at this time ends about when the meter sends."""
    return abs(time - (log_time + left // 2 * _HOUR)) <= _DAY


def _deltas(data: bytes) -> Sequence[int]:
    if len(data) % 2:
        if data[-1:] != _PADDING:
            raise Truncated("the frame ends inside an hour's volume")
        data = data[:-1]
    return struct.unpack(f"<{len(data) // 2}H", data)


def _history(time: int, first: int, volume: int, deltas: Sequence[int], odd: set[str]) -> Sequence[LoggedVolume]:
    """The log's entries that can be placed in time; why others cannot is added to `odd`."""
    if first < CLOCK_SET_SINCE:
        odd.add("clock_not_set")
        return ()
    found: list[LoggedVolume] = []
    for taken in range(first, first + _HOUR * (1 + len(deltas)), _HOUR):
        if found:
            volume += deltas[len(found) - 1]
        # An hour that has not come yet: the clock was set back, or the log belongs to another clock.
        if taken > time:
            odd.add("history_unplaced")
            break
        found.append(LoggedVolume(taken_unix_seconds=taken, water_volume_litres=volume))
    return found


def _reading(
    time: int, byte: int, odd: set[str], volume: int | None = None, celsius: float | None = None
) -> MeterReading:
    state = _STATES[byte]
    if time < CLOCK_SET_SINCE:
        odd.add("clock_not_set")
    if odd:
        state = {**state, "flags": tuple(sorted(odd.union(state.get("flags", ()))))}
    return MeterReading(
        water_volume_litres=volume,
        water_temperature_celsius=celsius,
        device_time_unix_seconds=time if time >= CLOCK_SET_SINCE else None,
        **state,
    )


def _configuration(_payload: bytes) -> Sequence[Sample]:
    # Settings, in an order that the maker's description gets wrong: there is nothing to check.
    return ()


def _alarm(payload: bytes) -> Sequence[Sample]:
    if len(payload) != _ALARM.size:
        sentence = f"an alarm has {len(payload)} bytes instead of {_ALARM.size}"
        raise Truncated(sentence) if len(payload) < _ALARM.size else TrailingBytes(sentence)
    time, bits = _ALARM.unpack(payload)
    known = time >= CLOCK_SET_SINCE
    return (
        MeterAlarm(
            device_time_unix_seconds=time if known else None,
            leak=bits & 0x01 != 0,
            burst=bits & 0x02 != 0,
            frost=bits & 0x04 != 0,
            tampered=bits & 0x08 != 0,
            no_consumption=bits & 0x10 != 0,
            backflow=bits & 0x20 != 0,
            flags=() if known else ("clock_not_set",),
        ),
    )


_FRAMES: Final[Mapping[int, Callable[[bytes], Sequence[Sample]]]] = {
    100: _volume,
    101: _configuration,
    103: _alarm,
}

DECODER: Final = Decoder(
    name="axioma_qalcosonic_w1",
    version="1.0",
    family="water",
    about="Axioma Qalcosonic W1 ultrasonic water meter",
    samples=(MeterReading, LoggedVolume, MeterAlarm),
    decode=decode,
)
