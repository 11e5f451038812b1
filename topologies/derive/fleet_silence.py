"""Who is silent, and whose fault it is; pure.

A device that nobody hears may be well, and its gateway not. So a silence is told only when one of the gateways that
usually hear the device has heard somebody after it was due; where all of them were silent themselves, when they have
been back for as long as the device may be silent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.core.clock import DAY_US
from pipeline.core.identity import Id

NOT_YET_US: Final = 2**62
"""A time that never comes."""


class Silence(NamedTuple):
    """A device was silent for longer than it may be."""

    device: str
    since_us: int
    """The last sign of life."""
    due_us: int
    """When it had been too long."""
    ended_us: int | None
    """The next sign of life, or the end of the assignment; None while it is silent."""
    usual: tuple[str, ...]
    """The gateways that usually hear it."""
    event_id: Id
    site: str
    """What it served, or the device itself."""
    group: str
    name: str


class Outage(NamedTuple):
    """An alert of a gateway."""

    id: Id
    since_us: int
    resolved_us: int | None


class Verdict(NamedTuple):
    """When people hear of a silence, and what explained it."""

    tells_us: int
    cause: Id | None


def judge(
    silence: Silence, outages: Mapping[str, Sequence[Outage]], heard: Mapping[tuple[str, int], int | None]
) -> Verdict:
    """Say when a silence is to be told.

    Args:
        silence: of a device.
        outages: alerts by gateway, at least those that touch the silence.
        heard: by gateway and the time when the device was due: the first minute from then on in which the gateway heard
            somebody; None or missing where there was none yet.
    """
    if not silence.usual:
        return Verdict(silence.due_us, None)
    allowed_us = silence.due_us - silence.since_us
    tells_us = NOT_YET_US
    causes: list[Outage] = []
    for gateway in silence.usual:
        mine = [
            outage
            for outage in outages.get(gateway, ())
            if outage.since_us < silence.due_us
            and (outage.resolved_us is None or outage.resolved_us > silence.since_us)
        ]
        if mine:
            last = max(mine, key=lambda outage: outage.since_us)
            causes.append(last)
            if last.resolved_us is not None:
                tells_us = min(tells_us, last.resolved_us + allowed_us)
        else:
            again_us = heard.get((gateway, silence.due_us))
            if again_us is not None:
                tells_us = min(tells_us, again_us)
    # The one that fell silent last has made the device unheard.
    is_explained = len(causes) == len(silence.usual)
    cause = max(causes, key=lambda outage: (outage.since_us, outage.id)).id if is_explained else None
    return Verdict(max(tells_us, silence.due_us), cause)


def allowed_gap_us(minutes: int, span_us: int, *, factor: float, minimum_us: int) -> int:
    """How long a gateway may hear nobody.

    Frames of many devices come at random (a Poisson process): a gap of k times the mean one has the probability e^-k
    (W. Feller, An Introduction to Probability Theory and Its Applications, vol. 2, I.4).

    Args:
        minutes: of the last day in which it heard somebody.
        span_us: from the first of them to the last.
        factor: k.
        minimum_us: never less than this.
    """
    mean_us = span_us / (minutes - 1) if minutes > 1 else DAY_US
    return max(minimum_us, round(factor * mean_us))
