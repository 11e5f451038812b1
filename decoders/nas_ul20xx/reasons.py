"""What decides the dimming level, by firmware."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
"""Reason bytes of firmware 1.1."""

PROFILE_INACTIVE: Final = "profile_inactive"

OVERRIDES_1_0: Final[Mapping[int, str]] = {
    246: "driver_not_found",
    247: "calendar",
    248: "initial",
    249: PROFILE_INACTIVE,
    250: "photocell",
    252: "digital_input",
    253: "manual",
    254: "value_differs",
    255: "unknown",
}
"""Firmware 1.0: what overrules a profile, told in place of the profile's version."""
