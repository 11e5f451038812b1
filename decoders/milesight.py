"""What the frames of Milesight's sensors have in common: a sequence of records of channel, type and data.

A record does not tell how long its data is, so reading stops at an unknown one; what came before it is kept and
flagged, because a lid that is open matters more than a record that new firmware has added. A model is a table of its
records: how their data is laid out, and for each number in it a field that says what the number means.
Source: the maker's user guides; all numbers have their lowest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import CLOCK_SET_SINCE, Sample, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.quantities import QUANTITIES

Values = dict[str, float | str]

Field = Callable[[int, Values, list[str]], None]
"""Adds what a number means to the values and what is wrong with it to the flags."""

_CLASSES: Final = ("A", "B", "C", "C-to-B")


@dataclass(frozen=True, slots=True)
class Record:
    """How a record's data is laid out, its length with channel and type, and a field for each of its numbers.

    A record of the past begins with one number more, the time it was taken, and becomes a sample of its own.
    """

    layout: struct.Struct
    length: int
    fields: tuple[Field, ...] = ()
    past: bool = False


def record(layout: str, *fields: Field) -> Record:
    """A record of what is so now."""
    packed = struct.Struct(f"<{layout}")
    return Record(packed, 2 + packed.size, fields)


def past(layout: str, *fields: Field) -> Record:
    """A record out of the device's memory; the time before its numbers is not part of `layout`."""
    packed = struct.Struct(f"<I{layout}")
    return Record(packed, 2 + packed.size, fields, past=True)


def samples(uplink: Uplink, kind: type[Sample], records: Mapping[bytes, Record]) -> Sequence[Sample]:
    """What is so now as one sample, if the frame tells anything about it, then one sample for each time in the past."""
    # The port is 85 as delivered and can be set to any application port.
    if not 1 <= uplink.f_port <= 223:
        raise UnknownPort(f"port {uplink.f_port} is no application port")
    payload = uplink.payload
    end = len(payload)
    if not end:
        raise Truncated("the frame is empty")
    values: Values = {}
    flags: list[str] = []
    earlier: dict[int, Sample] = {}
    begin = 0
    while begin < end:
        found = records.get(payload[begin : begin + 2])
        if found is None:
            if begin + 1 == end:
                raise Truncated(f"the frame ends behind the channel at {begin}")
            if not (values or flags or earlier):
                raise UnknownFrame(f"record {payload[begin : begin + 2].hex()} is unknown")
            flags.append("unknown_record")
            break
        try:
            numbers = found.layout.unpack_from(payload, begin + 2)
        except struct.error:
            raise Truncated(f"the frame ends inside the record that begins at {begin}") from None
        begin += found.length
        fields = found.fields
        if len(numbers) == 1:
            # By far the most frequent, and cheaper than the loop.
            fields[0](numbers[0], values, flags)
        elif found.past:
            _remember(earlier, kind, fields, numbers, flags)
        elif fields:
            for field, number in zip(fields, numbers, strict=True):
                field(number, values, flags)
    if values or flags:
        return (_sample(kind, values, flags), *earlier.values())
    return tuple(earlier.values())


def _remember(
    earlier: dict[int, Sample],
    kind: type[Sample],
    fields: tuple[Field, ...],
    numbers: tuple[int, ...],
    flags: list[str],
) -> None:
    """Keep a record of the past, unless its time is unknown or has a record already."""
    seconds = numbers[0]
    if seconds < CLOCK_SET_SINCE:
        flags.append("clock_not_set")
    elif seconds not in earlier:
        values: Values = {}
        own_flags: list[str] = []
        for field, number in zip(fields, numbers[1:], strict=True):
            field(number, values, own_flags)
        earlier[seconds] = _sample(kind, values, own_flags, seconds)


def _sample(kind: type[Sample], values: Values, flags: list[str], taken: int | None = None) -> Sample:
    in_order = tuple(sorted(set(flags))) if flags else ()
    return kind(taken_unix_seconds=taken, flags=in_order, **values)  # type: ignore[arg-type]  # fields know their types


def measured(quantity: str, divisor: int) -> Field:
    """A quantity that is sent as so many parts of its unit; left out where it is out of the vocabulary's bounds."""
    low = QUANTITIES[quantity].low
    high = QUANTITIES[quantity].high

    def field(raw: int, values: Values, flags: list[str]) -> None:
        value = raw / divisor
        if low <= value <= high:
            values[quantity] = value
        else:
            flags.append("invalid_reading")

    return field


def counted(quantity: str) -> Field:
    """A quantity whose bounds are those of its field."""

    def field(raw: int, values: Values, _flags: list[str]) -> None:
        values[quantity] = raw

    return field


def state(quantity: str) -> Field:
    """0 for no and 1 for yes; anything else is neither."""

    def field(raw: int, values: Values, flags: list[str]) -> None:
        if raw > 1:
            flags.append("invalid_reading")
        else:
            values[quantity] = raw == 1

    return field


def distance(millimetres: int, values: Values, flags: list[str]) -> None:
    """A distance; the maker names no value for "no echo", and two values look like one."""
    if millimetres in {0, 0xFFFF}:
        flags.append("suspicious_distance")
    # 0 may be a container filled to the brim; 65.535 m is far beyond what the sensor can hear.
    if millimetres != 0xFFFF:
        values["distance_metres"] = millimetres / 1000


def _protocol_version(raw: int, values: Values, _flags: list[str]) -> None:
    values["protocol_version"] = f"{raw >> 4}.{raw & 15}"


def _hardware_version(raw: int, values: Values, _flags: list[str]) -> None:
    values["hardware_version"] = f"{raw & 0xFF:x}.{raw >> 12}"


def _firmware_version(raw: int, values: Values, _flags: list[str]) -> None:
    values["firmware_version"] = f"{raw & 0xFF:x}.{raw >> 8:x}"


def _tsl_version(raw: int, values: Values, _flags: list[str]) -> None:
    values["tsl_version"] = f"{raw & 0xFF:x}.{raw >> 8:x}"


def _serial(raw: int, values: Values, _flags: list[str]) -> None:
    values["device_serial"] = raw.to_bytes(8, "little").hex()


def _lorawan_class(raw: int, values: Values, flags: list[str]) -> None:
    if raw < len(_CLASSES):
        values["lorawan_class"] = _CLASSES[raw]
    else:
        flags.append("invalid_reading")


def _reset(_raw: int, values: Values, _flags: list[str]) -> None:
    values["reset_cause"] = "reset"


def _power_on(_raw: int, values: Values, _flags: list[str]) -> None:
    # A frame may tell both; the reset says more.
    values.setdefault("reset_cause", "power_on")


_COMMON: Final[Mapping[int, Record]] = {
    0x0175: record("B", measured("battery_ratio", 100)),
    0xFF01: record("B", _protocol_version),
    0xFF09: record("H", _hardware_version),
    0xFF0A: record("H", _firmware_version),
    0xFF0B: record("B", _power_on),
    0xFF0F: record("B", _lorawan_class),
    0xFF16: record("Q", _serial),
    0xFFFE: record("B", _reset),
    0xFFFF: record("H", _tsl_version),
}

# Settings by type: bytes that follow.
_COMMON_SETTINGS: Final[Mapping[int, int]] = {
    0x02: 2,  # collection interval
    0x03: 2,  # report interval
    0x10: 1,  # reboot
    0x28: 1,  # report the status
    0x4A: 1,  # synchronise the clock
    0x68: 1,  # history
}


def table(own: Mapping[int, Record], settings: Mapping[int, int]) -> Mapping[bytes, Record]:
    """A model's records by channel and type: those of all models, its own, and its settings (bytes by type).

    A device repeats a setting after a downlink, on channel 0xFE or 0xFF. It measures nothing, so only its length is
    checked.
    """
    echoes = {
        channel << 8 | kind: record(f"{length}x")
        for channel in (0xFE, 0xFF)
        for kind, length in {**_COMMON_SETTINGS, **settings}.items()
    }
    return {key.to_bytes(2, "big"): each for key, each in {**echoes, **_COMMON, **own}.items()}
