"""The alerts about street lights: their names, their severity, and what they say to people."""

from __future__ import annotations

from typing import Final

from pipeline.core import topics
from topologies.lighting.facts import State
from topologies.lighting.plan import Expected
from topologies.runtime.model import Opened, Place, Rule

DARK: Final = "lighting_dark"
BURNING: Final = "lighting_burning"
DIMMING: Final = "lighting_dimming"
LAMP_FAULT: Final = "lighting_lamp_fault"
DRIVER_FAULT: Final = "lighting_driver_fault"
PREFIXES: Final = {
    DARK: "dark",
    BURNING: "burning",
    DIMMING: "dimming",
    LAMP_FAULT: "lamp_fault",
    DRIVER_FAULT: "driver_fault",
}
"""How a rule's parameters begin."""

_TOPIC: Final = topics.alerts("lighting")
RULES: Final = (
    Rule(DARK, "warning", _TOPIC),
    Rule(BURNING, "notice", _TOPIC),
    Rule(DIMMING, "notice", _TOPIC),
    Rule(LAMP_FAULT, "warning", _TOPIC),
    Rule(DRIVER_FAULT, "warning", _TOPIC),
)


def sentence(rule: Rule, fact: State, place: Place, expected: Expected) -> Opened:
    """What an alert says whose opening this fact was the last one before."""
    name = place.name
    if rule.name == DARK:
        return Opened(
            fact.draws_watts,
            None,
            f"Leuchte {name} ist dunkel, obwohl sie brennen soll.",
            f"Luminaire {name} is dark and should burn.",
        )
    if rule.name == BURNING:
        return Opened(
            fact.draws_watts,
            None,
            f"Leuchte {name} brennt, obwohl sie aus sein soll.",
            f"Luminaire {name} burns and should be off.",
        )
    if rule.name == DIMMING:
        level, wanted = round((fact.level_ratio or 0.0) * 100), expected.ratio
        german = "" if wanted is None else f" statt {round(wanted * 100)} %"
        english = "" if wanted is None else f" instead of {round(wanted * 100)} %"
        return Opened(
            fact.level_ratio,
            wanted,
            f"Leuchte {name} brennt mit {level} %{german}.",
            f"Luminaire {name} burns at {level} %{english}.",
        )
    if rule.name == LAMP_FAULT:
        return Opened(None, None, f"Das Leuchtmittel von {name} ist defekt.", f"The lamp of {name} has failed.")
    return Opened(
        None,
        None,
        f"Das Vorschaltgerät von {name} meldet einen Fehler oder antwortet nicht.",
        f"The driver of {name} reports a failure or does not answer.",
    )
