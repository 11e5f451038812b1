"""The parameters of a container as its logic counts with them, and the geometry of its site: looked up once a place."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import Any, Final, NamedTuple

from pipeline.city.model import City
from pipeline.core.clock import DAY_US, HOUR_US, MINUTE_US
from pipeline.registry.attributes import Curve, read_curve
from topologies.container.parameters import ContainerParameters
from topologies.container.rules import FULL, HOT, OVERFULL, SUSPECTED, TILTED
from topologies.runtime.alarms import Timing
from topologies.runtime.model import Place

FAMILY: Final = "container"
_PLACES: Final = 10_000
_PREFIXES: Final = {
    FULL: "full",
    OVERFULL: "overfull",
    TILTED: "tilted",
    HOT: "hot",
    SUSPECTED: "suspected_full",
}


class Limits(NamedTuple):
    """Parameters in microseconds and factors."""

    full_ratio: float
    full_resolved_ratio: float
    overfull_ratio: float
    overfull_resolved_ratio: float
    hot_celsius: float
    hot_resolved_celsius: float
    suspected_full_ratio: float
    too_far_factor: float
    emptying_ratio: float
    emptying_us: int
    emptied_within_us: int | None
    route_horizon_us: int
    timings: dict[str, Timing]
    """Of the rules that are on."""


class Here:
    """What a container is judged by at a place."""

    __slots__ = ("_only", "_turns", "bad_volume_table", "geometry", "place", "volumes")

    def __init__(self, place: Place, city: City) -> None:
        self.place = place
        self.geometry = geometry(place)
        self.volumes: Volumes | None = None
        self.bad_volume_table = False
        if self.geometry is not None and (text := place.attributes.get("volume_table")):
            self.volumes = volumes_of(text, *self.geometry)
            self.bad_volume_table = self.volumes is None
        turns = city.timeline(ContainerParameters, FAMILY, group=place.group, site=place.site).turns
        self._turns = [(turn.from_us, limits_of(turn.parameters)) for turn in turns]
        self._only = self._turns[0][1] if len(turns) == 1 else None

    def fill(self, distance: float) -> float | None:
        """The fill at a distance before clamping; None without a geometry."""
        if self.volumes is not None:
            return self.volumes.ratio(distance)
        if self.geometry is None:
            return None
        empty, full = self.geometry
        return (empty - distance) / (empty - full)

    def at(self, at_us: int) -> Limits:
        """The limits that hold at a time."""
        if self._only is not None:
            return self._only
        return next((limits for from_us, limits in reversed(self._turns) if from_us <= at_us), self._turns[0][1])


class Volumes:
    """The fill at a distance by a table of volumes, straight between its points and on beyond its ends."""

    __slots__ = ("_distances", "_pieces")

    def __init__(self, curve: Curve, empty: float, full: float) -> None:
        # Not the ends: beyond them the outermost pieces go on.
        self._distances = [point.distance for point in curve[1:-1]]
        self._pieces = []
        for near, far in pairwise(curve):
            slope = (far.volume - near.volume) / (far.distance - near.distance)
            self._pieces.append((near.volume - slope * near.distance, slope))
        at_empty, at_full = self.ratio(empty), self.ratio(full)
        span = at_full - at_empty
        self._pieces = [((volume - at_empty) / span, slope / span) for volume, slope in self._pieces]

    def ratio(self, distance: float) -> float:
        """0 at the empty distance, 1 at the full one, in between and beyond in proportion to the volume."""
        share, slope = self._pieces[bisect_right(self._distances, distance)]
        return share + slope * distance


class Limitations:
    """Every place's, kept while the same places come again."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._known: dict[int, Here] = {}

    def of(self, place: Place) -> Here:
        """Of a place."""
        known = self._known.get(id(place))
        if known is None or known.place is not place:
            if len(self._known) > _PLACES:
                self._known.clear()
            known = self._known[id(place)] = Here(place, self._city)
        return known


def limits_of(parameters: ContainerParameters) -> Limits:
    """The parameters as the logic counts with them."""
    timings = {
        rule: Timing(
            round(getattr(parameters, f"{prefix}_minimum_minutes") * MINUTE_US),
            round(getattr(parameters, f"{prefix}_damping_minutes") * MINUTE_US),
        )
        for rule, prefix in _PREFIXES.items()
        if getattr(parameters, f"{prefix}_alert")
    }
    return Limits(
        full_ratio=parameters.full_ratio,
        full_resolved_ratio=parameters.full_resolved_ratio,
        overfull_ratio=parameters.overfull_ratio,
        overfull_resolved_ratio=parameters.overfull_resolved_ratio,
        hot_celsius=parameters.hot_celsius,
        hot_resolved_celsius=parameters.hot_resolved_celsius,
        suspected_full_ratio=parameters.suspected_full_ratio,
        too_far_factor=1 + parameters.too_far_ratio,
        emptying_ratio=parameters.emptying_ratio,
        emptying_us=round(parameters.emptying_hours * HOUR_US),
        emptied_within_us=round(parameters.emptied_within_days * DAY_US) or None,
        route_horizon_us=round(parameters.route_horizon_hours * HOUR_US),
        timings=timings,
    )


def geometry(place: Place) -> tuple[float, float] | None:
    """Empty and full distance of a place; None where one is missing or they make no sense."""
    empty = _metres(place.attributes.get("empty_distance_metres"))
    full = _metres(place.attributes.get("full_distance_metres"))
    if empty is None or full is None or empty <= full:
        return None
    return empty, full


def volumes_of(text: Any, empty: float, full: float) -> Volumes | None:
    """The table of a place; None where it is none, or ends between its empty and full distance."""
    try:
        curve = read_curve(str(text))
    except ValueError:
        return None
    if curve[0].distance > full or curve[-1].distance < empty:
        return None
    return Volumes(curve, empty, full)


def _metres(value: Any) -> float | None:
    """Attributes of sites come from a CSV: a number, or a text that should be one."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
