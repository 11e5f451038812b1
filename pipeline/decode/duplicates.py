"""Finds repetitions and late copies, as a function of the raw log alone. Pure.

A verdict depends only on the device's own records, whatever became of them, in the horizon before it by Kafka's
timestamp. So a worker that takes a partition reads it back by that horizon and knows exactly what the one before it
knew, and a replay finds what was found.

- The same event id again is a repetition: MQTT or a killed bridge delivered twice.
- The same radio frame under another event id is a late copy, where the two events' times differ by less than a minute
  and the device neither joined nor fell back in fCnt between them.
- In doubt the frame is kept, flagged: a parking frame is one byte, and an ABP device begins again at fCnt 0.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from pipeline.core.clock import MINUTE_US
from pipeline.core.identity import Id
from pipeline.event.model import JOIN, UP

COPY_US: Final = MINUTE_US
"""How far apart in time two copies of one transmission may be."""
ORDERED_MS: Final = 60_000
"""How far Kafka timestamps of one partition may run backwards (two bridges' clocks): so much longer is remembered, or
a verdict would depend on what was already forgotten."""
COPY_IN_DOUBT: Final = "copy_in_doubt"


class Seen(NamedTuple):
    """One record of a device, as far as duplicates go."""

    timestamp: int
    """Kafka's, in milliseconds."""
    event_id: Id
    time_us: int
    """When the event says that it was."""
    observed_us: int
    """The time under which it is stored: another one where the event's is ahead."""
    kind: str
    frame_id: Id | None
    f_cnt: int


class Finding(NamedTuple):
    """What a record is: `duplicate_of` the event that was first, or new; `in_doubt` where it might be a copy."""

    duplicate_of: Id | None = None
    duplicate_of_us: int = 0
    in_doubt: bool = False


NEW: Final = Finding()
IN_DOUBT: Final = Finding(in_doubt=True)


class _Device:
    __slots__ = ("by_event", "by_frame", "records")

    def __init__(self) -> None:
        self.records: deque[Seen] = deque()
        self.by_event: dict[Id, Seen] = {}
        self.by_frame: dict[Id, Seen] = {}

    def forget_until(self, timestamp: int) -> None:
        records = self.records
        while records and records[0].timestamp <= timestamp:
            gone = records.popleft()
            if self.by_event.get(gone.event_id) is gone:
                del self.by_event[gone.event_id]
            if gone.frame_id is not None and self.by_frame.get(gone.frame_id) is gone:
                del self.by_frame[gone.frame_id]


class History:
    """What is remembered of one partition's devices."""

    def __init__(self, horizon_ms: int) -> None:
        self._horizon_ms = horizon_ms
        self._devices: dict[str, _Device] = {}

    def __len__(self) -> int:
        return len(self._devices)

    def judge(self, dev_eui: str, seen: Seen) -> Finding:
        """Say what a record is, and remember it."""
        device = self._devices.get(dev_eui)
        if device is None:
            device = self._devices[dev_eui] = _Device()
        oldest = seen.timestamp - self._horizon_ms
        if device.records and device.records[0].timestamp <= oldest - ORDERED_MS:
            device.forget_until(oldest - ORDERED_MS)
        same_event = device.by_event.get(seen.event_id)
        same_frame = device.by_frame.get(seen.frame_id) if seen.frame_id is not None else None
        if same_event is not None and same_event.timestamp > oldest:
            finding = Finding(seen.event_id, same_event.observed_us)
        elif same_frame is not None and same_frame.timestamp > oldest:
            finding = _copy_of(device.records, seen, oldest)
        else:
            finding = NEW
        device.records.append(seen)
        if same_event is None or same_event.timestamp <= seen.timestamp:
            device.by_event[seen.event_id] = seen
        if seen.frame_id is not None and (same_frame is None or same_frame.timestamp <= seen.timestamp):
            device.by_frame[seen.frame_id] = seen
        return finding

    def forget_silent(self, now: int) -> None:
        """Drop devices of which nothing is left within the horizon before `now` (Kafka's timestamp, ms)."""
        # Once for the clock of what is still to come, once for that of what came before the last record.
        oldest = now - self._horizon_ms - 2 * ORDERED_MS
        silent = [eui for eui, device in self._devices.items() if device.records[-1].timestamp <= oldest]
        for eui in silent:
            del self._devices[eui]


def _copy_of(records: deque[Seen], seen: Seen, oldest: int) -> Finding:
    """Which earlier uplink this is a late copy of; rare, so it looks at the device's whole window."""
    candidates = [
        earlier
        for earlier in records
        if earlier.frame_id == seen.frame_id
        and earlier.timestamp > oldest
        and abs(earlier.time_us - seen.time_us) < COPY_US
    ]
    for candidate in candidates:
        if not _began_again_after(records, candidate, oldest):
            return Finding(candidate.event_id, candidate.observed_us)
    return IN_DOUBT


def _began_again_after(records: deque[Seen], candidate: Seen, oldest: int) -> bool:
    """Whether the device joined or fell back in fCnt behind the candidate.

    A copy of an earlier frame is no fall, and a join delivered again is no new join.
    """
    known: set[Id] = set()
    highest = candidate.f_cnt
    behind = False
    for record in records:
        if record.timestamp <= oldest:
            continue
        if behind:
            if record.kind == JOIN and record.event_id not in known:
                return True
            if record.kind == UP:
                if record.f_cnt < highest and record.frame_id not in known:
                    return True
                highest = max(highest, record.f_cnt)
        elif record is candidate:
            behind = True
        known.add(record.event_id if record.frame_id is None else record.frame_id)
    return False
