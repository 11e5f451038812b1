"""Addresses, driver states and dimming reasons: what status and event frames share.

Tables are made once at import, because a status frame looks up three of them for every output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypedDict

from decoders.api import InvalidValue

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
    """The fields of a `LampOutput` that its DALI status byte fills."""

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
"""The fields of a lamp output by DALI status byte."""

REASONS: Final[Mapping[int, str]] = {
    **{number: f"profile_{number}" for number in range(8)},
    0x21: "calendar_day",
    0x22: "calendar_night",
    **{0x30 + step: f"dawn_step_{step}" for step in range(16)},
    **{0x50 + step: f"dusk_step_{step}" for step in range(16)},
    0x70: "digital_input_inactive",
    0x71: "digital_input_active",
    **{0x80 + step: f"light_step_{step}" for step in range(8)},
    245: "relay_off",
    246: "driver_not_found",
    248: "fallback",
    250: "photocell",
    252: "digital_input",
    253: "manual",
    255: "unknown",
}
"""What decides the dimming level."""
