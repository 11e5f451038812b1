"""What wells need to know of elsewhere: the pressure of the air, and dips by hand; pure.

Both are looked up by rules that are functions of the set of values alone, so it does not matter when one came.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pipeline.core.clock import HOUR_US, to_us

GAP_US: Final = 3 * HOUR_US
"""How far apart two values of a barometer may be for what lies between them to follow from both, and how long the last
one holds."""


class Series:
    """Values over time."""

    __slots__ = ("times_us", "values")

    def __init__(self, times_us: Sequence[int] = (), values: Sequence[float] = ()) -> None:
        self.times_us = times_us
        self.values = values

    def last(self, at_us: int) -> tuple[int, float] | None:
        """The last one by a time."""
        index = bisect_right(self.times_us, at_us) - 1
        return None if index < 0 else (self.times_us[index], self.values[index])


class Air(NamedTuple):
    """A pressure of the air."""

    hectopascals: float
    is_held: bool
    """It is the last one before, since there is no later one near enough (yet)."""


class Around(NamedTuple):
    """What surrounds the wells."""

    barometers: Mapping[str, Series]
    """By what sites call them: a device or a site. Hectopascals at the station."""
    dips: Mapping[str, Series]
    """By site: metres from the measuring point down to the water."""

    def air_at(self, barometer: str, at_us: int) -> Air | None:
        """The pressure between its neighbours, else the last one before; None where that is too long ago."""
        series = self.barometers.get(barometer)
        if series is None:
            return None
        times, values = series.times_us, series.values
        after = bisect_right(times, at_us)
        if not after:
            return None
        before_us, before = times[after - 1], values[after - 1]
        if before_us == at_us:
            return Air(before, is_held=False)
        if after < len(times) and times[after] - before_us <= GAP_US:
            share = (at_us - before_us) / (times[after] - before_us)
            return Air(before + share * (values[after] - before), is_held=False)
        return Air(before, is_held=True) if at_us - before_us <= GAP_US else None


NOTHING: Final = Around(MappingProxyType({}), MappingProxyType({}))


def read_series(rows: Iterable[Sequence[Any]]) -> dict[str, Series]:
    """Series from rows (name, time, value), in order of time within a name."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    for name, at, value in rows:
        times, values = found.setdefault(name, ([], []))
        times.append(to_us(at))
        values.append(value)
    return {name: Series(times, values) for name, (times, values) in found.items()}
