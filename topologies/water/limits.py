"""The parameters of a water meter as its logic counts with them: looked up once a place."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.core.clock import DAY_US, HOUR_US, MINUTE_US
from topologies.runtime import limits
from topologies.runtime.alarms import Timing
from topologies.runtime.model import Place
from topologies.water.parameters import WaterParameters
from topologies.water.rules import BACKFLOW, BURST, DISTURBED, FAULT, FROST, LEAK, NO_CONSUMPTION, TAMPERED

FAMILY: Final = "water"
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


Here = limits.Here[Limits]
"""What a meter is judged by at a place."""


class Limitations(limits.EachPlace[Place, Here]):
    """Every meter's."""

    def here(self, place: Place) -> Here:
        """See the base."""
        return Here(place, self.turns(WaterParameters, FAMILY, place, limits_of))


def limits_of(parameters: WaterParameters) -> Limits:
    """The parameters as the logic counts with them."""
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
        timings=limits.timings_of(parameters, _PREFIXES, at_once=_PREFIXES.keys() - {DISTURBED}),
    )
