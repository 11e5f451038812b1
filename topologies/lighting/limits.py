"""Plan and limits of a luminaire as its logic counts with them: looked up once a place, shared by a segment."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.city.model import City
from pipeline.core.clock import HOUR_US
from topologies.lighting.parameters import LightingParameters
from topologies.lighting.plan import Plan
from topologies.lighting.rules import PREFIXES
from topologies.runtime import limits
from topologies.runtime.alarms import Timing
from topologies.runtime.model import Place

FAMILY: Final = "lighting"
_DECIMALS: Final = 1
"""Coordinates are taken to a tenth of a degree: the sun's times are half a minute apart there, and a segment's lamps
share one plan."""


class Limits(NamedTuple):
    """Parameters in microseconds and units of counters, with the plan."""

    plan: Plan
    tolerance_ratio: float
    standby_watts: float
    most_watt_hours_per_us: float
    silence_us: int
    is_switched: bool
    timings: dict[str, Timing]
    """Of the rules that are on."""


class Here(limits.Here[Limits]):
    """What a luminaire is judged by at a place."""

    __slots__ = ("rated_watts",)

    def __init__(self, place: Place, turns: limits.Turns[Limits]) -> None:
        super().__init__(place, turns)
        self.rated_watts = limits.number_of(place.attributes.get("rated_watts"))


class Limitations(limits.EachPlace[Place, Here]):
    """Every luminaire's."""

    most = 200_000

    def __init__(self, city: City) -> None:
        super().__init__(city)
        self._limits: dict[tuple[LightingParameters, float, float], Limits] = {}

    def here(self, place: Place) -> Here:
        """See the base."""
        return Here(place, self.turns(LightingParameters, FAMILY, place, lambda each: self._shared(each, place)))

    def _shared(self, parameters: LightingParameters, place: Place) -> Limits:
        latitude = limits.number_of(place.attributes.get("latitude_degrees"))
        longitude = limits.number_of(place.attributes.get("longitude_degrees"))
        if latitude is None or longitude is None:
            latitude, longitude = parameters.latitude_degrees, parameters.longitude_degrees
        key = (parameters, round(latitude, _DECIMALS), round(longitude, _DECIMALS))
        found = self._limits.get(key)
        if found is None:
            found = self._limits[key] = limits_of(*key)
        return found


def limits_of(parameters: LightingParameters, latitude: float, longitude: float) -> Limits:
    """The parameters as the logic counts with them."""
    return Limits(
        plan=Plan(parameters, latitude=latitude, longitude=longitude),
        tolerance_ratio=parameters.dimming_tolerance_ratio,
        standby_watts=parameters.standby_watts,
        most_watt_hours_per_us=parameters.most_watts / HOUR_US,
        silence_us=round(parameters.silence_hours * HOUR_US),
        is_switched=parameters.supply == "switched",
        timings=limits.timings_of(parameters, PREFIXES),
    )
