"""Milesight EM310-UDL ultrasonic sensor: distance, tilt and battery as a sequence of (channel, type, data) records.

The length of an unknown record is not known, so reading stops there; what came before it is kept and flagged,
because a lid that is open matters more than a record that new firmware has added.
Source: the maker's user guide; all numbers have their lowest byte first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.bits import Reader

# A record reads its data, adds what it found to the fields and what is wrong to the flags.
_Fields = dict[str, float | str | bool]
_Record = Callable[[Reader, _Fields, list[str]], None]

_CLASSES: Final = ("A", "B", "C", "C-to-B")


@dataclass(frozen=True, slots=True, kw_only=True)
class FillLevel(Sample):
    """What the sensor measured; the fill level itself follows from the container's height."""

    distance_metres: float | None = None
    tilted: bool | None = None
    battery_ratio: float | None = None
    protocol_version: str | None = None
    hardware_version: str | None = None
    firmware_version: str | None = None
    tsl_version: str | None = None
    device_serial: str | None = None
    lorawan_class: str | None = None
    reset_cause: str | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where the frame only answers a downlink."""
    # The port is 85 as delivered and can be set to any application port.
    if not 1 <= uplink.f_port <= 223:
        raise UnknownPort(f"port {uplink.f_port} is no application port")
    payload = uplink.payload
    end = len(payload)
    if not end:
        raise Truncated("the frame is empty")
    reader = Reader(payload)
    found: _Fields = {}
    flags: list[str] = []
    while reader.at < end:
        key = reader.u16be()
        record = _RECORDS.get(key)
        if record is None:
            if not found:
                raise UnknownFrame(f"record {key:04x} is unknown")
            flags.append("unknown_record")
            break
        record(reader, found, flags)
    if not found and not flags:
        return ()
    return (FillLevel(**found, flags=tuple(sorted(set(flags)))),)  # type: ignore[arg-type]  # each record knows its own field's type


def _battery(reader: Reader, found: _Fields, flags: list[str]) -> None:
    percent = reader.u8()
    if percent > 100:
        flags.append("invalid_reading")
    else:
        found["battery_ratio"] = percent / 100


def _distance(reader: Reader, found: _Fields, flags: list[str]) -> None:
    millimetres = reader.u16le()
    if millimetres in {0, 0xFFFF}:
        flags.append("suspicious_distance")
    # 0 may be a container filled to the brim; 65.535 m is far beyond what the sensor can hear.
    if millimetres != 0xFFFF:
        found["distance_metres"] = millimetres / 1000


def _position(reader: Reader, found: _Fields, flags: list[str]) -> None:
    position = reader.u8()
    if position > 1:
        flags.append("invalid_reading")
    else:
        found["tilted"] = position == 1


def _protocol_version(reader: Reader, found: _Fields, _flags: list[str]) -> None:
    major, minor = reader.bits(4, 4)
    found["protocol_version"] = f"{major}.{minor}"


def _hardware_version(reader: Reader, found: _Fields, _flags: list[str]) -> None:
    major, minor, _ = reader.bits(8, 4, 4)
    found["hardware_version"] = f"{major:x}.{minor}"


def _firmware_version(reader: Reader, found: _Fields, _flags: list[str]) -> None:
    major, minor = reader.take(2)
    found["firmware_version"] = f"{major:x}.{minor:x}"


def _tsl_version(reader: Reader, found: _Fields, _flags: list[str]) -> None:
    major, minor = reader.take(2)
    found["tsl_version"] = f"{major:x}.{minor:x}"


def _serial(reader: Reader, found: _Fields, _flags: list[str]) -> None:
    found["device_serial"] = reader.take(8).hex()


def _lorawan_class(reader: Reader, found: _Fields, flags: list[str]) -> None:
    number = reader.u8()
    if number < len(_CLASSES):
        found["lorawan_class"] = _CLASSES[number]
    else:
        flags.append("invalid_reading")


def _reset(reader: Reader, found: _Fields, _flags: list[str]) -> None:
    reader.take(1)
    found["reset_cause"] = "reset"


def _power_on(reader: Reader, found: _Fields, _flags: list[str]) -> None:
    reader.take(1)
    # A frame may tell both; the reset says more.
    found.setdefault("reset_cause", "power_on")


def _answer(length: int) -> _Record:
    """A setting that the device repeats after a downlink: it measures nothing, so only its length is checked."""

    def skip(reader: Reader, _found: _Fields, _flags: list[str]) -> None:
        reader.take(length)

    return skip


# Settings by type: bytes that follow. They come back on channel 0xFE or 0xFF.
_SETTINGS: Final = {
    0x02: 2,  # collection interval
    0x03: 2,  # report interval
    0x06: 9,  # alarm thresholds
    0x10: 1,  # reboot
    0x28: 1,  # report the status
    0x4A: 1,  # synchronise the clock
    0x68: 1,  # history
}

_RECORDS: Final[Mapping[int, _Record]] = {
    **{channel << 8 | kind: _answer(length) for channel in (0xFE, 0xFF) for kind, length in _SETTINGS.items()},
    0x0175: _battery,
    0x0382: _distance,
    0x0400: _position,
    0xFF01: _protocol_version,
    0xFF09: _hardware_version,
    0xFF0A: _firmware_version,
    0xFF0B: _power_on,
    0xFF0F: _lorawan_class,
    0xFF16: _serial,
    0xFFFE: _reset,
    0xFFFF: _tsl_version,
}

DECODER: Final = Decoder(
    name="milesight_em310_udl",
    version="1.0",
    family="container",
    about="Milesight EM310-UDL ultrasonic distance sensor",
    samples=(FillLevel,),
    decode=decode,
)
