"""SenseCAP S2120 weather station: a sequence of records, each a byte that names it and data of fixed length.

Numbers have their highest byte first. Only the temperature has a sign; the published codecs give one to every number.
Sources: the maker's user guide and codecs, see README.md.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.bits import Reader
from decoders.quantities import QUANTITIES

_AIR: Final = struct.Struct(">hBIBH")
_WIND: Final = struct.Struct(">HIH")
_PEAKS: Final = struct.Struct(">HI")

# A record adds what it found to the fields and what is wrong to the flags.
_Fields = dict[str, float | int | str]
_Record = Callable[[bytes, _Fields, set[str]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Sample):
    """What the station measured, and what it tells about itself once a day and when it starts."""

    air_temperature_celsius: float | None = None
    relative_humidity_ratio: float | None = None
    illuminance_lux: float | None = None
    uv_index: float | None = None
    wind_speed_metres_per_second: float | None = None
    wind_gust_metres_per_second: float | None = None
    wind_direction_degrees: float | None = None
    rain_rate_millimetres_per_hour: float | None = None
    rain_total_millimetres: float | None = None
    air_pressure_hectopascals: float | None = None
    battery_ratio: float | None = None
    hardware_version: str | None = None
    firmware_version: str | None = None
    send_interval_seconds: int | None = None
    fault_code: int | None = None


_BOUNDS: Final = {
    name: (QUANTITIES[name].low, QUANTITIES[name].high)
    for name in Weather.__dataclass_fields__
    if name in QUANTITIES and QUANTITIES[name].value_type == "number"
}


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none where every record is one that measures nothing."""
    # No published codec looks at the port, and the station's setting can change it.
    if not 1 <= uplink.f_port <= 223:
        raise UnknownPort(f"port {uplink.f_port} is no application port")
    reader = Reader(uplink.payload)
    if not reader.remaining:
        raise Truncated("the frame is empty")
    found: _Fields = {}
    flags: set[str] = set()
    while reader.remaining:
        kind = reader.u8()
        length = _LENGTHS.get(kind)
        if length is None:
            if not found:
                raise UnknownFrame(f"record {kind:02x} is unknown")
            flags.add("unknown_record")
            break
        data = reader.take(length)
        record = _RECORDS.get(kind)
        if record is not None:
            record(data, found, flags)
    if not found and not flags:
        return ()
    return (Weather(**found, flags=tuple(sorted(flags))),)  # type: ignore[arg-type]  # each record knows its own fields


def _put(found: _Fields, flags: set[str], name: str, value: float) -> None:
    low, high = _BOUNDS[name]
    if low <= value <= high:
        found[name] = value
    else:
        flags.add("invalid_reading")


def _air(data: bytes, found: _Fields, flags: set[str]) -> None:
    tenths, percent, lux, uv_tenths, wind_tenths = _AIR.unpack(data)
    _put(found, flags, "air_temperature_celsius", tenths / 10)
    _put(found, flags, "relative_humidity_ratio", percent / 100)
    _put(found, flags, "illuminance_lux", float(lux))
    _put(found, flags, "uv_index", uv_tenths / 10)
    _put(found, flags, "wind_speed_metres_per_second", wind_tenths / 10)


def _wind(data: bytes, found: _Fields, flags: set[str]) -> None:
    degrees, micrometres_per_hour, decapascals = _WIND.unpack(data)
    _put(found, flags, "wind_direction_degrees", float(degrees))
    _put(found, flags, "rain_rate_millimetres_per_hour", micrometres_per_hour / 1000)
    _put(found, flags, "air_pressure_hectopascals", decapascals / 10)


def _peaks(data: bytes, found: _Fields, flags: set[str]) -> None:
    tenths, micrometres = _PEAKS.unpack(data)
    _put(found, flags, "wind_gust_metres_per_second", tenths / 10)
    _put(found, flags, "rain_total_millimetres", micrometres / 1000)


def _battery(data: bytes, found: _Fields, flags: set[str]) -> None:
    _put(found, flags, "battery_ratio", data[0] / 100)


def _device(data: bytes, found: _Fields, flags: set[str]) -> None:
    _battery(data, found, flags)
    found["hardware_version"] = f"{data[1]}.{data[2]}"
    found["firmware_version"] = f"{data[3]}.{data[4]}"
    _intervals(data[5:], found, flags)


def _intervals(data: bytes, found: _Fields, _flags: set[str]) -> None:
    # The second interval, that of a satellite receiver, is left out: the station has none.
    found["send_interval_seconds"] = 60 * int.from_bytes(data[:2], "big")


def _fault(data: bytes, found: _Fields, flags: set[str]) -> None:
    found["fault_code"] = data[0]
    if data[0]:
        flags.add("sensor_fault")


_RECORDS: Final[Mapping[int, _Record]] = {
    0x01: _air,
    0x02: _wind,
    0x03: _battery,
    0x04: _device,
    0x05: _intervals,
    0x06: _fault,
    0x4A: _air,
    0x4B: _wind,
    0x4C: _peaks,
}

# The other records are of the maker's other devices or measure nothing; their lengths make them safe to skip.
_LENGTHS: Final[Mapping[int, int]] = {
    **dict.fromkeys((0x01, 0x20, 0x21, 0x30, 0x31, 0x33, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x4A), 10),
    **dict.fromkeys((0x04, 0x10, 0x32, 0x35, 0x36, 0x37, 0x38, 0x39), 9),
    **dict.fromkeys((0x02, 0x4B), 8),
    0x4C: 6,
    **dict.fromkeys((0x05, 0x34), 4),
    **dict.fromkeys((0x03, 0x06), 1),
}

DECODER: Final = Decoder(
    name="sensecap_s2120",
    version="1.0",
    family="weather",
    about="SenseCAP S2120 weather station with eight sensors",
    samples=(Weather,),
    decode=decode,
)
