"""How full a container is, and whether that is too full.

The sensor hangs in the lid and measures down to the waste; empty and full distance belong to the site, so the same
distance means another fill elsewhere, and correcting a site corrects its past. Two limits instead of one keep a
container that is being filled from flickering.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from schemas.silkstream.v1.reading_pb2 import Reading
from topologies.runtime.model import Mark, Opened, Place

NO_SITE: Final = "no_site"
NO_GEOMETRY: Final = "no_geometry"
_GEOMETRIES: Final = 10_000
_OWN_FLAGS: Final = frozenset({NO_SITE, NO_GEOMETRY})


class Measurement(NamedTuple):
    """What a frame said of a container."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    distance_metres: float | None
    tilted: bool | None
    flags: tuple[str, ...]


class Level(NamedTuple):
    """A measurement with what follows from it."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    distance_metres: float | None
    tilted: bool | None
    site: str | None
    fill_ratio: float | None
    is_full: bool | None
    """None while no fill was known in this assignment."""
    since_us: int | None
    flags: tuple[str, ...]


class Now(NamedTuple):
    """What the newest level says while its assignment lasts."""

    site: str | None
    fill_ratio: float | None
    distance_metres: float | None
    tilted: bool | None
    is_full: bool | None
    since_us: int | None


_NOWHERE: Final = Now(None, None, None, None, None, None)


class ContainerLogic:
    """Fill from distance and site; full with hysteresis."""

    def __init__(self, *, full_ratio: float, resolved_ratio: float) -> None:
        self._full_ratio = full_ratio
        self._resolved_ratio = resolved_ratio
        self._geometries: dict[int, tuple[Place, tuple[float, float] | None]] = {}

    def read(self, reading: Reading) -> Sequence[Measurement]:
        """One measurement for each sample of channel 0 with a distance or a tilt."""
        found = []
        for sample in reading.samples:
            distance: float | None = None
            tilted: bool | None = None
            for quantity in sample.quantities:
                name = quantity.name
                if name == "distance_metres":
                    distance = quantity.number
                elif name == "tilted":
                    tilted = quantity.flag
            if distance is not None and not math.isfinite(distance):
                distance = None
            if sample.channel or (distance is None and tilted is None):
                continue
            flags: tuple[str, ...] = ()
            if sample.flags or reading.flags:
                flags = tuple(sorted({*sample.flags, *reading.flags}))
            found.append(
                Measurement(
                    DevEui(reading.dev_eui),
                    sample.observed_at_us or reading.observed_at_us,
                    reading.event_id,
                    distance,
                    tilted,
                    flags,
                )
            )
        return found

    def step(self, before: Level | None, given: Measurement, place: Place | None) -> Level:
        """The level that follows."""
        flags = given.flags
        fill: float | None = None
        if place is None:
            flags = (*flags, NO_SITE)
        elif (geometry := self._geometry(place)) is None:
            flags = (*flags, NO_GEOMETRY)
        elif given.distance_metres is not None and not given.tilted:
            # A tipped sensor looks anywhere but down.
            empty, full = geometry
            fill = min(max((empty - given.distance_metres) / (empty - full), 0.0), 1.0)
        is_full = None if before is None else before.is_full
        since_us = None if before is None else before.since_us
        if fill is not None:
            was = is_full
            if fill >= self._full_ratio:
                is_full = True
            elif fill < self._resolved_ratio or was is None:
                is_full = False
            if is_full != was:
                since_us = given.observed_at_us
        return Level(
            given.device,
            given.observed_at_us,
            given.event_id,
            given.distance_metres,
            given.tilted,
            None if place is None else place.site,
            fill,
            is_full,
            since_us,
            flags,
        )

    def _geometry(self, place: Place) -> tuple[float, float] | None:
        """Empty and full distance of a place, looked at once; None where one is missing or they make no sense."""
        known = self._geometries.get(id(place))
        if known is None or known[0] is not place:
            if len(self._geometries) > _GEOMETRIES:
                self._geometries.clear()
            known = self._geometries[id(place)] = (place, _geometry(place))
        return known[1]

    def given(self, fact: Level) -> Measurement:
        """The measurement in a level."""
        flags = tuple(flag for flag in fact.flags if flag not in _OWN_FLAGS) if fact.flags else ()
        return Measurement(fact.device, fact.observed_at_us, fact.event_id, fact.distance_metres, fact.tilted, flags)

    def deadline_us(self, fact: Level) -> None:
        """Time alone changes nothing."""
        del fact

    def show(self, fact: Level, place: Place | None, as_of_us: int | None) -> Now:
        """The newest level, while the device serves its container."""
        del as_of_us
        if place is None:
            return _NOWHERE
        return Now(fact.site, fact.fill_ratio, fact.distance_metres, fact.tilted, fact.is_full, fact.since_us)

    def marks(self, before: Now | None, after: Now) -> Collection[Mark]:
        """Nothing is derived from containers yet."""
        del before, after
        return ()

    def raised(self, fact: Level) -> bool:
        """Whether it is full."""
        return fact.is_full is True

    def opened(self, fact: Level, place: Place) -> Opened:
        """The alert that the level opens."""
        percent = round((fact.fill_ratio or 0.0) * 100)
        return Opened(
            fact.fill_ratio,
            self._full_ratio,
            f"Container {place.name} ist zu {percent} % gefüllt.",
            f"Container {place.name} is {percent} % full.",
        )


def _geometry(place: Place) -> tuple[float, float] | None:
    empty = _metres(place.attributes.get("empty_distance_metres"))
    full = _metres(place.attributes.get("full_distance_metres"))
    if empty is None or full is None or empty <= full:
        return None
    return empty, full


def _metres(value: Any) -> float | None:
    """Attributes of sites come from a CSV: a number, or a text that should be one."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
