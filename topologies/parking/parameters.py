"""What bays are judged by; every value with its unit and its reason. A city changes them in its city file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.city.model import Parameters


class ParkingParameters(Parameters):
    """Limits of parking bays."""

    silence_hours: Annotated[float, Field(gt=0, le=31 * 24)] = 26
    """After so long without a frame a bay is unknown: the makers' heartbeats come once a day at the least."""

    dwell_seconds: Annotated[float, Field(ge=0, le=3600)] = 30
    """An occupied or free phase that is shorter is no change: a lorry passed, or somebody is still manoeuvring."""

    overstay_minutes: Annotated[float, Field(ge=0, le=31 * 24 * 60)] = 0
    """A stay that is longer is an alert. 0: as long as one likes."""

    def contradiction(self) -> str | None:
        """A phase that nothing could confirm before the silence would never count."""
        if self.dwell_seconds >= self.silence_hours * 3600:
            return (
                f"dwell_seconds: expected less than silence_hours = {self.silence_hours:g}, "
                f"no phase would count; given: {self.dwell_seconds:g}"
            )
        return None
