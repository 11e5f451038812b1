"""Plan and limits of a luminaire as its logic counts with them: looked up once a place, shared by a segment."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from pipeline.city.model import City
from pipeline.core.clock import HOUR_US, MINUTE_US
from topologies.lighting.parameters import LightingParameters
from topologies.lighting.plan import Plan
from topologies.lighting.rules import PREFIXES
from topologies.runtime.alarms import Timing
from topologies.runtime.model import Place

FAMILY: Final = "lighting"
_PLACES: Final = 200_000
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


class Here:
    """What a luminaire is judged by at a place."""

    __slots__ = ("_only", "_turns", "place", "rated_watts")

    def __init__(self, place: Place, turns: list[tuple[int, Limits]]) -> None:
        self.place = place
        self.rated_watts = _number(place.attributes.get("rated_watts"))
        self._turns = turns
        self._only = turns[0][1] if len(turns) == 1 else None

    def at(self, at_us: int) -> Limits:
        """The limits that hold at a time."""
        if self._only is not None:
            return self._only
        return next((limits for from_us, limits in reversed(self._turns) if from_us <= at_us), self._turns[0][1])


class Limitations:
    """Every place's, kept while the same places come again."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._known: dict[int, Here] = {}
        self._limits: dict[tuple[LightingParameters, float, float], Limits] = {}

    def of(self, place: Place) -> Here:
        """Of a place."""
        known = self._known.get(id(place))
        if known is None or known.place is not place:
            if len(self._known) > _PLACES:
                self._known.clear()
            known = self._known[id(place)] = self.here(place)
        return known

    def here(self, place: Place) -> Here:
        """Of a place that does not come again."""
        turns = self._city.timeline(LightingParameters, FAMILY, group=place.group, site=place.site).turns
        return Here(place, [(turn.from_us, self._shared(turn.parameters, place)) for turn in turns])

    def _shared(self, parameters: LightingParameters, place: Place) -> Limits:
        latitude = _number(place.attributes.get("latitude_degrees"))
        longitude = _number(place.attributes.get("longitude_degrees"))
        if latitude is None or longitude is None:
            latitude, longitude = parameters.latitude_degrees, parameters.longitude_degrees
        key = (parameters, round(latitude, _DECIMALS), round(longitude, _DECIMALS))
        found = self._limits.get(key)
        if found is None:
            found = self._limits[key] = limits_of(*key)
        return found


def limits_of(parameters: LightingParameters, latitude: float, longitude: float) -> Limits:
    """The parameters as the logic counts with them."""
    timings = {
        rule: Timing(
            round(getattr(parameters, f"{prefix}_minimum_minutes") * MINUTE_US),
            round(getattr(parameters, f"{prefix}_damping_minutes") * MINUTE_US),
        )
        for rule, prefix in PREFIXES.items()
        if getattr(parameters, f"{prefix}_alert")
    }
    return Limits(
        plan=Plan(parameters, latitude=latitude, longitude=longitude),
        tolerance_ratio=parameters.dimming_tolerance_ratio,
        standby_watts=parameters.standby_watts,
        most_watt_hours_per_us=parameters.most_watts / HOUR_US,
        silence_us=round(parameters.silence_hours * HOUR_US),
        is_switched=parameters.supply == "switched",
        timings=timings,
    )


def _number(value: Any) -> float | None:
    """Attributes of sites come from a CSV: a number, or a text that should be one."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
