"""The parameters of a bay as its logic counts with them: looked up once a place."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.core.clock import SECOND_US
from pipeline.core.topics import PERSONAL
from topologies.parking.parameters import ParkingParameters
from topologies.runtime import limits
from topologies.runtime.model import Place

FAMILY: Final = "parking"


class Limits(NamedTuple):
    """Parameters in microseconds."""

    silence_us: int
    dwell_us: int
    overstay_us: int | None
    """None: as long as one likes."""


Here = limits.Here[Limits]
"""What a bay is judged by at a place, None: a sensor without one."""


class Limitations(limits.EachPlace[Place | None, Here]):
    """Every bay's."""

    most = 20_000

    def here(self, place: Place | None) -> Here:
        """See the base."""
        # An alert would tell when somebody's own bay was taken.
        watched = place is not None and place.site_class != PERSONAL
        return Here(place, self.turns(ParkingParameters, FAMILY, place, lambda each: limits_of(each, watched=watched)))


def limits_of(parameters: ParkingParameters, *, watched: bool) -> Limits:
    """The parameters as the logic counts with them."""
    overstay_us = round(parameters.overstay_minutes * 60 * SECOND_US)
    return Limits(
        silence_us=round(parameters.silence_hours * 3600 * SECOND_US),
        dwell_us=round(parameters.dwell_seconds * SECOND_US),
        overstay_us=overstay_us if watched and overstay_us else None,
    )
