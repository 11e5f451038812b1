"""What a raw record says of itself, before anybody has decoded it: kind, time of intake, identity. Pure."""

from __future__ import annotations

from hashlib import sha256

from pipeline.core import ticks
from pipeline.core.deadletter import REPLAYED_HEADER
from pipeline.core.identity import Id, derived_id, frame_id
from pipeline.core.model import Record
from pipeline.decode.duplicates import Seen
from pipeline.decode.reading import AHEAD_US
from pipeline.event.model import UP, Event


def origin_of(record: Record) -> tuple[str, int]:
    """What kind of event a raw record holds (empty where it does not say), and when it was taken in."""
    event, ingested_us = "", None
    # The bridge writes these two first.
    for name, value in record.headers:
        if name == ticks.EVENT_HEADER:
            event = value.decode(errors="replace")
        elif name == "ingested_at" and value.isdigit():
            ingested_us = int(value)
        else:
            continue
        if event and ingested_us is not None:
            break
    return event, record.timestamp * 1000 if ingested_us is None else ingested_us


def is_replayed(record: Record) -> bool:
    """Whether it is a dead letter that was sent again on purpose: then nothing makes it a duplicate."""
    return any(name == REPLAYED_HEADER for name, _ in record.headers)


def seen_of(record: Record, event: Event, ingested_us: int) -> Seen:
    """The identity of an event, and the time under which it is stored: not one that lies ahead of its intake."""
    observed_us = event.time_us
    if observed_us > ingested_us + AHEAD_US:
        observed_us = ingested_us
    if event.type != UP:
        return Seen(record.timestamp, event.event_id, event.time_us, observed_us, event.type, None, 0)
    identity: Id = frame_id(event.device.dev_eui, event.dev_addr, event.f_cnt, f_port=event.f_port, data=event.data)
    return Seen(record.timestamp, event.event_id, event.time_us, observed_us, UP, identity, event.f_cnt)


def seen_unreadable(record: Record, event: str, dev_eui: str) -> Seen:
    """The identity of an event that cannot be read: its bytes."""
    identity = derived_id("unreadable", dev_eui, event, sha256(record.value or b"").hexdigest())
    _, ingested_us = origin_of(record)
    return Seen(record.timestamp, identity, ingested_us, ingested_us, "", None, 0)
