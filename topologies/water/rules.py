"""The alerts about water meters: their names, their severity, and what they say to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pipeline.core import topics
from pipeline.core.clock import DAY_US, HOUR_US
from pipeline.core.topics import PERSONAL
from topologies.runtime.model import Opened, Place, Rule
from topologies.water.facts import Consumption

if TYPE_CHECKING:
    from topologies.water.limits import Here

LEAK: Final = "water_leak"
BURST: Final = "water_burst"
NO_CONSUMPTION: Final = "water_no_consumption"
BACKFLOW: Final = "water_backflow"
FROST: Final = "water_frost"
TAMPERED: Final = "water_tampered"
DISTURBED: Final = "water_meter_disturbed"
FAULT: Final = "water_meter_fault"

CONDITIONS: Final = {
    "leak": LEAK,
    "burst": BURST,
    "no_consumption": NO_CONSUMPTION,
    "backflow": BACKFLOW,
    "frost": FROST,
    "tampered": TAMPERED,
    "meter_disturbed": DISTURBED,
    "meter_fault": FAULT,
}
"""The rule of each condition. The names are those of the decoders' quantities, and of what we find ourselves."""

_SEVERITIES: Final = {
    LEAK: "warning",
    BURST: "critical",
    NO_CONSUMPTION: "notice",
    BACKFLOW: "warning",
    FROST: "warning",
    TAMPERED: "warning",
    DISTURBED: "notice",
    FAULT: "warning",
}
RULES: Final = tuple(
    Rule(
        name,
        severity,
        topics.alerts("water"),
        personal_topic=topics.alerts("water", personal=True),
        usual_class=PERSONAL,
    )
    for name, severity in _SEVERITIES.items()
)
_SAYINGS: Final = {
    LEAK: ("meldet ein Leck", "reports a leak"),
    BURST: ("meldet einen Rohrbruch", "reports a burst pipe"),
    NO_CONSUMPTION: ("meldet, dass kein Wasser verbraucht wird", "reports that no water is used"),
    BACKFLOW: ("meldet Rückfluss", "reports backflow"),
    FROST: ("meldet Frost", "reports frost"),
    TAMPERED: ("meldet einen Eingriff", "reports that it was tampered with"),
    DISTURBED: (
        "misst nicht: kein Wasser in der Leitung oder eine Störung",
        "does not measure: no water in the pipe, or a disturbance",
    ),
    FAULT: ("meldet einen Defekt", "reports a fault"),
}
"""What the meter itself says."""


def sentence(rule: Rule, fact: Consumption, place: Place, here: Here) -> Opened:
    """What an alert says whose opening this fact was the last one before."""
    limits, name, track = here.at(fact.observed_at_us), place.name, fact.track
    if track is not None and rule.name == LEAK and "leak" in fact.found and track.lows:
        flow, hours = track.lows[0].flow, round(limits.leak_us / HOUR_US)
        return Opened(
            flow,
            limits.leak_litres_per_hour,
            f"Wasserzähler {name}: seit {hours} Stunden fließen immer mindestens {flow:.0f} l/h, vermutlich ein Leck.",
            f"Water meter {name}: at least {flow:.0f} l/h for {hours} hours without a rest, probably a leak.",
        )
    if rule.name == BURST and "burst" in fact.found and fact.peak_litres_per_hour is not None:
        flow = fact.peak_litres_per_hour
        return Opened(
            flow,
            limits.burst_litres_per_hour,
            f"Wasserzähler {name}: {flow:.0f} l/h, vermutlich ein Rohrbruch.",
            f"Water meter {name}: {flow:.0f} l/h, probably a burst pipe.",
        )
    if track is not None and rule.name == NO_CONSUMPTION and limits.still_us and rule_found(rule, fact):
        days, limit = (track.last_us - track.still_us) / DAY_US, limits.still_us / DAY_US
        return Opened(
            days,
            limit,
            f"Wasserzähler {name}: seit {days:.0f} Tagen kein Verbrauch.",
            f"Water meter {name}: no consumption for {days:.0f} days.",
        )
    if rule.name == BACKFLOW and rule_found(rule, fact):
        return Opened(
            None,
            None,
            f"Wasserzähler {name}: der Stand ist gefallen, Wasser fließt zurück.",
            f"Water meter {name}: its volume fell, water flows back.",
        )
    german, english = _SAYINGS[rule.name]
    return Opened(None, None, f"Wasserzähler {name} {german}.", f"Water meter {name} {english}.")


def rule_found(rule: Rule, fact: Consumption) -> bool:
    """Whether the volumes say so, and not only the meter."""
    return any(CONDITIONS[each] == rule.name for each in fact.found)
