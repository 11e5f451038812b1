"""The parameters of a water meter as its logic counts with them: looked up once a place."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.city.model import City
from pipeline.core.clock import DAY_US, HOUR_US, MINUTE_US
from topologies.runtime.alarms import Timing
from topologies.runtime.model import Place
from topologies.water.parameters import WaterParameters
from topologies.water.rules import BACKFLOW, BURST, DISTURBED, FAULT, FROST, LEAK, NO_CONSUMPTION, TAMPERED

FAMILY: Final = "water"
_PLACES: Final = 10_000
_PREFIXES: Final = {
    LEAK: "leak",
    BURST: "burst",
    NO_CONSUMPTION: "no_consumption",
    BACKFLOW: "backflow",
    FROST: "frost",
    TAMPERED: "tampered",
    DISTURBED: "disturbed",
    FAULT: "fault",
}


class Limits(NamedTuple):
    """Parameters in microseconds and litres."""

    interval_us: int
    """The least time that a flow is told from: an hour, or longer, where a step of the volume says less."""
    gap_us: int
    most_litres_per_hour: float
    reset_litres: float
    rollover_litres: float
    resolution_litres: float
    leak_litres_per_hour: float
    leak_us: int
    burst_litres_per_hour: float
    burst_us: int
    still_us: int | None
    meter_alarms: bool
    timings: dict[str, Timing]
    """Of the rules that are on."""


class Here:
    """What a meter is judged by at a place."""

    __slots__ = ("_only", "_turns", "place")

    def __init__(self, place: Place, city: City) -> None:
        self.place = place
        turns = city.timeline(WaterParameters, FAMILY, group=place.group, site=place.site).turns
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


def limits_of(parameters: WaterParameters) -> Limits:
    """The parameters as the logic counts with them."""
    timings = {
        rule: Timing(
            round(getattr(parameters, f"{prefix}_minimum_minutes", 0) * MINUTE_US),
            round(getattr(parameters, f"{prefix}_damping_minutes") * MINUTE_US),
        )
        for rule, prefix in _PREFIXES.items()
        if getattr(parameters, f"{prefix}_alert")
    }
    hours = max(1.0, parameters.resolution_litres / parameters.leak_litres_per_hour)
    return Limits(
        interval_us=round(hours * HOUR_US),
        gap_us=round(parameters.gap_hours * HOUR_US),
        most_litres_per_hour=parameters.most_litres_per_hour,
        reset_litres=parameters.reset_litres,
        rollover_litres=parameters.rollover_litres,
        resolution_litres=parameters.resolution_litres,
        leak_litres_per_hour=parameters.leak_litres_per_hour,
        leak_us=round(parameters.leak_hours * HOUR_US),
        burst_litres_per_hour=parameters.burst_litres_per_hour,
        burst_us=round(parameters.burst_minutes * MINUTE_US),
        still_us=round(parameters.no_consumption_days * DAY_US) or None,
        meter_alarms=parameters.meter_alarms,
        timings=timings,
    )
