"""What the idiomatic Faust tables keep of each device: the simplest sum that could stand for a topology's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.silkstream.v1.frame_pb2 import Frame
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.readings import said

_FULL: Final = 0.8
_RESOLVED: Final = 0.7
_EMPTY_METRES: Final = 1.8
_FULL_METRES: Final = 0.3
_HIGH_METRES: Final = 5.0
_METRES_PER_BAR: Final = 10.197
Row = dict[str, Any]
Sum = Callable[[Any, Mapping[str, Any]], Row]
"""A message, and the device's row before it; its row after it."""


def _values(reading: Reading) -> Row:
    found: Row = {}
    for series in reading.series:
        for values, names in ((series.numbers, series.form.numbers), (series.integers, series.form.integers)):
            found |= zip(names, values[series.count - 1 :: series.count], strict=True)
    for sample in reading.samples:
        found |= said(sample)
    return found


def fill(reading: Reading, before: Mapping[str, Any]) -> Row:
    """A container's fill, and whether it is too full."""
    distance = _values(reading).get("distance_metres")
    if distance is None:
        return dict(before)
    ratio = (_EMPTY_METRES - distance) / (_EMPTY_METRES - _FULL_METRES)
    alert = ratio >= (_RESOLVED if before.get("alert") else _FULL)
    return {"fill_ratio": min(max(ratio, 0.0), 1.0), "alert": alert}


def bay(reading: Reading, before: Mapping[str, Any]) -> Row:
    """Whether a bay is taken, since when, and how often it was."""
    occupied = _values(reading).get("occupied")
    if occupied is None or occupied == before.get("occupied"):
        return dict(before)
    return {"occupied": occupied, "since": reading.observed_at_us, "stays": before.get("stays", 0) + occupied}


def level(reading: Reading, before: Mapping[str, Any]) -> Row:
    """The water above a probe, its extremes, and whether it is too high."""
    values = _values(reading)
    column = values.get("water_column_metres", values.get("pressure_bar", 0.0) * _METRES_PER_BAR)
    return {
        "column": column,
        "least": min(column, before.get("least", column)),
        "most": max(column, before.get("most", column)),
        "alert": column >= _HIGH_METRES,
    }


def lamp(reading: Reading, before: Mapping[str, Any]) -> Row:
    """Whether a lamp burns, and what it has used."""
    values = _values(reading)
    meter = values.get("active_energy_watt_hours", before.get("meter"))
    used = before.get("used", 0)
    if meter is not None and (last := before.get("meter")) is not None and meter >= last:
        used += meter - last
    lit = values.get("dimming_ratio", 1.0 if before.get("lit") else 0.0) > 0
    return {"lit": lit, "meter": meter, "used": used}


def volume(reading: Reading, before: Mapping[str, Any]) -> Row:
    """A meter's volume, and the smallest step since it is known."""
    litres = _values(reading).get("water_volume_litres")
    if litres is None:
        return dict(before)
    step = litres - before.get("litres", litres)
    return {"litres": litres, "least": min(step, before.get("least", step))}


def seen(frame: Frame, before: Mapping[str, Any]) -> Row:
    """When a device was last heard, and how many frames of it are missing."""
    gap = frame.f_cnt - before.get("f_cnt", frame.f_cnt) - 1
    return {
        "seen": frame.observed_at_us,
        "f_cnt": frame.f_cnt,
        "frames": before.get("frames", 0) + 1,
        "missing": before.get("missing", 0) + max(gap, 0),
        "rssi": max((gateway.rssi_dbm for gateway in frame.gateways), default=None),
    }


TABLES: Final[Mapping[str, tuple[type[Frame | Reading], Sum]]] = {
    "container": (Reading, fill),
    "fleet": (Frame, seen),
    "groundwater": (Reading, level),
    "lighting": (Reading, lamp),
    "parking": (Reading, bay),
    "water": (Reading, volume),
}
"""By the name of the topology that it stands for."""
