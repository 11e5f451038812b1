"""Ticks: time that travels in the stream.

A tick says "everything up to `as_of` has been handed over". The bridge's own session delivers it behind the
frames it vouches for, decode forwards it, and deadlines fire on nothing else. So while our own intake is down
nobody is called silent, and a replay fires exactly what was fired.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from pipeline.core.clock import from_rfc3339, from_us, to_us
from pipeline.core.cloudevents import Time
from pipeline.core.model import Record, header

TICK: Final = b"tick"
EVENT_HEADER: Final = "event"
RAW_OFFSET_HEADER: Final = "raw_offset"


class Tick(NamedTuple):
    """One bridge's word: all it will ever hand over from before `as_of_us` is handed over."""

    bridge: str
    as_of_us: int
    retired: bool = False
    """The bridge says goodbye: from here on its word is not waited for."""


class TickValue(msgspec.Struct, omit_defaults=True):
    """The JSON of a tick."""

    bridge: str
    as_of: Time
    retired: bool = False


_decoder: Final = msgspec.json.Decoder(TickValue)


def is_tick(record: Record) -> bool:
    """Whether the record is a tick; ticks have no key."""
    return record.key is None and header(record, EVENT_HEADER) == TICK


def read_tick(value: bytes | None) -> Tick:
    """Parse a tick's JSON: `{"bridge": "b1", "as_of": "2026-01-01T00:00:00+00:00"}`.

    Raises:
        ValueError: it is no tick.
    """
    try:
        wire = _decoder.decode(value or b"")
        return Tick(wire.bridge, to_us(from_rfc3339(wire.as_of)), wire.retired)
    except msgspec.MsgspecError as wrong:
        raise ValueError(f"not a tick: {wrong}") from wrong


def write_tick(tick: Tick) -> bytes:
    """The JSON of a tick."""
    return msgspec.json.encode(TickValue(tick.bridge, from_us(tick.as_of_us).isoformat(), tick.retired))


def advance(bridges: Mapping[str, int], tick: Tick) -> dict[str, int]:
    """What each bridge vouches for after this tick (microseconds by bridge); time never goes back."""
    after = dict(bridges)
    if tick.retired:
        after.pop(tick.bridge, None)
    else:
        after[tick.bridge] = max(tick.as_of_us, after.get(tick.bridge, tick.as_of_us))
    return after


def as_of(bridges: Mapping[str, int]) -> int | None:
    """Up to when everything is here: the least over the bridges, None while none has spoken."""
    return min(bridges.values(), default=None)
