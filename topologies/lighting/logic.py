"""Whether a lamp burns, whether it should, what it uses, and what is wrong with it; pure.

A judgement is made of a frame by what that very frame shows at a time that the plan is certain of; what no frame shows
is not judged. So a lamp that says nothing is never called dark: it is offline, which is another topology's to say.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from pipeline.city.model import City
from pipeline.core.clock import HOUR_US
from schemas.silkstream.v1.reading_view_pb2 import ReadingView
from topologies.lighting.facts import METER_ODD, NO_SITE, NOWHERE, Now, Report, State
from topologies.lighting.limits import Limitations, Limits
from topologies.lighting.meters import Use, metered
from topologies.lighting.plan import Expected, nights_between
from topologies.lighting.reports import reports
from topologies.lighting.rules import BURNING, DARK, DIMMING, DRIVER_FAULT, LAMP_FAULT, sentence
from topologies.runtime.alarms import NONE, Alarms, follow, is_on
from topologies.runtime.model import Mark, Opened, Place, Rule

NIGHT_MARK: Final = "luminaire_night"
SPREAD_US: Final = 26 * HOUR_US
"""What was used between two readings is spread over the time between them, but over no more than this: a day, and what
a report may be late."""
_SECONDS_PER_US: Final = 1.05e-6
"""How fast a counter of seconds rises at most: its node's clock is not ours."""


class LightingLogic:
    """State against plan; counters; faults."""

    def __init__(self, city: City) -> None:
        self._limits = Limitations(city)

    def read(self, reading: ReadingView) -> Sequence[Report]:
        """One report for each time that the reading speaks of; nothing where it does not speak of the lamp."""
        return reports(reading)

    def step(self, before: State | None, given: Report, place: Place | None) -> State:
        """The state that follows."""
        (
            device,
            at_us,
            event_id,
            level,
            lamp_on,
            failure,
            driver,
            power,
            energy,
            energy_at,
            seconds,
            lamp_at,
            flags,
        ) = given
        if place is None:
            return _nowhere(given)
        here = self._limits.of(place)
        limits = here.at(at_us)
        night = limits.plan.night(at_us)
        expected = night.at(at_us)
        prior_us = burning = since_us = held_level = watts = lamp_fault = driver_fault = meter = counter = None
        failed, until_us, alarms = False, at_us, NONE
        if before is not None:
            prior_us, failed, alarms = before.observed_at_us, before.failed, before.alarms
            held_level, watts = before.level_ratio, before.draws_watts
            lamp_fault, driver_fault, meter, counter = (
                before.lamp_fault,
                before.driver_fault,
                before.energy,
                before.lamp,
            )
            if at_us < before.until_us:
                burning, since_us, until_us = before.burning, before.since_us, before.until_us
        if level is not None:
            held_level = level
        measured = _measured(lamp_on, failure, power, limits.standby_watts)
        if measured:
            failed = False
        elif measured is False and expected.burning and held_level != 0:
            failed = True
        shown = measured
        if shown is None and level is not None:
            # A command alone does not light a lamp that was measured dark.
            shown = level > 0 and not failed
        if shown is not None:
            if shown != burning:
                burning, since_us, watts = shown, at_us, None
            until_us = at_us + limits.silence_us
            if limits.is_switched and (off_us := night.off_after_us(at_us)) is not None:
                until_us = min(until_us, off_us)
        if power is not None:
            watts = power
        if failure is not None:
            lamp_fault = failure
        if driver is not None:
            driver_fault = driver
        raised = _raised(
            limits, expected, alarms, shown=shown, level=level, lamp_fault=lamp_fault, driver_fault=driver_fault
        )
        if raised or alarms:
            alarms = follow(alarms, raised, limits.timings, at_us)
        used: Use | None = None
        lit: Use | None = None
        if energy is not None:
            meter, used = metered(meter, energy_at, energy, at_us, limits.most_watt_hours_per_us)
            if meter.odd_us is not None:
                flags = (*flags, METER_ODD)
        if seconds is not None:
            counter, lit = metered(counter, lamp_at, seconds, at_us, _SECONDS_PER_US)
        return State(
            device,
            at_us,
            event_id,
            given,
            place.site,
            place.group or None,
            here.rated_watts,
            night.begin_us,
            prior_us,
            burning,
            since_us,
            until_us,
            failed,
            expected.burning,
            held_level,
            watts,
            lamp_fault,
            driver_fault,
            meter,
            None if used is None else used.amount,
            None if used is None else used.since_us,
            counter,
            None if lit is None else lit.amount,
            None if lit is None else lit.since_us,
            alarms,
            flags,
        )

    def given(self, fact: State) -> Report:
        """The report in a state."""
        return fact.report

    def deadline_us(self, fact: State) -> int | None:
        """When nothing is known of it any more, or its supply was switched off."""
        return fact.until_us if fact.burning is not None else None

    def show(self, fact: State, place: Place | None, as_of_us: int | None) -> Now:
        """The newest state, as long as it holds."""
        if place is None:
            return NOWHERE
        burning, since_us, watts = fact.burning, fact.since_us, fact.draws_watts
        if as_of_us is not None and burning is not None and as_of_us >= fact.until_us:
            # A segment whose supply is switched off at dawn says nothing then, and is off.
            is_off = self._limits.of(place).at(fact.observed_at_us).is_switched and self._is_off(fact, place)
            burning, since_us, watts = (False if is_off else None), fact.until_us, None
        return Now(
            fact.site,
            fact.segment,
            burning,
            since_us,
            fact.should_burn,
            fact.level_ratio,
            watts,
            fact.lamp_fault,
            fact.driver_fault,
            None if fact.energy is None else fact.energy.value,
            None if fact.lamp is None else fact.lamp.value,
        )

    def _is_off(self, fact: State, place: Place) -> bool:
        plan = self._limits.of(place).at(fact.until_us).plan
        return plan.night(fact.until_us).off_after_us(fact.until_us) is None

    def marks(self, before: Now | None, after: Now) -> Collection[Mark]:
        """Nights are counted from facts."""
        del before, after
        return ()

    def marks_of(self, before: State | None, after: State) -> Collection[Mark]:
        """The nights whose figures a new or changed state may change."""
        if before is None:
            return _nights(after)
        return () if before == after else {*_nights(before), *_nights(after)}

    def alarms(self, fact: State) -> Alarms:
        """Its conditions."""
        return fact.alarms

    def opened(self, rule: Rule, fact: State, place: Place) -> Opened:
        """What an alert says."""
        plan = self._limits.of(place).at(fact.observed_at_us).plan
        return sentence(rule, fact, place, plan.night(fact.observed_at_us).at(fact.observed_at_us))


def _nowhere(given: Report) -> State:
    """A report of a device that serves no site."""
    device, at_us, event_id = given[:3]
    flags = (*given.flags, NO_SITE)
    return State(device, at_us, event_id, given, *[None] * 7, at_us, False, *[None] * 11, NONE, flags)  # type: ignore[arg-type, call-arg]  # None for all that may be


def _measured(lamp_on: bool | None, failure: bool | None, power: float | None, standby_watts: float) -> bool | None:  # noqa: FBT001  # they are values
    """Whether a frame shows the lamp burning by more than what it was told."""
    if lamp_on:
        return True
    if failure or lamp_on is False:
        return False
    return None if power is None else power >= standby_watts


def _raised(
    limits: Limits,
    expected: Expected,
    alarms: Alarms,
    *,
    shown: bool | None,
    level: float | None,
    lamp_fault: bool | None,
    driver_fault: bool | None,
) -> Sequence[str]:
    """The rules whose condition is on.

    What was judged stays so until a frame shows the contrary, by day as well: a lamp that is broken for a week is one
    alert and not seven.
    """
    should_burn, ratio = expected
    raised: list[str] = []
    if (shown is False and should_burn) or (shown is not True and alarms and is_on(alarms, DARK)):
        raised.append(DARK)
    if (shown and should_burn is False) or (shown is not False and alarms and is_on(alarms, BURNING)):
        raised.append(BURNING)
    if ratio is None or not level:
        if alarms and is_on(alarms, DIMMING):
            raised.append(DIMMING)
    elif abs(level - ratio) > limits.tolerance_ratio:
        raised.append(DIMMING)
    if lamp_fault:
        raised.append(LAMP_FAULT)
    if driver_fault:
        raised.append(DRIVER_FAULT)
    return [rule for rule in raised if rule in limits.timings] if raised else raised


def _nights(fact: State) -> list[Mark]:
    """The nights that a state and what was used before it belong to."""
    site, at_us, night_us = fact.site, fact.observed_at_us, fact.night_us
    if site is None or night_us is None:
        return []
    first_us = at_us
    for since_us in (fact.prior_us, fact.used_since_us, fact.lit_since_us):
        if since_us is not None and since_us < first_us:
            first_us = since_us
    if first_us >= night_us:
        return [Mark(NIGHT_MARK, site, night_us)]
    first_us = max(first_us, at_us - SPREAD_US)
    return [Mark(NIGHT_MARK, site, begin_us) for begin_us in nights_between(first_us, at_us)]
