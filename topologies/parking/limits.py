"""The parameters of a bay as its logic counts with them: looked up once a place."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.city.model import City
from pipeline.core.clock import SECOND_US
from topologies.parking.parameters import ParkingParameters
from topologies.runtime.model import Place

FAMILY: Final = "parking"
_PLACES: Final = 20_000
_PERSONAL: Final = "personal"


class Limits(NamedTuple):
    """Parameters in microseconds."""

    silence_us: int
    dwell_us: int
    overstay_us: int | None
    """None: as long as one likes."""


class Here:
    """What a bay is judged by at a place, None: a sensor without one."""

    __slots__ = ("_only", "_turns", "place")

    def __init__(self, place: Place | None, city: City) -> None:
        self.place = place
        group, site = ("", "") if place is None else (place.group, place.site)
        turns = city.timeline(ParkingParameters, FAMILY, group=group, site=site).turns
        # An alert would tell when somebody's own bay was taken.
        watched = place is not None and place.site_class != _PERSONAL
        self._turns = [(turn.from_us, limits_of(turn.parameters, watched=watched)) for turn in turns]
        self._only = self._turns[0][1] if len(turns) == 1 else None

    def at(self, at_us: int) -> Limits:
        """The limits that hold at a time."""
        if self._only is not None:
            return self._only
        return next((limits for from_us, limits in reversed(self._turns) if from_us <= at_us), self._turns[0][1])


class Limitations:
    """Every place's, kept while the same places come again."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._nowhere = Here(None, city)
        self._known: dict[int, Here] = {}

    def of(self, place: Place | None) -> Here:
        """Of a place."""
        if place is None:
            return self._nowhere
        known = self._known.get(id(place))
        if known is None or known.place is not place:
            if len(self._known) > _PLACES:
                self._known.clear()
            known = self._known[id(place)] = Here(place, self._city)
        return known


def limits_of(parameters: ParkingParameters, *, watched: bool) -> Limits:
    """The parameters as the logic counts with them."""
    overstay_us = round(parameters.overstay_minutes * 60 * SECOND_US)
    return Limits(
        silence_us=round(parameters.silence_hours * 3600 * SECOND_US),
        dwell_us=round(parameters.dwell_seconds * SECOND_US),
        overstay_us=overstay_us if watched and overstay_us else None,
    )
