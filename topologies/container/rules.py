"""The alerts about containers: their names, their severity, and what they say to people."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pipeline.core import topics
from pipeline.core.clock import DAY_US
from topologies.container.facts import Level
from topologies.runtime.alarms import Alarm, Alarms
from topologies.runtime.model import Opened, Place, Rule

if TYPE_CHECKING:
    from topologies.container.limits import Here

FULL: Final = "container_full"
OVERFULL: Final = "container_overfull"
TILTED: Final = "container_tilted"
HOT: Final = "container_hot"
NOT_EMPTIED: Final = "container_not_emptied"
SUSPECTED: Final = "container_suspected_full"

_TOPIC: Final = topics.alerts("container")
RULES: Final = (
    Rule(FULL, "warning", _TOPIC),
    Rule(OVERFULL, "warning", _TOPIC),
    Rule(TILTED, "warning", _TOPIC),
    Rule(HOT, "critical", _TOPIC),
    Rule(NOT_EMPTIED, "warning", _TOPIC),
    Rule(SUSPECTED, "notice", _TOPIC),
)


@lru_cache(maxsize=20_000)
def due_alarms(due_us: int) -> Alarms:
    """The alarm that goes off when a container is not emptied by then."""
    return (Alarm(NOT_EMPTIED, due_us, due_us),)


def sentence(rule: Rule, fact: Level, place: Place, here: Here) -> Opened:
    """What an alert says whose opening this fact was the last one before."""
    limits, name = here.at(fact.observed_at_us), place.name
    level = fact.level_ratio
    percent = round((level or 0.0) * 100)
    if rule.name == FULL:
        return Opened(
            level,
            limits.full_ratio,
            f"Container {name} ist zu {percent} % gefüllt.",
            f"Container {name} is {percent} % full.",
        )
    if rule.name == OVERFULL:
        raw = None if fact.distance_metres is None else here.fill(fact.distance_metres)
        value = level if raw is None else raw
        return Opened(
            value, limits.overfull_ratio, f"Container {name} ist überfüllt.", f"Container {name} is overfull."
        )
    if rule.name == TILTED:
        return Opened(
            None, None, f"Container {name} steht nicht aufrecht.", f"Container {name} does not stand upright."
        )
    if rule.name == HOT:
        celsius = fact.device_temperature_celsius
        return Opened(
            celsius,
            limits.hot_celsius,
            f"Container {name} ist heiß: {celsius:.0f} °C." if celsius is not None else f"Container {name} ist heiß.",
            f"Container {name} is hot: {celsius:.0f} °C." if celsius is not None else f"Container {name} is hot.",
        )
    if rule.name == NOT_EMPTIED:
        within_us = 0 if fact.due_us is None or fact.watched_us is None else fact.due_us - fact.watched_us
        days = within_us / DAY_US
        return Opened(
            days,
            days,
            f"Container {name} wurde seit {f'{days:g}'.replace('.', ',')} Tagen nicht geleert.",
            f"Container {name} has not been emptied for {days:g} days.",
        )
    return Opened(
        level,
        limits.suspected_full_ratio,
        f"Container {name} gibt kein Echo mehr und war zu {percent} % gefüllt: vermutlich voll.",
        f"Container {name} gives no echo any more and was {percent} % full: probably full.",
    )
