"""Parts of a status frame that firmware 1.0 and 1.1 have in common."""

from __future__ import annotations

from typing import Final

from decoders.api import CLOCK_SET_SINCE
from decoders.bits import Reader
from decoders.quantities import QUANTITIES

_COLD: Final = QUANTITIES["device_temperature_celsius"].low
_HOT: Final = QUANTITIES["device_temperature_celsius"].high

Fields = dict[str, float | int | str | bool]


def clock(reader: Reader, node: Fields, flags: set[str]) -> None:
    """The node's time, unless it has never been set."""
    time = reader.u32le()
    if time >= CLOCK_SET_SINCE:
        node["device_time_unix_seconds"] = time
    else:
        flags.add("clock_not_set")


def radio_and_temperature(reader: Reader, node: Fields, flags: set[str]) -> None:
    """How the last downlink was heard, and how warm the node is."""
    node["downlink_rssi_dbm"] = float(-reader.u8())
    node["downlink_snr_db"] = float(reader.s8())
    celsius = reader.s8()
    if _COLD <= celsius <= _HOT:
        node["device_temperature_celsius"] = float(celsius)
    else:
        flags.add("invalid_reading")


def alerts(bits: int, node: Fields) -> None:
    """What was wrong within the last 24 hours."""
    node["voltage_alert"] = bits & 0x10 != 0
    node["lamp_error_alert"] = bits & 0x20 != 0
    node["power_alert"] = bits & 0x40 != 0
    node["power_factor_alert"] = bits & 0x80 != 0
