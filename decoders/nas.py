"""What all generations of NAS street-light nodes share: addresses, driver states, profile blocks, meters, settings.

The generations have their own frames, and two decoders read them; what is in here has stayed the same from firmware
0.6 to 1.1. Tables are made once at import, because a status frame looks up three of them for every output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypedDict

from decoders.api import InvalidValue, Truncated
from decoders.bits import Reader

BROADCAST: Final = 0xFE
CONTEXT: Final = 0xFF
ANALOG: Final = 0x01

ANALOG_CHANNEL: Final = 81
_FIRST_GROUP_CHANNEL: Final = 65


def _channels() -> dict[int, int]:
    shorts = {short << 1: 1 + short for short in range(64)}
    groups = {0x80 | group << 1: _FIRST_GROUP_CHANNEL + group for group in range(16)}
    return {**shorts, **groups, BROADCAST: 0, ANALOG: ANALOG_CHANNEL}


CHANNELS: Final[Mapping[int, int]] = _channels()
"""Channel by address byte: 0 all drivers, 1 to 64 short addresses, 65 to 80 groups, 81 the 0-10 V output.

Other bytes with bit 7 set are special commands in DALI, other odd bytes are commands: neither is an address.
"""


def channel_of(address: int) -> int:
    """The channel of an output.

    Raises:
        InvalidValue: the byte is no address of an output.
    """
    channel = CHANNELS.get(address)
    if channel is None:
        raise InvalidValue(f"0x{address:02x} is no address of a lamp output")
    return channel


class DriverState(TypedDict, total=False):
    """The fields of a sample that a DALI status byte fills."""

    driver_failure: bool
    lamp_failure: bool
    lamp_on: bool
    dimming_limit_error: bool
    dimming_fading: bool
    driver_reset: bool
    driver_address_missing: bool
    driver_power_failure: bool


def _driver_state(byte: int) -> DriverState:
    # 0xFF means that the driver did not answer: nothing is known, which is not the same as nothing is wrong.
    if byte == 0xFF:
        return {}
    return {
        "driver_failure": byte & 0x01 != 0,
        "lamp_failure": byte & 0x02 != 0,
        "lamp_on": byte & 0x04 != 0,
        "dimming_limit_error": byte & 0x08 != 0,
        "dimming_fading": byte & 0x10 != 0,
        "driver_reset": byte & 0x20 != 0,
        "driver_address_missing": byte & 0x40 != 0,
        "driver_power_failure": byte & 0x80 != 0,
    }


DRIVER_STATES: Final = tuple(_driver_state(byte) for byte in range(256))
"""The fields of a sample by DALI status byte."""


def driver_states(reader: Reader) -> Mapping[int, DriverState]:
    """Pairs of address and DALI status up to the end, by channel; a driver that did not answer is left out."""
    found: dict[int, DriverState] = {}
    while reader.remaining:
        address, state = reader.take(2)
        found.setdefault(channel_of(address), DRIVER_STATES[state])
    return {channel: state for channel, state in found.items() if state}


class ProfileBlock(NamedTuple):
    """What a status frame before firmware 1.1 tells about one profile and the output it drives."""

    channel: int
    number: int
    """The profile's number; 255 is none."""
    version: int
    level: float | None
    odd: bool
    """Whether the level is impossible."""


def profile_blocks(reader: Reader) -> Iterator[ProfileBlock]:
    """Blocks of number, version, address, days and level up to the end of the frame."""
    while reader.remaining:
        number, version, address, _, percent = reader.take(5)
        yield ProfileBlock(
            # 0xFF stands for every output of the node, the 0-10 V one included.
            channel=0 if address == CONTEXT else channel_of(address),
            number=number,
            version=version,
            level=percent / 100 if percent <= 100 else None,
            odd=100 < percent < 0xFF,
        )


def meter_channel(address: int) -> int:
    """A reading belongs to the node's own meter or to one driver; what many drivers share has no meter.

    Raises:
        InvalidValue: the byte is no address of a meter.
    """
    if address == CONTEXT:
        return 0
    if address == ANALOG:
        return ANALOG_CHANNEL
    if address & 0x81:
        raise InvalidValue(f"0x{address:02x} is no address of a meter")
    return channel_of(address)


def meter(reader: Reader, mask: int) -> dict[str, object]:
    """The fields of a meter that the mask names, in bit order."""
    found: dict[str, object] = {}
    if mask & 0x01:
        found["active_energy_watt_hours"] = reader.u32le()
    if mask & 0x02:
        found["active_power_watts"] = float(reader.u16le())
    if mask & 0x04:
        found["load_side_energy_watt_hours"] = reader.u32le()
    if mask & 0x08:
        found["load_side_power_watts"] = float(reader.u16le())
    if mask & 0x10:
        hundredths = reader.u8()
        if hundredths <= 100:
            found["power_factor_ratio"] = hundredths / 100
        elif hundredths != 0xFF:
            found["flags"] = ("invalid_reading",)
    if mask & 0x20:
        found["mains_volts"] = float(reader.u8())
    if mask & 0x40:
        found["driver_operating_seconds"] = reader.u32le()
    if mask & 0x80:
        found["lamp_on_seconds"] = reader.u32le()
    return found


# What follows checks the shape of a setting or command that a node repeats. Nothing in it was measured.

Check = Callable[[Reader], None]


def skip(count: int) -> Check:
    """So many bytes, whatever they are."""

    def check(reader: Reader) -> None:
        reader.take(count)

    return check


def address(reader: Reader) -> None:
    """The address of an output, or the byte for all of them."""
    byte = reader.u8()
    if byte not in CHANNELS and byte != CONTEXT:
        raise InvalidValue(f"0x{byte:02x} is no address")


def level(reader: Reader) -> None:
    """A dimming level in percent, or 0xFF for none."""
    percent = reader.u8()
    if 100 < percent < 0xFF:
        raise InvalidValue(f"level {percent} is neither a percentage nor 0xff")


def date(reader: Reader) -> None:
    """A month and a day."""
    month, day = reader.take(2)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        raise InvalidValue(f"month {month}, day {day} is no date")


def repeated(*parts: Check) -> Check:
    """One entry or more up to the end of the frame."""

    def check(reader: Reader) -> None:
        need(reader)
        while reader.remaining:
            for part in parts:
                part(reader)

    return check


def need(reader: Reader) -> None:
    """Something follows.

    Raises:
        Truncated: the frame ends here.
    """
    if not reader.remaining:
        raise Truncated("the answer ends behind its type")


def _profile(reader: Reader) -> None:
    reader.take(2)
    address(reader)
    reader.take(1)
    while reader.remaining:
        reader.take(1)
        level(reader)


SETTINGS: Final[Mapping[int, Check]] = {
    0x07: skip(4),  # status interval
    0x09: skip(4),  # clock
}
"""Checks of the settings that every firmware repeats, by type."""

SETTINGS_BEFORE_1_1: Final[Mapping[int, Check]] = {
    0x06: skip(6),  # sunrise and sunset: two offsets in minutes, latitude, longitude; all 0xFF is none
    0x08: _profile,
}
"""Those that firmware 0.6 and 1.0 repeat besides."""
