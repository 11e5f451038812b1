"""Firmware 1.0: settings (port 50) and commands (port 60) that firmware 1.1 has replaced by others.

Their type bytes are not used again, so both firmwares share the ports. Two commands ask for something measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from decoders.api import InvalidValue, Sample
from decoders.bits import Reader
from decoders.nas import SETTINGS_BEFORE_1_1, Check, address, date, driver_states, level, need, skip
from decoders.nas_ul20xx.samples import LampOutput, NodeStatus


def _defaults_of_old(reader: Reader) -> None:
    level(reader)
    reader.take(1)


def _holidays(reader: Reader) -> None:
    while reader.remaining:
        date(reader)


def _defaults(reader: Reader) -> None:
    """A byte that names the settings, then one for each: level, highest level, fading, switching point, old status."""
    mask = reader.u8()
    if mask & 0xE0:
        raise InvalidValue(f"defaults 0x{mask:02x} name settings that are unknown")
    if mask & 0x01:
        level(reader)
    if mask & 0x02:
        level(reader)
    reader.take((mask >> 2).bit_count())


def _location(reader: Reader) -> None:
    bits = reader.u8()
    if bits & 0x01:
        reader.take(8)
    if bits & 0x02:
        reader.take(reader.u8())


def _cleared_profile(reader: Reader) -> None:
    """An output, and one of its profiles unless all of them were cleared."""
    address(reader)
    if reader.remaining:
        reader.take(1)


CONFIGURATIONS: Final[Mapping[int, Check]] = {
    **SETTINGS_BEFORE_1_1,
    0x0A: _defaults_of_old,
    0x0C: _holidays,
    0x0E: _defaults,
    0x13: _location,
}

CLEARED: Final[Mapping[int, Check]] = {
    0x01: skip(0),  # photocell
    0x03: skip(0),  # digital input
    0x04: _cleared_profile,
    0x06: skip(0),  # holidays
}
"""What a clearing may aim at."""


def _drivers(reader: Reader) -> Sequence[Sample]:
    """Pairs of address and DALI status; an address alone repeats the request."""
    need(reader)
    if reader.remaining == 1:
        address(reader)
        return ()
    return tuple(LampOutput(channel=channel, **state) for channel, state in driver_states(reader).items())


def _interfaces(reader: Reader) -> Sequence[Sample]:
    """Numbered interfaces with a byte each: digital input, photocell, thermistor, relays; 0xFF alone is the request."""
    first = reader.u8()
    if first == 0xFF:
        return ()
    digital, second, photocell, third, _, fourth, relays = reader.take(7)
    if (first, second, third, fourth) != (1, 2, 3, 4):
        raise InvalidValue(f"interfaces {first}, {second}, {third}, {fourth} instead of 1 to 4")
    return (
        NodeStatus(
            # 0xFF is an input that the node does not have.
            digital_input_on=digital == 1 if digital <= 1 else None,
            photocell_level=photocell if photocell != 0xFF else None,
            relay_closed=relays & 0x01 != 0,
            open_drain_on=relays & 0x02 != 0,
            flags=("invalid_reading",) if 1 < digital < 0xFF else (),
        ),
    )


ANSWERS: Final[Mapping[int, Callable[[Reader], Sequence[Sample]]]] = {0x00: _drivers, 0x06: _interfaces}
"""Commands whose answer was measured."""
