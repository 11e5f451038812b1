"""How often each device speaks, by which gateways, and when it has been silent for too long; pure.

Any frame is a sign of life, also one that nobody can decode. Whether a silence is the device's own fault or its
gateway's is not seen from here: that takes all devices, and derive decides it from these facts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isfinite
from sys import intern
from typing import Final

from pipeline.city.model import City
from pipeline.core.clock import DAY_US, SECOND_US
from pipeline.core.model import DevEui
from schemas.silkstream.v1.frame_pb2 import VERDICT_DUPLICATE, Frame
from topologies.fleet.facts import Life, Now, Sign
from topologies.fleet.limits import Limitations, due_us
from topologies.runtime.alarms import NONE, Alarms
from topologies.runtime.model import Mark, Opened, Place, Rule

SILENCE_MARK: Final = "fleet_silence"
DAY_MARK: Final = "fleet_day"
"""The store leaves it too, for what derive reads of its tables."""
GAPS: Final = 9
"""So many gaps are remembered; their median bears four that are no interval: losses, silences, bursts."""
FEWEST_GAPS: Final = 4
MEMORY: Final = 8
"""A gateway that heard none of the last eight frames is no usual one any more."""
_SIGNS: Final = frozenset({"up", "join", "status"})
"""An `ack` comes with an uplink; `txack` and `log` are said by the network, `location` by a computer."""
_STATUS: Final = "status"


class FleetLogic:
    """Signs of life, and the silence that each allows."""

    def __init__(self, city: City) -> None:
        self._limits = Limitations(city)

    def read(self, frame: Frame) -> Sequence[Sign]:
        """The sign of life in a frame; none where it is a repetition of an event."""
        event = frame.event
        if event not in _SIGNS:
            return ()
        event_id = frame.event_id
        is_copy = frame.verdict == VERDICT_DUPLICATE
        if is_copy and frame.duplicate_of == event_id:
            return ()
        at_us = frame.observed_at_us
        ratio: float | None = None
        if event == _STATUS:
            # It came with an uplink, perhaps of the very same time; that one must not be taken for its repetition.
            at_us += 1
            if frame.status.HasField("battery_ratio") and isfinite(frame.status.battery_ratio):
                ratio = frame.status.battery_ratio
        return (
            Sign(
                DevEui(frame.dev_eui),
                at_us,
                event_id,
                frame.raw_offset,
                event,
                is_copy,
                frame.device.profile,
                frame.family,
                # One object for each gateway of the city.
                tuple(sorted({intern(gateway.gateway_id) for gateway in frame.gateways[:]})),
                ratio,
            ),
        )

    def step(self, before: Life | None, given: Sign, place: Place | None) -> Life:
        """The fact that follows."""
        _, at_us, _, _, event, is_copy, profile, family, gateways, _ = given
        limits = self._limits.of(place).at(at_us)
        gaps: tuple[int, ...] = ()
        silent_from_us: int | None = None
        if before is None:
            usual, missed = gateways, (0,) * len(gateways)
        else:
            family = family or before.known_family
            gaps = before.gaps
            if not is_copy and event != _STATUS:
                gaps = (*gaps[1 - GAPS :], round((at_us - before.observed_at_us) / SECOND_US))
            usual, missed = before.usual, before.missed
            if gateways and (gateways != usual or any(missed)):
                usual, missed = _usual(usual, missed, gateways, ageing=0 if is_copy else 1)
            if at_us > before.due_us:
                silent_from_us = before.observed_at_us
        interval = limits.intervals.get(profile)
        if interval is None:
            interval = limits.intervals.get(family)
        if interval is None and len(gaps) >= FEWEST_GAPS:
            interval = sorted(gaps)[len(gaps) // 2]
        if interval is None:
            allowed = limits.unknown_seconds
        else:
            allowed = max(limits.minimum_seconds, round(limits.factor * interval))
        return Life(
            *given,
            None if place is None else place.site,
            family,
            gaps,
            interval,
            due_us(at_us, allowed * SECOND_US, limits.quiet),
            usual,
            missed,
            silent_from_us,
        )

    def given(self, fact: Life) -> Sign:
        """The sign in a fact."""
        return Sign(*fact[:10])

    def deadline_us(self, fact: Life) -> int | None:
        """Time alone changes nothing that is shown: silence is derive's."""
        del fact
        return None

    def show(self, fact: Life, place: Place | None, as_of_us: int | None) -> Now:
        """Where the device is now."""
        del fact, as_of_us
        return Now(None if place is None else place.site)

    def marks(self, before: Now | None, after: Now) -> Collection[Mark]:
        """Nothing: who has to know where a device is looks there."""
        del before, after
        return ()

    def marks_of(self, before: Life | None, after: Life) -> Collection[Mark]:
        """A silence that has ended; and all that late data have changed, since a silence may begin or end there.

        And the day of a charge: the store may be ahead, and derive have made up the day from its mark already.
        """
        silent_from_us = after.silent_from_us
        if before is None:
            if silent_from_us is None and after.reported_ratio is None:
                return ()
            times: tuple[int | None, ...] = (silent_from_us,)
        elif before == after:
            return ()
        else:
            times = (before.silent_from_us, silent_from_us, after.observed_at_us)
        marks: list[Mark] = []
        if known := [each for each in times if each is not None]:
            marks.append(Mark(SILENCE_MARK, after.device, min(known)))
        if after.reported_ratio != (None if before is None else before.reported_ratio):
            marks.append(Mark(DAY_MARK, after.device, after.observed_at_us // DAY_US * DAY_US))
        return marks

    def alarms(self, fact: Life) -> Alarms:
        """None: they are derive's."""
        del fact
        return NONE

    def opened(self, rule: Rule, fact: Life, place: Place) -> Opened:
        """Never asked, as there are no rules here."""
        raise NotImplementedError


def _usual(
    usual: Sequence[str], missed: Sequence[int], gateways: Sequence[str], *, ageing: int
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Who heard one of the last frames, from that before and who heard this one."""
    ages = {gateway: age + ageing for gateway, age in zip(usual, missed, strict=True) if age + ageing < MEMORY}
    ages |= dict.fromkeys(gateways, 0)
    names = tuple(sorted(ages))
    return names, tuple([ages[name] for name in names])
