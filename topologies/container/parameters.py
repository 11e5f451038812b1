"""What containers are judged by; every value with its unit and its reason. A city changes them in its city file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.city.model import Parameters

_Minutes = Annotated[float, Field(ge=0, le=7 * 24 * 60)]


class ContainerParameters(Parameters):
    """Limits of containers."""

    full_ratio: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Full from this fill on …"""
    full_resolved_ratio: Annotated[float, Field(ge=0, le=1)] = 0.7
    """… and no longer below this one."""
    full_alert: bool = True
    full_minimum_minutes: _Minutes = 90
    """Of sensors that measure hourly the next measurement has to agree: a wrong echo sends nobody out."""
    full_damping_minutes: _Minutes = 0

    overfull_ratio: Annotated[float, Field(ge=1, le=2)] = 1.05
    """Beyond the full line, before clamping: waste in the way of the lid. Not 1: a full container trembles there."""
    overfull_resolved_ratio: Annotated[float, Field(ge=0, le=2)] = 1.0
    overfull_alert: bool = True
    overfull_minimum_minutes: _Minutes = 90
    overfull_damping_minutes: _Minutes = 0

    tilted_alert: bool = True
    tilted_minimum_minutes: _Minutes = 90
    """A lorry tips a container for a few minutes, and the frame that says it stands again may be lost: of sensors that
    measure hourly the next one has to agree."""
    tilted_damping_minutes: _Minutes = 10

    hot_celsius: Annotated[float, Field(ge=-40, le=125)] = 60
    """The sensor under the lid: hotter than the sun makes it."""
    hot_resolved_celsius: Annotated[float, Field(ge=-40, le=125)] = 50
    hot_alert: bool = True
    hot_minimum_minutes: _Minutes = 0
    hot_damping_minutes: _Minutes = 0

    emptied_within_days: Annotated[float, Field(ge=0, le=366)] = 28
    """At the latest so long after the last emptying, or after the device was first heard at its site. 0: whenever."""

    suspected_full_ratio: Annotated[float, Field(ge=0, le=1)] = 0.8
    """No echo from this fill on: something lies on the sensor."""
    suspected_full_alert: bool = False
    """Off: an echo is lost for other reasons, too."""
    suspected_full_minimum_minutes: _Minutes = 0
    suspected_full_damping_minutes: _Minutes = 0

    too_far_ratio: Annotated[float, Field(ge=0, le=10)] = 0.1
    """A distance that is longer than the empty one by more than this share is none."""

    emptying_ratio: Annotated[float, Field(gt=0, le=1)] = 0.3
    """A drop of the fill by this much is an emptying …"""
    emptying_hours: Annotated[float, Field(gt=0, le=31 * 24)] = 48
    """… if it came within this time. After a longer silence it is not known what happened."""

    route_hour: Annotated[int, Field(ge=0, le=23)] = 5
    """When the round begins, in legal time: the day's list is made then. Of all containers, whatever their group."""
    route_horizon_hours: Annotated[float, Field(gt=0, le=62 * 24)] = 24
    """What will be full, or due, so long after that at the earliest has to be emptied: the next round is then."""

    def contradiction(self) -> str | None:
        """Two limits in the wrong order would let alerts flicker."""
        for upper, lower in (
            ("full_ratio", "full_resolved_ratio"),
            ("overfull_ratio", "overfull_resolved_ratio"),
            ("hot_celsius", "hot_resolved_celsius"),
        ):
            limit, resolved = getattr(self, upper), getattr(self, lower)
            if resolved > limit:
                return f"{lower}: expected at most {upper} = {limit}, alerts would flicker; given: {resolved}"
        return None
