"""Pepperl+Fuchs WILSEN.sonic.level: distance, fill level, temperature and position as records that tell their length.

Each record is its length, a 16-bit id and data. So a record of unknown id is skipped and what follows it is read.
Source: the maker's payload description and its published codec; all numbers have their highest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, InvalidValue, Sample, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.quantities import QUANTITIES, Quantity

# A record adds what its data says to the fields and what is wrong to the flags.
_Fields = dict[str, float | int | str]
_Record = Callable[[bytes, _Fields, set[str]], None]

_F32: Final = struct.Struct(">f")
_REVISION: Final = struct.Struct(">HHH")

_NO_ECHO: Final = 0xFFFF

_ANSWERS: Final = range(0xF100, 0xF900)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillLevel(Sample):
    """What the records of one frame say together."""

    distance_metres: float | None = None
    sensor_fill_ratio: float | None = None
    water_column_metres: float | None = None
    echo_amplitude: int | None = None
    device_temperature_celsius: float | None = None
    latitude_degrees: float | None = None
    longitude_degrees: float | None = None
    battery_volts: float | None = None
    device_serial: str | None = None
    firmware_version: str | None = None
    hardware_version: str | None = None
    lora_transmissions_count: int | None = None
    position_fixes_count: int | None = None
    ultrasonic_measurements_count: int | None = None
    measurements_count: int | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where the frame only answers a downlink."""
    # The port is 1 as delivered; no published codec looks at it.
    if not 1 <= uplink.f_port <= 223:
        raise UnknownPort(f"port {uplink.f_port} is no application port")
    payload = uplink.payload
    end = len(payload)
    if not end:
        raise Truncated("the frame is empty")
    found: _Fields = {}
    flags: set[str] = set()
    unknown = []
    understood = False
    at = 0
    while at < end:
        stop = at + 1 + payload[at]
        if stop > end:
            raise Truncated(f"a record of {payload[at]} bytes begins at {at}, the frame ends at {end}")
        if stop < at + 3:
            raise InvalidValue(f"a record of {payload[at]} bytes has no room for its id")
        key = payload[at + 1] << 8 | payload[at + 2]
        data = payload[at + 3 : stop]
        record = _RECORDS.get(key)
        if record is not None:
            length, read = record
            if len(data) != length:
                raise InvalidValue(f"record {key:04x} has {len(data)} bytes of data instead of {length}")
            read(data, found, flags)
            understood = True
        elif key in _ANSWERS:
            if _ANSWER_LENGTHS.get(key, len(data)) != len(data):
                raise InvalidValue(f"answer {key:04x} has {len(data)} bytes of data instead of {_ANSWER_LENGTHS[key]}")
            understood = True
        else:
            unknown.append(key)
        at = stop
    if not understood:
        raise UnknownFrame(f"record {unknown[0]:04x} is unknown")
    if unknown:
        flags.add("unknown_record")
    if "distance_metres" in found:
        # Of two records of the distance one was good.
        flags.discard("no_echo")
    if not found and not flags:
        return ()
    return (FillLevel(**found, flags=tuple(sorted(flags))),)  # type: ignore[arg-type]  # each record knows its own field's type


def _keep(value: float, quantity: Quantity, found: _Fields, flags: set[str]) -> None:
    # A NaN fails every comparison.
    if quantity.low <= value <= quantity.high:
        found[quantity.name] = value
    else:
        flags.add("invalid_reading")


_CELSIUS: Final = QUANTITIES["device_temperature_celsius"]
_METRES: Final = QUANTITIES["distance_metres"]
_FILL: Final = QUANTITIES["sensor_fill_ratio"]
_LATITUDE: Final = QUANTITIES["latitude_degrees"]
_LONGITUDE: Final = QUANTITIES["longitude_degrees"]
_VOLTS: Final = QUANTITIES["battery_volts"]


def _temperature(data: bytes, found: _Fields, flags: set[str]) -> None:
    # A float of 32 bits knows seven digits; what comes behind them is noise.
    _keep(round(_F32.unpack(data)[0], 5), _CELSIUS, found, flags)


def _centimetres(data: bytes, found: _Fields, flags: set[str]) -> None:
    centimetres = int.from_bytes(data, "big")
    if centimetres == _NO_ECHO:
        flags.add("no_echo")
    # The same distance in millimetres says more.
    elif "distance_metres" not in found:
        _keep(centimetres / 100, _METRES, found, flags)


def _millimetres(data: bytes, found: _Fields, flags: set[str]) -> None:
    millimetres = int.from_bytes(data, "big")
    if millimetres == _NO_ECHO:
        flags.add("no_echo")
    else:
        found["distance_metres"] = millimetres / 1000


def _fill_level(data: bytes, found: _Fields, flags: set[str]) -> None:
    _keep(data[0] / 100, _FILL, found, flags)


def _water_level(data: bytes, found: _Fields, flags: set[str]) -> None:
    millimetres = int.from_bytes(data, "big")
    if millimetres == _NO_ECHO:
        flags.add("invalid_reading")
    else:
        found["water_column_metres"] = millimetres / 1000


def _battery(data: bytes, found: _Fields, flags: set[str]) -> None:
    _keep(data[0] / 10, _VOLTS, found, flags)


def _latitude(data: bytes, found: _Fields, flags: set[str]) -> None:
    _keep(int.from_bytes(data, "big", signed=True) / 1_000_000, _LATITUDE, found, flags)


def _longitude(data: bytes, found: _Fields, flags: set[str]) -> None:
    _keep(int.from_bytes(data, "big", signed=True) / 1_000_000, _LONGITUDE, found, flags)


def _serial(data: bytes, found: _Fields, flags: set[str]) -> None:
    text = data.partition(b"\0")[0]
    if text and all(0x20 <= byte < 0x7F for byte in text):
        found["device_serial"] = text.decode("ascii")
    else:
        flags.add("invalid_reading")


def _numeric_serial(data: bytes, found: _Fields, _flags: set[str]) -> None:
    # The text, where both come, is what is printed on the device.
    found.setdefault("device_serial", str(int.from_bytes(data, "big")))


def _count(name: str) -> _Record:
    def count(data: bytes, found: _Fields, _flags: set[str]) -> None:
        found[name] = int.from_bytes(data, "big")

    return count


def _revision(name: str) -> _Record:
    def revision(data: bytes, found: _Fields, _flags: set[str]) -> None:
        major, minor, patch = _REVISION.unpack(data)
        found[name] = f"{major}.{minor}.{patch}"

    return revision


# By id: the bytes of data and what they mean.
_RECORDS: Final[Mapping[int, tuple[int, _Record]]] = {
    0x0201: (4, _temperature),
    0x0B01: (2, _centimetres),
    0x0B02: (2, _millimetres),
    0x0B06: (1, _fill_level),
    0x0B07: (1, _count("echo_amplitude")),
    0x0B08: (2, _water_level),
    0x2A25: (14, _serial),
    0x2A26: (6, _numeric_serial),
    0x3101: (2, _count("lora_transmissions_count")),
    0x3102: (2, _count("position_fixes_count")),
    0x3103: (4, _count("ultrasonic_measurements_count")),
    0x3104: (4, _count("measurements_count")),
    0x5001: (4, _latitude),
    0x5002: (4, _longitude),
    0x5101: (1, _battery),
    0xF502: (6, _revision("hardware_version")),
    0xF503: (6, _revision("firmware_version")),
}

# Settings that the device repeats after a downlink: bytes of data, for those whose length is known.
_ANSWER_LENGTHS: Final[Mapping[int, int]] = {
    0xF201: 1,  # positioning on
    0xF202: 4,  # its interval
    0xF203: 4,  # the next one
    0xF204: 1,  # its accuracy
    0xF301: 1,  # confirmed frames
    0xF302: 1,  # repeats
    0xF303: 1,  # spreading factor
    0xF304: 1,  # transmission on
    0xF305: 4,  # its interval
    0xF306: 4,  # the next one
    0xF401: 1,  # beam width
    0xF402: 1,  # burst length
    0xF403: 1,  # transmitting power
    0xF404: 1,  # sensitivity
    0xF405: 2,  # distance when full
    0xF406: 2,  # distance when empty
    0xF501: 4,  # part number
}

DECODER: Final = Decoder(
    name="pepperl_fuchs_wilsen",
    version="1.0",
    family="container",
    about="Pepperl+Fuchs WILSEN.sonic.level ultrasonic fill-level sensor",
    samples=(FillLevel,),
    decode=decode,
)
