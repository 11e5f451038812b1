"""Counters that run on over the years: what was used between two readings of one; pure.

A counter of 32 bits begins anew behind its last value, and one that was reset begins at nought. A value that the lamp
cannot have come to counts only when the next one goes on from there: one wrong value leaves no trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

TURN: Final = 2**32


class Meter(NamedTuple):
    """A counter's last reading."""

    channel: int
    """0: the node's own; else a driver's."""
    value: float
    at_us: int
    odd_value: float | None = None
    """A reading after it that cannot be, unless the next one bears it out."""
    odd_us: int | None = None


class Use(NamedTuple):
    """What was used, in the counter's unit, since a time."""

    amount: float
    since_us: int


def metered(
    before: Meter | None, channel: int, value: float, at_us: int, most_per_us: float
) -> tuple[Meter, Use | None]:
    """A counter with a further reading, and what was used since the last one.

    Args:
        before: what is known of the device's counter at its site.
        channel: whose reading it is: the node's own counter (0) takes the place of a driver's, never the other way.
        value: the reading.
        at_us: its time.
        most_per_us: how fast the counter can rise.
    """
    if before is None or channel < before.channel:
        return Meter(channel, value, at_us), None
    if channel > before.channel:
        return before, None
    _, last, last_us, odd, odd_us = before
    used = _risen(last, value, (at_us - last_us) * most_per_us)
    if used is not None:
        return Meter(channel, value, at_us), Use(used, last_us)
    if odd is not None and odd_us is not None:
        since = _risen(odd, value, (at_us - odd_us) * most_per_us)
        if since is not None:
            # After a reset the counter has told of all since then; another counter has told of what it saw.
            is_reset = value <= (at_us - last_us) * most_per_us
            return Meter(channel, value, at_us), Use(value, last_us) if is_reset else Use(since, odd_us)
    return Meter(channel, last, last_us, value, at_us), None


def _risen(last: float, value: float, most: float) -> float | None:
    """By how much a counter has risen; None where it cannot have."""
    used = value - last
    if used < 0:
        used += TURN
    # The counter's own step is a unit: two readings may be that much further apart than what was used.
    return used if used <= most + 1 else None


def read_meter(row: Sequence[float | None] | None) -> Meter | None:
    """A counter from a column."""
    if row is None:
        return None
    channel, value, at_us, *odd = row
    odd_value, odd_us = odd or (None, None)
    return Meter(int(channel or 0), value or 0.0, int(at_us or 0), odd_value, None if odd_us is None else int(odd_us))
