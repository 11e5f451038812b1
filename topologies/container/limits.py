"""The parameters of a container as its logic counts with them, and the geometry of its site: looked up once a place."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import Any, Final, NamedTuple

from pipeline.core.clock import DAY_US, HOUR_US
from pipeline.registry.attributes import Curve, read_curve
from topologies.container.parameters import ContainerParameters
from topologies.container.rules import FULL, HOT, OVERFULL, SUSPECTED, TILTED
from topologies.runtime import limits
from topologies.runtime.alarms import Timing
from topologies.runtime.model import Place

FAMILY: Final = "container"
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


class Here(limits.Here[Limits]):
    """What a container is judged by at a place."""

    __slots__ = ("bad_volume_table", "geometry", "volumes")

    def __init__(self, place: Place, turns: limits.Turns[Limits]) -> None:
        super().__init__(place, turns)
        self.geometry = geometry(place)
        self.volumes: Volumes | None = None
        self.bad_volume_table = False
        if self.geometry is not None and (text := place.attributes.get("volume_table")):
            self.volumes = volumes_of(text, *self.geometry)
            self.bad_volume_table = self.volumes is None

    def fill(self, distance: float) -> float | None:
        """The fill at a distance before clamping; None without a geometry."""
        if self.volumes is not None:
            return self.volumes.ratio(distance)
        if self.geometry is None:
            return None
        empty, full = self.geometry
        return (empty - distance) / (empty - full)


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


class Limitations(limits.EachPlace[Place, Here]):
    """Every container's."""

    def here(self, place: Place) -> Here:
        """See the base."""
        return Here(place, self.turns(ContainerParameters, FAMILY, place, limits_of))


def limits_of(parameters: ContainerParameters) -> Limits:
    """The parameters as the logic counts with them."""
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
        timings=limits.timings_of(parameters, _PREFIXES),
    )


def geometry(place: Place) -> tuple[float, float] | None:
    """Empty and full distance of a place; None where one is missing or they make no sense."""
    empty = limits.number_of(place.attributes.get("empty_distance_metres"))
    full = limits.number_of(place.attributes.get("full_distance_metres"))
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
