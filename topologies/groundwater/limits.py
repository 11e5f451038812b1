"""A well's site and parameters as its logic counts with them: looked up once a place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipeline.city.model import City
from pipeline.core.clock import HOUR_US, MINUTE_US
from topologies.groundwater.parameters import GroundwaterParameters
from topologies.groundwater.rules import FLOOD, HIGH, LOW, RISING
from topologies.runtime.alarms import Timing
from topologies.runtime.model import Place

FAMILY: Final = "groundwater"
VENTED: Final = "vented"
ABSOLUTE: Final = "absolute"
SEALED: Final = "sealed"
STANDARD_GRAVITY: Final = 9.80665
"""m/s2, by the third General Conference on Weights and Measures (1901)."""
WATER_DENSITY: Final = 1000.0
"""kg/m3, of fresh water at 4 degrees Celsius; see the README for what that costs."""
_PLACES: Final = 10_000
_PREFIXES: Final = {LOW: "low", HIGH: "high", FLOOD: "flood", RISING: "rising"}


class Limits(NamedTuple):
    """Parameters in microseconds and metres."""

    low: float | None
    high: float | None
    flood: float | None
    hysteresis: float
    rising: float
    rising_resolved: float
    dry: float
    below_probe: float
    above_top: float
    rate_per_us: float
    stuck_us: float
    """For a probe that tells millimetres."""
    timings: dict[str, Timing]
    """Of the rules that are on."""


class Here:
    """What a well is counted with at a place."""

    __slots__ = (
        "_only",
        "_turns",
        "barometer",
        "ground",
        "measuring_point",
        "metres_per_hectopascal",
        "place",
        "reference",
        "sealed_hectopascals",
        "suspension",
    )

    def __init__(self, place: Place, city: City) -> None:
        self.place = place
        attributes = place.attributes
        self.measuring_point = _number(attributes, "measuring_point_metres_nhn")
        self.suspension = _number(attributes, "suspension_metres")
        self.ground = _number(attributes, "ground_metres_nhn")
        self.sealed_hectopascals = _number(attributes, "sealed_reference_hectopascals")
        density = _number(attributes, "water_density_kilograms_per_cubic_metre") or WATER_DENSITY
        self.metres_per_hectopascal = 100 / (density * STANDARD_GRAVITY)
        reference = attributes.get("pressure_reference")
        self.reference = reference if reference in (VENTED, ABSOLUTE, SEALED) else None
        barometer = attributes.get("barometer")
        self.barometer = None if barometer is None else str(barometer)
        turns = city.timeline(GroundwaterParameters, FAMILY, group=place.group, site=place.site).turns
        self._turns = [(turn.from_us, limits_of(turn.parameters)) for turn in turns]
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
        self._known: dict[int, Here] = {}

    def of(self, place: Place) -> Here:
        """Of a place."""
        known = self._known.get(id(place))
        if known is None or known.place is not place:
            if len(self._known) > _PLACES:
                self._known.clear()
            known = self._known[id(place)] = Here(place, self._city)
        return known


def limits_of(parameters: GroundwaterParameters) -> Limits:
    """The parameters as the logic counts with them."""
    limits = {LOW: parameters.low_metres_nhn, HIGH: parameters.high_metres_nhn, FLOOD: parameters.flood_metres_nhn}
    timings = {
        rule: Timing(
            round(getattr(parameters, f"{prefix}_minimum_minutes") * MINUTE_US),
            round(getattr(parameters, f"{prefix}_damping_minutes") * MINUTE_US),
        )
        for rule, prefix in _PREFIXES.items()
        if getattr(parameters, f"{prefix}_alert") and (rule == RISING or limits[rule] is not None)
    }
    return Limits(
        low=limits[LOW],
        high=limits[HIGH],
        flood=limits[FLOOD],
        hysteresis=parameters.hysteresis_metres,
        rising=parameters.rising_metres_per_hour,
        rising_resolved=parameters.rising_resolved_metres_per_hour,
        dry=parameters.dry_metres,
        below_probe=parameters.below_probe_metres,
        above_top=parameters.above_top_metres,
        rate_per_us=parameters.rate_metres_per_hour / HOUR_US,
        stuck_us=parameters.stuck_hours * HOUR_US,
        timings=timings,
    )


def _number(attributes: Mapping[str, Any], name: str) -> float | None:
    """An attribute of a site: a number, or a text that should be one."""
    try:
        number = float(attributes.get(name))  # type: ignore[arg-type]  # what is none is refused right here
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
