"""The alert about bays: its name, its severity, and what it says to people."""

from __future__ import annotations

from typing import Final

from pipeline.core import topics
from pipeline.core.clock import MINUTE_US
from topologies.parking.facts import Bay
from topologies.runtime.alarms import NONE, Alarm, Alarms
from topologies.runtime.model import Opened, Place, Rule

OVERSTAY: Final = "parking_overstay"
RULES: Final = (Rule(OVERSTAY, "notice", topics.alerts("parking")),)


def overstay_alarms(fact: Bay) -> Alarms:
    """The stay that is on, from its begin; a free phase ends it, unless it turns out to be too short to be one.

    Nothing opens while the sensor is silent: nobody knows then whether the car is still there.
    """
    if fact.overstay_us is None or fact.overstay_us > fact.silent_us:
        return NONE
    if fact.occupied:
        return (Alarm(OVERSTAY, begin_us(fact), fact.overstay_us),)
    return (Alarm(OVERSTAY, fact.held_since_us, fact.overstay_us, fact.since_us, fact.settles_us),)


def begin_us(fact: Bay) -> int:
    """When the stay began that is on, or may be over in a moment."""
    return fact.held_since_us if fact.held else fact.since_us


def sentence(fact: Bay, place: Place) -> Opened:
    """What an alert says; the limit is the zone's, so is the value: it opens when they are equal."""
    minutes = 0.0 if fact.overstay_us is None else (fact.overstay_us - begin_us(fact)) / MINUTE_US
    return Opened(
        minutes,
        minutes,
        f"Stellplatz {place.name} ist seit über {f'{minutes:g}'.replace('.', ',')} Minuten belegt.",
        f"Bay {place.name} has been occupied for more than {minutes:g} minutes.",
    )
