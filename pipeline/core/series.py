"""Samples of a reading, whether they are written one by one or as a series; pure.

A repeated field is read as a slice of the whole: to iterate it takes half a microsecond more, also where it is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from schemas.silkstream.v1.reading_pb2 import Column, Reading, Sample, Series


class Point(NamedTuple):
    """What a series has for one time."""

    at_us: int
    values: tuple[int | float, ...]
    """One of each column."""


def values_of(column: Column) -> list[int] | list[float]:
    """A column's values, from the oldest on."""
    return column.integers[:] or column.numbers[:]


def points_of(series: Series) -> Iterator[Point]:
    """A series, from the oldest time on.

    Raises:
        ValueError: at its end: its columns differ in length.
    """
    rows = zip(*map(values_of, series.columns), strict=True)
    return map(Point, count(series.first_at_us, series.step_us), rows)


def samples_of(reading: Reading) -> list[Sample]:
    """All samples of a reading: first those that are written one by one.

    Raises:
        ValueError: as `points_of`.
    """
    samples = reading.samples[:]
    for series in reading.series[:]:
        samples += _samples(series)
    return samples


def _samples(series: Series) -> Iterator[Sample]:
    names = [column.name for column in series.columns]
    for at_us, values in points_of(series):
        sample = Sample(observed_at_us=at_us, channel=series.channel, flags=series.flags)
        for name, value in zip(names, values, strict=True):
            setattr(sample.quantities.add(name=name), "integer" if isinstance(value, int) else "number", value)
        yield sample
