"""Flow from volumes; pure.

A meter tells volumes, and its log tells each of them several times. Only what is later than all that is known is
counted. Flow is the rise of the volume over an interval, and an interval is long enough for the meter's step to show
the least flow that matters: two volumes a minute apart say nothing about rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.clock import HOUR_US
from topologies.water.facts import VOLUME_JUMP, VOLUME_RESET, VOLUME_ROLLOVER, Low, Track, Volume, Volumes
from topologies.water.limits import Limits


class Counted(NamedTuple):
    """What some volumes add to a track."""

    track: Track
    used_litres: float | None
    """None where nothing was added."""
    peak: float | None
    """The greatest flow of a completed interval [l/h]."""
    burst: bool | None
    """Whether a stretch was fast for long enough; None where no interval was completed."""
    fell: bool
    """Water flowed back."""
    flags: tuple[str, ...]


def begun(volume: Volume) -> Track:
    """A track that knows one volume."""
    at_us, litres = volume
    return Track(at_us, litres, at_us, litres, at_us, at_us, None, ())


def count(track: Track, volumes: Sequence[Volumes], limits: Limits) -> Counted:
    """Count the volumes that are later than the track.

    Args:
        track: how the volume went so far.
        volumes: in the order of time.
        limits: of the meter's place.
    """
    last_us, last, anchor_us, anchor, known_from_us, still_us, fast_us, lows = track
    newest = volumes[-1].litres[-1] if volumes else last
    used: float | None = None
    peak: float | None = None
    burst: bool | None = None
    fell = False
    flags: tuple[str, ...] = ()
    for at_us, litres in [volume for each in volumes for volume in each.after(last_us)]:
        rise = litres - last
        if rise < 0 and newest >= last:
            # The log goes by the meter's clock, the newest volume by ours: what is out of line is known already.
            continue
        hours = (at_us - last_us) / HOUR_US
        most = limits.most_litres_per_hour * max(hours, 1.0)
        if rise < 0 and limits.rollover_litres and rise + limits.rollover_litres <= most:
            rise += limits.rollover_litres
            anchor -= limits.rollover_litres
            flags = (*flags, VOLUME_ROLLOVER)
        if rise <= -limits.reset_litres or rise > most:
            flags = (*flags, VOLUME_RESET if rise < 0 else VOLUME_JUMP)
            last_us, last, anchor_us, anchor, known_from_us, still_us, fast_us, lows = begun((at_us, litres))
            continue
        if rise < 0:
            fell = True
            anchor = min(anchor, litres)
        elif rise > 0:
            still_us = at_us
        used = (used or 0.0) + rise
        last_us, last = at_us, litres
        length_us = at_us - anchor_us
        if length_us < limits.interval_us:
            continue
        rise = litres - anchor
        if rise >= limits.resolution_litres and length_us > limits.gap_us:
            known_from_us, fast_us, lows = at_us, None, ()
        else:
            flow = rise * HOUR_US / length_us
            lows = _with_low(lows, Low(at_us, flow), at_us - limits.leak_us)
            peak = flow if peak is None else max(peak, flow)
            if flow >= limits.burst_litres_per_hour:
                fast_us = anchor_us if fast_us is None else fast_us
                burst = burst or at_us - fast_us >= limits.burst_us
            else:
                fast_us, burst = None, burst or False
        anchor_us, anchor = at_us, litres
    after = Track(last_us, last, anchor_us, anchor, known_from_us, still_us, fast_us, lows)
    return Counted(after, used, peak, burst, fell, flags)


def is_leaking(track: Track, limits: Limits, *, before: bool) -> bool:
    """Whether water has not rested for the whole window; where that is not known yet, it is as it was before."""
    if not track.lows:
        return before
    if track.lows[0].flow < limits.leak_litres_per_hour:
        return False
    return before or track.lows[-1].end_us - track.known_from_us >= limits.leak_us


def _with_low(lows: tuple[Low, ...], low: Low, from_us: int) -> tuple[Low, ...]:
    """The smallest flow of a sliding window: what is greater than a later one can never be it."""
    end = len(lows)
    while end and lows[end - 1].flow >= low.flow:
        end -= 1
    begin = 0
    while begin < end and lows[begin].end_us <= from_us:
        begin += 1
    return (*lows[begin:end], low)
