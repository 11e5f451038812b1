"""What wells are judged by; every value with its unit and its reason. A city changes them in its city file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.city.model import Parameters

_Minutes = Annotated[float, Field(ge=0, le=7 * 24 * 60)]
_MetresNhn = Annotated[float, Field(ge=-1000, le=9000)]


class GroundwaterParameters(Parameters):
    """Limits of wells."""

    low_metres_nhn: _MetresNhn | None = None
    """Low at this level or below it; without it there is no such alert."""
    low_alert: bool = True
    low_minimum_minutes: _Minutes = 60
    low_damping_minutes: _Minutes = 60

    high_metres_nhn: _MetresNhn | None = None
    """High at this level or above it: cellars become wet."""
    high_alert: bool = True
    high_minimum_minutes: _Minutes = 60
    high_damping_minutes: _Minutes = 60

    flood_metres_nhn: _MetresNhn | None = None
    """Flood warning at this level or above it."""
    flood_alert: bool = True
    flood_minimum_minutes: _Minutes = 0
    flood_damping_minutes: _Minutes = 60

    hysteresis_metres: Annotated[float, Field(ge=0, le=10)] = 0.05
    """How far behind a limit the level has to be for an alert to be over: more than a pump or a wave moves it."""

    rising_metres_per_hour: Annotated[float, Field(gt=0, le=100)] = 0.1
    """Rising from this speed on, over one to two hours …"""
    rising_resolved_metres_per_hour: Annotated[float, Field(ge=-100, le=100)] = 0.05
    """… and no longer below this one."""
    rising_alert: bool = True
    rising_minimum_minutes: _Minutes = 0
    rising_damping_minutes: _Minutes = 60

    dry_metres: Annotated[float, Field(ge=0, le=1)] = 0.02
    """A column up to this one is none: a probe in the air says a little more or less than zero."""
    below_probe_metres: Annotated[float, Field(ge=0, le=10)] = 0.3
    """A column that is so far below zero is wrong."""
    above_top_metres: Annotated[float, Field(ge=0, le=50)] = 1.0
    """So is water that stands so far above the measuring point."""
    rate_metres_per_hour: Annotated[float, Field(gt=0, le=1000)] = 2.0
    """No groundwater moves faster; a jump has to be confirmed by the next measurement."""
    stuck_hours: Annotated[float, Field(gt=0, le=366 * 24)] = 48
    """A probe that tells millimetres says something else within this time; one of centimetres within ten times it."""

    def contradiction(self) -> str | None:
        """Limits in the wrong order."""
        if self.rising_resolved_metres_per_hour > self.rising_metres_per_hour:
            return (
                f"rising_resolved_metres_per_hour: expected at most rising_metres_per_hour = "
                f"{self.rising_metres_per_hour}, alerts would flicker; given: {self.rising_resolved_metres_per_hour}"
            )
        for lower, upper in (("low", "high"), ("high", "flood"), ("low", "flood")):
            below, above = getattr(self, f"{lower}_metres_nhn"), getattr(self, f"{upper}_metres_nhn")
            if below is not None and above is not None and below >= above:
                return f"{lower}_metres_nhn: expected less than {upper}_metres_nhn = {above}; given: {below}"
        return None
