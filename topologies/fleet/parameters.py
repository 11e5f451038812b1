"""What devices and gateways are judged by; every value with its unit and its reason. A city file changes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.city.model import Parameters

_TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_Ratio = Annotated[float, Field(ge=0, le=1)]
_Minutes = Annotated[float, Field(gt=0, le=366 * 24 * 60)]


class FleetParameters(Parameters):
    """Limits of devices and gateways."""

    interval_minutes: dict[str, _Minutes] = Field(default={"parking": 24 * 60})
    """How often devices speak, by profile or family; a profile goes before a family. Of others it is learned from their
    last frames. A bay's sensor speaks when a car moves, and by itself once a day: that cannot be learned by day."""
    offline_factor: Annotated[float, Field(ge=1, le=100)] = 3.5
    """So many times the interval without a frame: silent. Two frames lost in a row leave three intervals, and half
    of one more, so that jitter does not decide."""
    offline_minimum_minutes: _Minutes = 60
    """Never earlier than this."""
    unknown_hours: Annotated[float, Field(gt=0, le=366 * 24)] = 26
    """While the interval is not known: a day, and what a daily report may be late."""
    offline_alert: bool = True

    quiet_for: Literal["switched", "all", "none"] = "switched"
    """Whose silence does not count in the quiet hours: sites with the attribute `supply = switched`, all, none."""
    quiet_from: _TimeOfDay = "04:00"
    """Lamps that are switched off have no current: in legal time, by when it may be bright in June …"""
    quiet_until: _TimeOfDay = "23:00"
    """… until when it is dark in June, too."""

    gateway_minimum_minutes: _Minutes = 30
    """A gateway by which nothing came for so long is silent, if it usually hears more …"""
    gateway_factor: Annotated[float, Field(ge=1, le=1000)] = 10
    """… than one frame in this part of it: of random frames one in e^10 gaps is so long."""
    gateway_alert: bool = True

    battery_low_ratio: _Ratio = 0.2
    """Low from this charge on …"""
    battery_resolved_ratio: _Ratio = 0.25
    """… and no longer above this one."""
    battery_alert: bool = True

    lost_alert: bool = True
    """A frame that we had and did not store: never right."""
    gaps_ratio: _Ratio = 0.2
    """Too many gaps: more than this share of a day's frames did not reach us."""
    gaps_alert: bool = False
    """Off: many devices send without caring."""

    def contradiction(self) -> str | None:
        """Two limits in the wrong order would let alerts flicker; a day without an hour that counts has no alert."""
        if self.battery_resolved_ratio < self.battery_low_ratio:
            return (
                f"battery_resolved_ratio: expected at least battery_low_ratio = {self.battery_low_ratio}, "
                f"alerts would flicker; given: {self.battery_resolved_ratio}"
            )
        if self.quiet_from == self.quiet_until:
            return f"quiet_from: expected another time than quiet_until; given: {self.quiet_from} for both"
        return None
