"""PNI PlacePod parking sensor: state, count, temperature and battery as a sequence of (channel, type, data) records.

The length of an unknown record is not known, so reading stops there; what came before it is kept and flagged.
Source: the maker's communications protocol; all numbers have their highest byte first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, UnknownFrame, UnknownPort, Uplink
from decoders.bits import Reader
from decoders.quantities import QUANTITIES

# A record reads its data, adds what it found to the fields and what is wrong to the flags.
_Fields = dict[str, float | int | bool]
_Record = Callable[[Reader, _Fields, list[str]], None]

_LOW_CELSIUS: Final = QUANTITIES["device_temperature_celsius"].low
_HIGH_CELSIUS: Final = QUANTITIES["device_temperature_celsius"].high
_LOW_VOLTS: Final = QUANTITIES["battery_volts"].low
_HIGH_VOLTS: Final = QUANTITIES["battery_volts"].high

_HIGHEST_COUNT: Final = 127
_COUNT_RESET: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkingStatus(Sample):
    """What the records of one frame say together."""

    occupied: bool | None = None
    vehicles_count: int | None = None
    count_reset_event: bool | None = None
    heartbeat: bool | None = None
    device_temperature_celsius: float | None = None
    battery_volts: float | None = None
    recalibrated_event: bool | None = None
    deactivated_event: bool | None = None
    downlink_done_event: bool | None = None
    reset_cause: str | None = None


# The device sends a frame without a byte when it starts.
_STARTED: Final = (ParkingStatus(reset_cause="start"),)


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample for every frame; the records are in README.md."""
    # No port is documented.
    if not 1 <= uplink.f_port <= 223:
        raise UnknownPort(f"port {uplink.f_port} is no application port")
    payload = uplink.payload
    end = len(payload)
    if not end:
        return _STARTED
    reader = Reader(payload)
    found: _Fields = {}
    flags: list[str] = []
    while reader.at < end:
        key = reader.u16be()
        record = _RECORDS.get(key)
        if record is None:
            if not found and not flags:
                raise UnknownFrame(f"record {key:04x} is unknown or internal to the maker")
            flags.append("unknown_record")
            break
        record(reader, found, flags)
    return (ParkingStatus(**found, flags=tuple(sorted(set(flags)))),)  # type: ignore[arg-type]  # each record knows its own field's type


def _temperature(reader: Reader, found: _Fields, flags: list[str]) -> None:
    celsius = reader.s16be() / 10
    if _LOW_CELSIUS <= celsius <= _HIGH_CELSIUS:
        found["device_temperature_celsius"] = celsius
    else:
        flags.append("invalid_reading")


def _battery(reader: Reader, found: _Fields, flags: list[str]) -> None:
    volts = reader.s16be() / 100
    if _LOW_VOLTS <= volts <= _HIGH_VOLTS:
        found["battery_volts"] = volts
    else:
        flags.append("invalid_reading")


def _state_change(reader: Reader, found: _Fields, flags: list[str]) -> None:
    found["heartbeat"] = False
    _flag("occupied", reader, found, flags)


def _state_again(reader: Reader, found: _Fields, flags: list[str]) -> None:
    # A change in the same frame says more.
    found.setdefault("heartbeat", True)
    _flag("occupied", reader, found, flags)


def _count_change(reader: Reader, found: _Fields, flags: list[str]) -> None:
    found["heartbeat"] = False
    _count(reader, found, flags)


def _count_again(reader: Reader, found: _Fields, flags: list[str]) -> None:
    found.setdefault("heartbeat", True)
    _count(reader, found, flags)


def _recalibrated(reader: Reader, found: _Fields, flags: list[str]) -> None:
    _flag("recalibrated_event", reader, found, flags)


def _deactivated(reader: Reader, found: _Fields, flags: list[str]) -> None:
    _flag("deactivated_event", reader, found, flags)


def _rebooted(reader: Reader, found: _Fields, flags: list[str]) -> None:
    _flag("downlink_done_event", reader, found, flags)


def _flag(name: str, reader: Reader, found: _Fields, flags: list[str]) -> None:
    value = reader.u8()
    if value > 1:
        flags.append("invalid_reading")
    else:
        found[name] = value == 1


def _count(reader: Reader, found: _Fields, flags: list[str]) -> None:
    count = reader.u8()
    if count <= _HIGHEST_COUNT:
        found["vehicles_count"] = count
    elif count == _COUNT_RESET:
        found["count_reset_event"] = True
    else:
        flags.append("invalid_reading")


_RECORDS: Final[Mapping[int, _Record]] = {
    0x0101: _recalibrated,
    0x0267: _temperature,
    0x0302: _battery,
    0x1566: _state_change,
    0x1C01: _deactivated,
    0x2100: _count_change,
    0x3700: _count_again,
    0x3766: _state_again,
    0x3F01: _rebooted,
}

DECODER: Final = Decoder(
    name="pni_placepod",
    version="1.0",
    family="parking",
    about="PNI PlacePod parking and vehicle-counting sensor",
    samples=(ParkingStatus,),
    decode=decode,
)
