"""Configurations (port 50) and command answers (port 60): the node repeats what a downlink told it.

Nothing in them was measured, so they yield no samples. Their shape is still checked, so that a frame this decoder
misunderstands is counted as such instead of vanishing as "nothing measured".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from decoders.api import InvalidValue, Sample, UnknownFrame
from decoders.bits import Reader
from decoders.nas import SETTINGS, Check, address, date, level, need, repeated, skip
from decoders.nas_ul20xx import echoes_1_0


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
    """Port 60: the answer to one command; firmware 1.0 measures something for two of them."""
    reader = Reader(payload)
    kind = reader.u8()
    samples: Sequence[Sample] = ()
    if answer := echoes_1_0.ANSWERS.get(kind):
        samples = answer(reader)
    elif check := _COMMANDS.get(kind):
        check(reader)
    else:
        raise UnknownFrame(f"command 0x{kind:02x} is unknown")
    reader.finish()
    return samples


def _configuration(reader: Reader, kind: int) -> None:
    check = _CONFIGURATIONS.get(kind)
    if check is None:
        raise UnknownFrame(f"configuration 0x{kind:02x} is unknown")
    check(reader)


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
        level(reader)


def _profile(reader: Reader) -> None:
    if reader.u8() == 0xFF and not reader.remaining:
        return
    steps = reader.u8()
    address(reader)
    reader.take(2)
    for _ in range(steps):
        reader.take(1)
        level(reader)


def _holidays(reader: Reader) -> None:
    for _ in range(reader.u8()):
        date(reader)


def _location(reader: Reader) -> None:
    length = reader.u8()
    reader.take(8)
    reader.take(length)


def _digital_input(reader: Reader) -> None:
    if reader.u8() == 0xFF and not reader.remaining:
        return
    reader.take(1)
    address(reader)
    level(reader)
    level(reader)
    reader.take(4)


def _old_digital_input(reader: Reader) -> None:
    reader.take(3)
    address(reader)
    level(reader)


def _light_sensor(reader: Reader) -> None:
    if reader.u8() == 0xFF and not reader.remaining:
        return
    reader.take(2)
    address(reader)
    while reader.remaining:
        reader.take(4)
        level(reader)


def _schedule(reader: Reader) -> None:
    while reader.remaining:
        reader.take(2)


def _cleared(reader: Reader) -> None:
    target = reader.u8()
    check = _CLEARED.get(target)
    if check is None:
        raise UnknownFrame(f"clear target 0x{target:02x} is unknown")
    check(reader)


_CLEARED: Final[Mapping[int, Check]] = {
    **echoes_1_0.CLEARED,
    0x21: skip(1),  # profiles of an output
    0x23: skip(0),  # holidays
    0x28: skip(0),  # digital input
    0x29: skip(0),  # light sensor
    0x52: skip(1),  # multicast group
    0xFF: skip(4),  # everything
}

_CONFIGURATIONS: Final[Mapping[int, Check]] = {
    **SETTINGS,
    **echoes_1_0.CONFIGURATIONS,
    0x01: skip(3),  # photocell, deprecated
    0x03: _old_digital_input,
    0x05: _schedule,  # open-drain output
    0x0B: skip(5),  # usage interval
    0x0D: _boot_delay,
    0x15: skip(1),  # indicator light
    0x16: _metering_limits,
    0x20: _calendar,
    0x21: _profile,
    0x22: skip(1),  # fading time
    0x23: _holidays,
    0x24: skip(3),  # DALI monitor
    0x25: level,  # fallback
    0x26: _location,
    0x27: skip(1),  # LumaLink
    0x28: _digital_input,
    0x29: _light_sensor,
    0x2A: skip(2),  # random delay
    0x2B: skip(1),  # interface
    0x52: skip(37),  # multicast group
    0x53: skip(5),  # multicast counter
    0xFF: _cleared,
}


def _requested(reader: Reader) -> None:
    """What was asked for, then the dimming range of each driver if that was it."""
    reader.take(1)
    while reader.remaining:
        address(reader)
        reader.take(3)


def _anything(reader: Reader) -> None:
    """Raw DALI traffic, which only the sender of the command can read."""
    need(reader)
    reader.rest()


def _memory(reader: Reader) -> None:
    """Address, bank, cell and data; nothing at all where the driver did not answer."""
    if reader.remaining:
        address(reader)
        reader.take(2)
        _anything(reader)


_COMMANDS: Final[Mapping[int, Check]] = {
    0x01: repeated(address, level),
    0x03: repeated(skip(3)),
    0x04: _anything,
    0x05: _requested,
    0x07: _memory,
    0x08: _memory,
    0x09: repeated(address, level, skip(1)),
    0x0A: address,
    0x0B: skip(0),
    0x0C: skip(1),
}
