"""Which containers to empty on a day and which can wait, from what was known when the round begins; pure.

A day's list is a function of the facts from before its round, of the places as they were then, and of the rules. So
late data and corrected sites come to the list that the right data would have given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pipeline.city.model import City
from pipeline.core.clock import from_us, to_us
from pipeline.core.model import DevEui
from topologies.container.facts import SUSPECTED_FULL
from topologies.container.limits import FAMILY, Limitations
from topologies.container.parameters import ContainerParameters
from topologies.container.rules import OVERFULL
from topologies.container.trend import UNKNOWN, Foretold, Trend, foretell, rate_of
from topologies.runtime.alarms import Alarms, is_on
from topologies.runtime.episodes import same_assignment
from topologies.runtime.places import Places

ZONE: Final = ZoneInfo("Europe/Berlin")
Reason = Literal["overfull", "full", "suspected_full", "expected_full", "not_emptied"]
_URGENCY: Final[tuple[Reason, ...]] = ("overfull", "full", "suspected_full", "expected_full", "not_emptied")


class Known(NamedTuple):
    """What the last fact of a device before a round says."""

    device: DevEui
    observed_at_us: int
    fill_ratio: float | None
    is_full: bool | None
    due_us: int | None
    trend: Trend | None
    alarms: Alarms
    flags: tuple[str, ...]


class Stop(NamedTuple):
    """A container on a day's list."""

    material: str
    """Empty where its site does not say."""
    site: str
    name: str
    group: str
    device: DevEui
    reason: Reason | None
    """Why it is to be emptied; None: it can wait."""
    fill_ratio: float | None
    full_us: int | None
    """When it will be full, if it goes on so …"""
    full_earliest_us: int | None
    full_latest_us: int | None
    """… and between what and what that lies; None: not in sight."""
    due_us: int | None
    observed_at_us: int


def round_us(city: City, day: date) -> int:
    """When the round of a legal day begins: its list is made of what was measured before."""
    midnight = datetime.combine(day, time(), ZONE)
    hour = city.timeline(ContainerParameters, FAMILY).at(to_us(midnight)).route_hour
    return to_us(midnight.replace(hour=hour))


def rounds(city: City, *, from_us: int, until_us: int) -> Iterator[int]:
    """When the rounds begin that do so after a time, and not after another."""
    day, last = day_of(from_us), day_of(until_us)
    while day <= last:
        begin_us = round_us(city, day)
        if from_us < begin_us <= until_us:
            yield begin_us
        day += timedelta(days=1)


def day_of(at_us: int) -> date:
    """The legal day of a time."""
    return from_us(at_us).astimezone(ZONE).date()


def stops_of(known: Iterable[Known], places: Places, limitations: Limitations, begin_us: int) -> list[Stop]:
    """All containers by material, those to be emptied first and the most urgent ones before the others.

    Args:
        known: of each device its last fact before the round.
        places: of all devices.
        limitations: what containers are judged by.
        begin_us: of the round.
    """
    by_site: dict[str, tuple[int, Stop]] = {}
    for each in known:
        stop = _stop(each, places, limitations, begin_us)
        # A site with two devices is one container: the one that spoke last speaks for it.
        if stop is not None and by_site.get(stop.site, (-1, stop))[0] < each.observed_at_us:
            by_site[stop.site] = (each.observed_at_us, stop)
    return sorted((stop for _, stop in by_site.values()), key=_order)


def _stop(known: Known, places: Places, limitations: Limitations, begin_us: int) -> Stop | None:
    place = places.at(known.device, begin_us)
    if place is None or not same_assignment(place, places.at(known.device, known.observed_at_us)):
        return None
    limits = limitations.of(place).at(begin_us)
    full = UNKNOWN
    if known.trend is not None and known.fill_ratio is not None:
        full = foretell(rate_of(known.trend), at_us=known.observed_at_us, level=known.fill_ratio, goal=1.0)
    return Stop(
        material=str(place.attributes.get("material") or ""),
        site=place.site,
        name=place.name,
        group=place.group,
        device=known.device,
        reason=_reason(known, full, begin_us + limits.route_horizon_us),
        fill_ratio=known.fill_ratio,
        full_us=full.at_us,
        full_earliest_us=full.earliest_us,
        full_latest_us=full.latest_us,
        due_us=known.due_us,
        observed_at_us=known.observed_at_us,
    )


def _reason(known: Known, full: Foretold, next_us: int) -> Reason | None:
    if is_on(known.alarms, OVERFULL):
        return "overfull"
    if known.is_full:
        return "full"
    if SUSPECTED_FULL in known.flags:
        return "suspected_full"
    # By the earliest time: whoever is left out has to last until the next round, so doubt speaks against waiting.
    if full.earliest_us is not None and full.earliest_us < next_us:
        return "expected_full"
    if known.due_us is not None and known.due_us < next_us:
        return "not_emptied"
    return None


def _order(stop: Stop) -> tuple[object, ...]:
    never_us = 2**63
    urgency = len(_URGENCY) if stop.reason is None else _URGENCY.index(stop.reason)
    soonest_us = (stop.due_us if stop.reason == "not_emptied" else stop.full_earliest_us) or never_us
    return stop.material, urgency, soonest_us, -(stop.fill_ratio or 0.0), stop.site
