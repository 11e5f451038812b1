"""Reads a partition's records into inputs by device, ticks and rejects; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, TypeAlias

from google.protobuf.message import DecodeError

from pipeline.core import ticks
from pipeline.core.clock import from_us
from pipeline.core.errors import Reason
from pipeline.core.identity import Id
from pipeline.core.model import DevEui, Record, header
from schemas.silkstream.v1.reading_view_pb2 import ReadingView
from topologies.runtime.model import I, Logic, Message

_DEV_EUI: Final = re.compile(r"[0-9a-f]{16}")
_FIRST_US: Final = 1
_LATEST_US: Final = 4_102_444_800_000_000  # 2100: nothing that the database could not store
_NO_TIME: Final = "its time, or a sample's, is not between 1970 and 2100"


Given: TypeAlias = tuple[I, Record]
"""An input and the record it came in."""


class Refusal(NamedTuple):
    """A record on its way to the dead letters."""

    record: Record
    reason: Reason
    detail: str


@dataclass(slots=True)
class Intake(Generic[I]):
    """What was in a partition's records."""

    raw_offset: int
    bridges: Mapping[str, int]
    given: dict[DevEui, list[Given[I]]] = field(default_factory=dict)
    """Inputs by device, in the order of the records."""
    refusals: list[Refusal] = field(default_factory=list)
    discarded: Counter[str] = field(default_factory=Counter)
    """Records that end here, by reason."""
    ticked: int = 0
    newest_us: int = 0


def take_in(
    logic: Logic[I, Any, Any],
    records: Sequence[Record],
    *,
    message: type[Message] = ReadingView,
    raw_offset: int,
    bridges: Mapping[str, int],
) -> Intake[I]:
    """Read the records of one partition.

    Args:
        logic: says what of a message concerns it.
        records: in offset order.
        message: what they hold.
        raw_offset: the highest one seen; what is not above it is a repeated block.
        bridges: what each bridge vouched for before.
    """
    taken: Intake[I] = Intake(raw_offset, bridges)
    given = taken.given
    parse = message.FromString
    for record in records:
        if record.key is None and ticks.is_tick(record):
            _tick(taken, record)
            continue
        try:
            reading = parse(record.value or b"")
            device = DevEui(reading.dev_eui)
            mine = given.get(device)
            if mine is None:
                _check_device(device)
            observed_us = reading.observed_at_us
            _check(observed_us, reading.event_id)
        except (DecodeError, ValueError) as unreadable:
            taken.refusals.append(_unreadable(record, unreadable))
            continue
        raw_offset = reading.raw_offset
        if raw_offset <= taken.raw_offset:
            taken.discarded["repeated_block"] += 1
            continue
        taken.raw_offset = raw_offset
        try:
            inputs = logic.read(reading)
        except DecodeError as unreadable:
            taken.refusals.append(_unreadable(record, unreadable))
            continue
        except Exception as bug:  # noqa: BLE001  # a poison reading must not stop the ones behind it
            taken.refusals.append(Refusal(record, Reason.LOGIC_FAILED, repr(bug)))
            continue
        if not inputs:
            taken.discarded["not_measured"] += 1
            continue
        for each in inputs:
            if not _FIRST_US <= each.observed_at_us < _LATEST_US:
                taken.refusals.append(_unreadable(record, _NO_TIME))
                break
        else:
            if mine is None:
                mine = given[device] = []
            for each in inputs:
                mine.append((each, record))
            taken.newest_us = max(taken.newest_us, observed_us)
    return taken


def _unreadable(record: Record, why: Exception | str) -> Refusal:
    return Refusal(record, Reason.RECORD_UNREADABLE, f"not what its topic holds: {why}")


def _check_device(device: str) -> None:
    if not _DEV_EUI.fullmatch(device):
        raise ValueError(f"{device!r} is no DevEUI")


def _check(at_us: int, event_id: Id) -> None:
    if not _FIRST_US <= at_us < _LATEST_US:
        raise ValueError(_NO_TIME)
    if len(event_id) != 16:
        raise ValueError("it has no event id")


def _tick(taken: Intake[Any], record: Record) -> None:
    try:
        tick = ticks.read_tick(record.value)
        from_us(tick.as_of_us)
        raw_offset = int(header(record, ticks.RAW_OFFSET_HEADER) or b"-1")
    except (ValueError, OverflowError) as unreadable:
        taken.refusals.append(Refusal(record, Reason.RECORD_UNREADABLE, str(unreadable)))
        return
    if raw_offset != -1:
        if raw_offset <= taken.raw_offset:
            taken.discarded["repeated_block"] += 1
            return
        taken.raw_offset = raw_offset
    taken.bridges = ticks.advance(taken.bridges, tick)
    taken.ticked += 1
