"""A well's site and parameters as its logic counts with them: looked up once a place."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.core.clock import HOUR_US
from topologies.groundwater.parameters import GroundwaterParameters
from topologies.groundwater.rules import FLOOD, HIGH, LOW, RISING
from topologies.runtime import limits
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


class Here(limits.Here[Limits]):
    """What a well is counted with at a place."""

    __slots__ = (
        "barometer",
        "ground",
        "measuring_point",
        "metres_per_hectopascal",
        "reference",
        "sealed_hectopascals",
        "suspension",
    )

    def __init__(self, place: Place, turns: limits.Turns[Limits]) -> None:
        super().__init__(place, turns)
        attributes = place.attributes
        self.measuring_point = limits.number_of(attributes.get("measuring_point_metres_nhn"))
        self.suspension = limits.number_of(attributes.get("suspension_metres"))
        self.ground = limits.number_of(attributes.get("ground_metres_nhn"))
        self.sealed_hectopascals = limits.number_of(attributes.get("sealed_reference_hectopascals"))
        density = limits.number_of(attributes.get("water_density_kilograms_per_cubic_metre")) or WATER_DENSITY
        self.metres_per_hectopascal = 100 / (density * STANDARD_GRAVITY)
        reference = attributes.get("pressure_reference")
        self.reference = reference if reference in (VENTED, ABSOLUTE, SEALED) else None
        barometer = attributes.get("barometer")
        self.barometer = None if barometer is None else str(barometer)


class Limitations(limits.EachPlace[Place, Here]):
    """Every well's."""

    def here(self, place: Place) -> Here:
        """See the base."""
        return Here(place, self.turns(GroundwaterParameters, FAMILY, place, limits_of))


def limits_of(parameters: GroundwaterParameters) -> Limits:
    """The parameters as the logic counts with them."""
    levels = {LOW: parameters.low_metres_nhn, HIGH: parameters.high_metres_nhn, FLOOD: parameters.flood_metres_nhn}
    prefixes = {rule: prefix for rule, prefix in _PREFIXES.items() if levels.get(rule, 0) is not None}
    return Limits(
        low=levels[LOW],
        high=levels[HIGH],
        flood=levels[FLOOD],
        hysteresis=parameters.hysteresis_metres,
        rising=parameters.rising_metres_per_hour,
        rising_resolved=parameters.rising_resolved_metres_per_hour,
        dry=parameters.dry_metres,
        below_probe=parameters.below_probe_metres,
        above_top=parameters.above_top_metres,
        rate_per_us=parameters.rate_metres_per_hour / HOUR_US,
        stuck_us=parameters.stuck_hours * HOUR_US,
        timings=limits.timings_of(parameters, prefixes),
    )
