"""What street lights are judged by: the plan of a segment (its group), and the limits of its alerts."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from pipeline.city.model import Parameters

_Minutes = Annotated[float, Field(ge=0, le=7 * 24 * 60)]
_Ratio = Annotated[float, Field(ge=0, le=1)]


class DimStep(BaseModel):
    """From a local time on a lamp has this level, until the next step or until it is switched off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: time
    ratio: _Ratio
    """0: off, the beginning of a part-night switching."""


class Override(BaseModel):
    """A stretch of time in which the plan does not hold: a fair, a measurement, a construction site."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: Annotated[AwareDatetime, Field(alias="from")]
    until: AwareDatetime
    state: Literal["any", "on", "off"]
    """What is expected instead; `any`: nothing is judged."""
    reason: Annotated[str, Field(min_length=1)]


class LightingParameters(Parameters):
    """Plan and limits of street lights."""

    switching: Literal["zenith", "clock", "none"] = "zenith"
    """By the sun, by the clock, or by a plan that nobody knows: then nothing is judged."""
    zenith_degrees: Annotated[float, Field(ge=80, le=110)] = 92
    """On and off when the sun's centre passes this angle from the vertical, without refraction: 2 degrees below the
    horizon, when a street is at about 10 lux."""
    latitude_degrees: Annotated[float, Field(ge=-90, le=90)] = 51.33
    """Where a site has no coordinates of its own: Krefeld."""
    longitude_degrees: Annotated[float, Field(ge=-180, le=180)] = 6.56
    on_at: time | None = None
    """Local time, for `clock`."""
    off_at: time | None = None
    grace_minutes: Annotated[float, Field(ge=0, le=240)] = 20
    """So long before and after each switching nothing is judged that it changes: nodes have calendars of their own."""
    dimming: tuple[DimStep, ...] = ()
    """Empty: the level is not judged."""
    dimming_tolerance_ratio: _Ratio = 0.1
    """How far a level may be from the plan's."""
    overrides: tuple[Override, ...] = ()
    supply: Literal["permanent", "switched"] = "permanent"
    """`switched`: by day the segment has no mains, so its nodes are silent and its lamps are off."""
    standby_watts: Annotated[float, Field(gt=0, le=1000)] = 3
    """What draws less does not burn."""
    most_watts: Annotated[float, Field(gt=0, le=100_000)] = 1000
    """A meter that rises faster is wrong."""
    silence_hours: Annotated[float, Field(gt=0, le=24)] = 3
    """What was known of a lamp holds so long: three frames of a node that sends every hour."""

    dark_alert: bool = True
    dark_minimum_minutes: _Minutes = 30
    dark_damping_minutes: _Minutes = 0
    burning_alert: bool = True
    burning_minimum_minutes: _Minutes = 30
    """An inspection by day is over by then."""
    burning_damping_minutes: _Minutes = 0
    dimming_alert: bool = True
    dimming_minimum_minutes: _Minutes = 30
    dimming_damping_minutes: _Minutes = 0
    lamp_fault_alert: bool = True
    lamp_fault_minimum_minutes: _Minutes = 0
    lamp_fault_damping_minutes: _Minutes = 60
    """A loose contact comes and goes; it is one fault."""
    driver_fault_alert: bool = True
    driver_fault_minimum_minutes: _Minutes = 0
    driver_fault_damping_minutes: _Minutes = 60

    def contradiction(self) -> str | None:
        """A plan that cannot be followed."""
        if self.switching == "clock" and (self.on_at is None or self.off_at is None or self.on_at == self.off_at):
            return "switching: by the clock, expected on_at and off_at, and two times"
        steps = [step.at for step in self.dimming]
        if any(at is not None and at.tzinfo is not None for at in (self.on_at, self.off_at, *steps)):
            return "on_at: expected local times, without a zone"
        if len(set(steps)) < len(steps):
            return "dimming: expected one level for a time"
        for each in self.overrides:
            if each.until <= each.from_:
                return f"overrides: expected until after from; given: {each.until}"
        return None
