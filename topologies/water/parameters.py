"""What water meters are judged by; every value with its unit and its reason. A city changes them in its city file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.city.model import Parameters

_Minutes = Annotated[float, Field(ge=0, le=7 * 24 * 60)]


class WaterParameters(Parameters):
    """Limits of water meters."""

    resolution_litres: Annotated[float, Field(gt=0, le=10_000)] = 1
    """The step of the volume as it is sent: a pulse meter of 10 litres stands still between two pulses."""
    gap_hours: Annotated[float, Field(ge=1, le=48)] = 3
    """Water that ran at an unknown moment within a longer time than this says nothing about rest."""
    most_litres_per_hour: Annotated[float, Field(gt=0, le=1_000_000)] = 20_000
    """A volume that rises faster was set anew or read wrongly."""
    reset_litres: Annotated[float, Field(ge=1, le=1_000_000)] = 100
    """A volume that falls by this much began anew; by less, water flowed back."""
    rollover_litres: Annotated[float, Field(ge=0, le=1e12)] = 0
    """Where the meter begins again at 0. 0: nobody knows, and a fall is a new beginning."""
    meter_alarms: bool = True
    """The meter's own alarms count beside what we find."""

    leak_litres_per_hour: Annotated[float, Field(gt=0, le=100_000)] = 3
    """A flow that never falls below this one … A large household may well draw a litre in every hour of a day."""
    leak_hours: Annotated[float, Field(ge=1, le=31 * 24)] = 24
    """… for this time is a leak: somewhere in a day nobody draws water."""
    leak_alert: bool = True
    leak_damping_minutes: _Minutes = 0

    burst_litres_per_hour: Annotated[float, Field(gt=0, le=1_000_000)] = 1_500
    """A flow of this and more, for longer than anybody fills a bath …"""
    burst_minutes: Annotated[float, Field(ge=0, le=7 * 24 * 60)] = 60
    """… and so long without a break."""
    burst_alert: bool = True
    burst_damping_minutes: _Minutes = 0

    no_consumption_days: Annotated[float, Field(ge=0, le=366)] = 0
    """No rise of the volume for this long. 0: off, for it also tells who is away."""
    no_consumption_alert: bool = False
    """Also where the meter itself says so."""
    no_consumption_damping_minutes: _Minutes = 0

    backflow_alert: bool = True
    backflow_damping_minutes: _Minutes = 0

    frost_alert: bool = True
    frost_damping_minutes: _Minutes = 0

    tampered_alert: bool = True
    tampered_damping_minutes: _Minutes = 0

    disturbed_alert: bool = True
    """No water in the pipe, or a fault that may pass."""
    disturbed_minimum_minutes: _Minutes = 0
    disturbed_damping_minutes: _Minutes = 0

    fault_alert: bool = True
    fault_damping_minutes: _Minutes = 0

    def contradiction(self) -> str | None:
        """Intervals have to be long enough to show the smallest leak, and must not be gaps."""
        hours = self.resolution_litres / self.leak_litres_per_hour
        if hours > self.gap_hours:
            return (
                f"leak_litres_per_hour: a meter of {self.resolution_litres:g} l needs {hours:g} h to show a flow of "
                f"{self.leak_litres_per_hour:g} l/h, but gap_hours is {self.gap_hours:g}"
            )
        return None
