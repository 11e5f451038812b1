"""What a device is judged by at a place: a topology's limits over time, looked up once a place."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from pipeline.city.model import City, P, Parameters
from pipeline.core.clock import MINUTE_US
from topologies.runtime.alarms import Timing
from topologies.runtime.model import Place

L = TypeVar("L")
Turns = Sequence[tuple[int, L]]
"""Limits, each with when they begin to hold, in order."""


class Here(Generic[L]):
    """The limits at a place, None: of a device without one."""

    __slots__ = ("_only", "_turns", "place")

    def __init__(self, place: Place | None, turns: Turns[L]) -> None:
        self.place = place
        self._turns = turns
        self._only = turns[0][1] if len(turns) == 1 else None

    def at(self, at_us: int) -> L:
        """The limits that hold at a time."""
        if self._only is not None:
            return self._only
        return next((limits for from_us, limits in reversed(self._turns) if from_us <= at_us), self._turns[0][1])


H = TypeVar("H", bound=Here[Any])
W = TypeVar("W", Place, Place | None)
"""Whether a topology judges devices without a place."""


class EachPlace(ABC, Generic[W, H]):
    """Every place's limits, kept while the same places come again."""

    most: ClassVar[int] = 10_000
    """How many places are kept."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._known: dict[int, H] = {}
        self._of_site: dict[str | None, H] = {}

    def of(self, place: W) -> H:
        """Of a place."""
        known = self._known.get(id(place))
        return known if known is not None and known.place is place else self._keep(place)

    def _keep(self, place: W) -> H:
        """All places are read anew when one of them has changed: what is as it was is not made again."""
        if len(self._known) > self.most:
            self._known.clear()
            self._of_site.clear()
        site = getattr(place, "site", None)
        known = self._of_site.get(site)
        if known is None or known.place != place:
            known = self._of_site[site] = self.here(place)
        known.place = place
        self._known[id(place)] = known
        return known

    @abstractmethod
    def here(self, place: W) -> H:
        """Of a place that does not come again."""

    def turns(self, model: type[P], family: str, place: Place | None, limits_of: Callable[[P], L]) -> Turns[L]:
        """The limits of a place over time, made of its parameters."""
        group, site = ("", "") if place is None else (place.group, place.site)
        turns = self._city.timeline(model, family, group=group, site=site).turns
        return [(turn.from_us, limits_of(turn.parameters)) for turn in turns]


def timings_of(
    parameters: Parameters, prefixes: Mapping[str, str], *, at_once: Collection[str] = ()
) -> dict[str, Timing]:
    """The timings of the rules that are on, by rule.

    Args:
        parameters: with `…_alert`, `…_minimum_minutes` and `…_damping_minutes` of each rule.
        prefixes: what their names begin with, by rule.
        at_once: rules that have no minimum duration.
    """
    return {
        rule: Timing(
            0 if rule in at_once else round(getattr(parameters, f"{prefix}_minimum_minutes") * MINUTE_US),
            round(getattr(parameters, f"{prefix}_damping_minutes") * MINUTE_US),
        )
        for rule, prefix in prefixes.items()
        if getattr(parameters, f"{prefix}_alert")
    }


def number_of(value: Any) -> float | None:
    """An attribute of a site, which comes from a CSV: a finite number, or a text that should be one."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
