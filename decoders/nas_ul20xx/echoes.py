"""Configurations (port 50) and command answers (port 60): the node repeats what a downlink told it.

Nothing in them was measured, so they yield no samples. Their shape is still checked, so that a frame this decoder
misunderstands is counted as such instead of vanishing as "nothing measured".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from decoders.api import InvalidValue, Sample, Truncated, UnknownFrame
from decoders.bits import Reader
from decoders.nas_ul20xx.dali import CHANNELS, CONTEXT

_Check = Callable[[Reader], None]


def configuration(payload: bytes) -> Sequence[Sample]:
    """Port 50: one configuration, or several behind the byte 0xFE."""
    reader = Reader(payload)
    kind = reader.u8()
    if kind == 0xFE:
        _configuration(reader, reader.u8())
        while reader.remaining:
            _configuration(reader, reader.u8())
    else:
        _configuration(reader, kind)
    reader.finish()
    return ()


def command(payload: bytes) -> Sequence[Sample]:
    """Port 60: the answer to one command."""
    reader = Reader(payload)
    kind = reader.u8()
    check = _COMMANDS.get(kind)
    if check is None:
        raise UnknownFrame(f"command 0x{kind:02x} is unknown")
    check(reader)
    reader.finish()
    return ()


def _configuration(reader: Reader, kind: int) -> None:
    check = _CONFIGURATIONS.get(kind)
    if check is None:
        raise UnknownFrame(f"configuration 0x{kind:02x} is unknown")
    check(reader)


def _bytes(count: int) -> _Check:
    def check(reader: Reader) -> None:
        reader.take(count)

    return check


def _address(reader: Reader) -> None:
    address = reader.u8()
    if address not in CHANNELS and address != CONTEXT:
        raise InvalidValue(f"0x{address:02x} is no address")


def _level(reader: Reader) -> None:
    level = reader.u8()
    if 100 < level < 0xFF:
        raise InvalidValue(f"level {level} is neither a percentage nor 0xff")


def _boot_delay(reader: Reader) -> None:
    # One byte in older firmware, two since.
    reader.take(2 if reader.remaining > 1 else 1)


def _metering_limits(reader: Reader) -> None:
    version = reader.u8()
    if version != 1:
        raise InvalidValue(f"metering limits of version {version} instead of 1")
    reader.take(9)


def _calendar(reader: Reader) -> None:
    sunset, sunrise = reader.bits(4, 4)
    reader.take(5)
    for _ in range(sunrise + sunset):
        reader.take(1)
        _level(reader)


def _profile(reader: Reader) -> None:
    if reader.u8() == 0xFF and not reader.remaining:
        return
    steps = reader.u8()
    _address(reader)
    reader.take(2)
    for _ in range(steps):
        reader.take(1)
        _level(reader)


def _holidays(reader: Reader) -> None:
    for _ in range(reader.u8()):
        month, day = reader.take(2)
        if not (1 <= month <= 12 and 1 <= day <= 31):
            raise InvalidValue(f"month {month}, day {day} is no date")


def _location(reader: Reader) -> None:
    length = reader.u8()
    reader.take(8)
    reader.take(length)


def _digital_input(reader: Reader) -> None:
    if reader.u8() == 0xFF and not reader.remaining:
        return
    reader.take(1)
    _address(reader)
    _level(reader)
    _level(reader)
    reader.take(4)


def _old_digital_input(reader: Reader) -> None:
    reader.take(3)
    _address(reader)
    _level(reader)


def _light_sensor(reader: Reader) -> None:
    if reader.u8() == 0xFF and not reader.remaining:
        return
    reader.take(2)
    _address(reader)
    while reader.remaining:
        reader.take(4)
        _level(reader)


def _schedule(reader: Reader) -> None:
    while reader.remaining:
        reader.take(2)


def _cleared(reader: Reader) -> None:
    target = reader.u8()
    length = {0x21: 1, 0x23: 0, 0x28: 0, 0x29: 0, 0x52: 1, 0xFF: 4}.get(target)
    if length is None:
        raise UnknownFrame(f"clear target 0x{target:02x} is unknown")
    reader.take(length)


_CONFIGURATIONS: Final[Mapping[int, _Check]] = {
    0x01: _bytes(3),  # photocell, deprecated
    0x03: _old_digital_input,
    0x05: _schedule,  # open-drain output
    0x07: _bytes(4),  # status interval
    0x09: _bytes(4),  # clock
    0x0B: _bytes(5),  # usage interval
    0x0D: _boot_delay,
    0x15: _bytes(1),  # indicator light
    0x16: _metering_limits,
    0x20: _calendar,
    0x21: _profile,
    0x22: _bytes(1),  # fading time
    0x23: _holidays,
    0x24: _bytes(3),  # DALI monitor
    0x25: _level,  # fallback
    0x26: _location,
    0x27: _bytes(1),  # LumaLink
    0x28: _digital_input,
    0x29: _light_sensor,
    0x2A: _bytes(2),  # random delay
    0x2B: _bytes(1),  # interface
    0x52: _bytes(37),  # multicast group
    0x53: _bytes(5),  # multicast counter
    0xFF: _cleared,
}


def _repeated(*parts: _Check) -> _Check:
    """One entry or more up to the end of the frame."""

    def check(reader: Reader) -> None:
        _need(reader)
        while reader.remaining:
            for part in parts:
                part(reader)

    return check


def _need(reader: Reader) -> None:
    if not reader.remaining:
        raise Truncated("the answer ends behind its type")


def _requested(reader: Reader) -> None:
    """What was asked for, then the dimming range of each driver if that was it."""
    reader.take(1)
    while reader.remaining:
        _address(reader)
        reader.take(3)


def _anything(reader: Reader) -> None:
    """Raw DALI traffic, which only the sender of the command can read."""
    _need(reader)
    reader.rest()


def _memory(reader: Reader) -> None:
    """Address, bank, cell and data; nothing at all where the driver did not answer."""
    if reader.remaining:
        _address(reader)
        reader.take(2)
        _anything(reader)


_COMMANDS: Final[Mapping[int, _Check]] = {
    0x01: _repeated(_address, _level),
    0x03: _repeated(_bytes(3)),
    0x04: _anything,
    0x05: _requested,
    0x07: _memory,
    0x08: _memory,
    0x09: _repeated(_address, _level, _bytes(1)),
    0x0A: _address,
    0x0B: _bytes(0),
    0x0C: _bytes(1),
}
