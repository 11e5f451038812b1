"""The alerts about wells: their names, their severity, and what they say to people."""

from __future__ import annotations

from typing import Final

from pipeline.core import topics
from topologies.runtime.model import Opened, Rule

LOW: Final = "groundwater_low"
HIGH: Final = "groundwater_high"
FLOOD: Final = "groundwater_flood"
RISING: Final = "groundwater_rising"

_TOPIC: Final = topics.alerts("groundwater")
RULES: Final = (
    Rule(LOW, "warning", _TOPIC),
    Rule(HIGH, "warning", _TOPIC),
    Rule(FLOOD, "critical", _TOPIC),
    Rule(RISING, "warning", _TOPIC),
)


def sentence(rule: str, name: str, value: float | None, limit: float | None) -> Opened:
    """What an alert says.

    Args:
        rule: its name.
        name: of the well.
        value: metres above NHN; of a rise metres per hour.
        limit: in the same unit.
    """
    if rule == RISING:
        centimetres = round((value or 0.0) * 100)
        return Opened(
            value,
            limit,
            f"Das Grundwasser in {name} steigt um {centimetres} cm je Stunde.",
            f"The groundwater in {name} rises by {centimetres} cm per hour.",
        )
    german = "" if value is None else f" mit {f'{value:.2f}'.replace('.', ',')} m NHN"
    english = "" if value is None else f" at {value:.2f} m above NHN"
    if rule == LOW:
        return Opened(
            value,
            limit,
            f"Das Grundwasser in {name} steht{german} niedrig.",
            f"The groundwater in {name} stands low{english}.",
        )
    if rule == HIGH:
        return Opened(
            value,
            limit,
            f"Das Grundwasser in {name} steht{german} hoch.",
            f"The groundwater in {name} stands high{english}.",
        )
    return Opened(
        value,
        limit,
        f"Hochwasserwarnung: Das Grundwasser in {name} steht{german}.",
        f"Flood warning: the groundwater in {name} stands{english}.",
    )
