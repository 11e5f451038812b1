"""Turns records into rows of the tables, equal keys collapsed. Pure.

A statement may not touch a row twice, so keys are collapsed here, by the rules that the upserts follow: the result
is the same for any split of the same log into batches. Times stay microseconds and ids hexadecimal until the
database converts them, set-wise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson
from google.protobuf.message import DecodeError

from pipeline.core import ticks
from pipeline.core.deadletter import read_verdict
from pipeline.core.errors import Reason, Reject
from pipeline.core.model import Record, header
from pipeline.core.samples import Form, Forms, Sample, samples_of
from pipeline.database.families import IDENTITY
from schemas.silkstream.v1 import frame_pb2
from schemas.silkstream.v1.reading_view_pb2 import ReadingView

_VERDICTS: Final = {number: name.removeprefix("VERDICT_").lower() for name, number in frame_pb2.Verdict.items()}
_DUPLICATE: Final = frame_pb2.VERDICT_DUPLICATE
_UP: Final = "up"
_WHOLE: Final = frozenset({_UP, "join"})

Row = tuple[Any, ...]
Key = tuple[Any, ...]


@dataclass(slots=True)
class Table:
    """Rows for one table by key, and the record each came from."""

    rows: dict[Key, Row] = field(default_factory=dict)
    origins: dict[Key, Record] = field(default_factory=dict)

    def put(self, key: Key, row: Row, origin: Record) -> None:
        """Set a row; the later one wins."""
        self.rows[key] = row
        self.origins[key] = origin


@dataclass(slots=True)
class Rows:
    """All rows of a batch."""

    frame: Table = field(default_factory=Table)
    link_quality: Table = field(default_factory=Table)
    device: Table = field(default_factory=Table)
    device_latest: Table = field(default_factory=Table)
    dead_letter: Table = field(default_factory=Table)
    readings: dict[str, Table] = field(default_factory=dict)
    """By family."""

    def __len__(self) -> int:
        fixed = (self.frame, self.link_quality, self.device, self.device_latest, self.dead_letter)
        return sum(len(table.rows) for table in (*fixed, *self.readings.values()))


def read_frame(record: Record) -> frame_pb2.Frame:
    """Parse a record of the frame topic.

    Raises:
        Reject: it is no frame.
    """
    try:
        frame = frame_pb2.Frame.FromString(record.value or b"")
    except DecodeError as wrong:
        raise Reject(Reason.RECORD_UNREADABLE, f"not a frame: {wrong}") from wrong
    if not frame.event_id or not frame.dev_eui or not frame.observed_at_us:
        raise Reject(Reason.RECORD_UNREADABLE, "a frame without identity, device or time")
    return frame


def add_frame(rows: Rows, record: Record, frame: frame_pb2.Frame) -> None:
    """Add the rows of a frame."""
    event_id = frame.event_id.hex()
    device = frame.dev_eui
    at = frame.observed_at_us
    duplicate_of = frame.duplicate_of.hex()
    if frame.verdict == _DUPLICATE and duplicate_of == event_id:
        # A repetition: the row of its first arrival says all there is to say.
        return
    up = frame.event == _UP
    rows.frame.put(
        (event_id, at),
        (
            event_id,
            at,
            device,
            frame.event,
            _VERDICTS[frame.verdict],
            frame.reason or None,
            duplicate_of or None,
            frame.frame_id.hex() or None,
            frame.dev_addr or None,
            frame.f_cnt if up else None,
            frame.f_port if up else None,
            frame.data_rate if up else None,
            frame.spreading_factor if up else None,
            frame.payload_bytes if up else None,
            list(frame.flags),
            frame.decoder or None,
            frame.decoder_version or None,
            frame.ingested_at_us,
            record.partition,
            frame.raw_offset,
        ),
        record,
    )
    _add_links(rows.link_quality, record, frame, duplicate_of=duplicate_of)
    if frame.HasField("device"):
        _add_device(rows.device, record, frame)


def _add_links(table: Table, record: Record, frame: Any, *, duplicate_of: str) -> None:
    """One row per gateway; a late copy's gateways join those of the first."""
    event_id, at = (
        (duplicate_of, frame.duplicate_of_us) if duplicate_of else (frame.event_id.hex(), frame.observed_at_us)
    )
    for gateway in frame.gateways:
        key = (event_id, gateway.gateway_id, at)
        row = (*key, frame.dev_eui, gateway.rssi_dbm, gateway.snr_db)
        kept = table.rows.get(key)
        if kept is None or row[4:] > kept[4:]:
            table.put(key, row, record)


def _add_device(table: Table, record: Record, frame: Any) -> None:
    """A device's row is three facts, each with a time of its own; the newest of each is kept."""
    about = frame.device
    at = frame.observed_at_us
    # The other events lack the region, a txack the application's tags: none of them may replace a whole description.
    described_at = at if frame.event in _WHOLE else None
    decoded = (frame.decoder, frame.family, at) if frame.decoder else (None, None, None)
    has_battery = frame.HasField("status") and frame.status.HasField("battery_ratio")
    battery = (frame.status.battery_ratio, at) if has_battery else (None, None)
    key = (frame.dev_eui,)
    described = (
        about.name,
        about.profile,
        about.application,
        about.application_id,
        about.tenant,
        about.device_class,
        frame.region,
        json_of(about.tags),
        described_at,
    )
    row: Row = (frame.dev_eui, *described, *decoded, *battery, at)
    kept = table.rows.get(key)
    if kept is not None:
        row = (
            frame.dev_eui,
            *_newer(kept[1:10], row[1:10]),
            *_newer(kept[10:13], row[10:13]),
            *_newer(kept[13:15], row[13:15]),
            max(kept[15], at),
        )
    table.put(key, row, record)


def json_of(tags: Mapping[str, str]) -> str:
    """Tags as JSON with sorted keys: ChirpStack changes their order from event to event."""
    return orjson.dumps(dict(tags), option=orjson.OPT_SORT_KEYS).decode()


def _newer(kept: Row, new: Row) -> Row:
    """Whichever has the later time, its last member; a missing one is the oldest."""
    return new if (new[-1] or -1) >= (kept[-1] or -1) else kept


class Placed(NamedTuple):
    """Where in a row of its family's table stands what samples of one form say."""

    width: int
    """How many quantity columns the table has."""
    flags: list[str]
    places: tuple[int, ...]
    """Of the values."""
    names: tuple[str, ...]
    """Of the values."""
    states: tuple[tuple[int, str, bool | str], ...]
    """Each with its place and its name."""


def placing(columns: Iterable[str]) -> Forms[Placed]:
    """The forms of a family's readings.

    Args:
        columns: the family's quantity columns, in their order behind the identity columns.
    """
    place_of = {name: place for place, name in enumerate(columns)}

    def place(form: Form) -> Placed:
        for name in (*form.names, *form.states):
            if name not in place_of:
                raise Reject(Reason.RECORD_UNREADABLE, f"the table has no column {name}")
        states = tuple((place_of[name], name, value) for name, value in form.states.items())
        return Placed(len(place_of), list(form.flags), tuple(place_of[name] for name in form.names), form.names, states)

    return Forms(place)


class Said(NamedTuple):
    """A reading and its samples."""

    reading: ReadingView
    samples: Sequence[Sample[Placed]]


def read_reading(record: Record, forms: Forms[Placed]) -> Said:
    """Parse a record of a readings topic.

    Args:
        record: of that topic.
        forms: of the family.

    Raises:
        Reject: it is no reading, or has a quantity that the table lacks, or other values than names.
    """
    try:
        reading = ReadingView.FromString(record.value or b"")
        samples = samples_of(reading, forms)
    except DecodeError as wrong:
        raise Reject(Reason.RECORD_UNREADABLE, f"not a reading: {wrong}") from wrong
    if not reading.event_id or not reading.dev_eui:
        raise Reject(Reason.RECORD_UNREADABLE, "a reading without identity or device")
    return Said(reading, samples)


def add_reading(rows: Rows, family: str, *, record: Record, said: Said) -> None:
    """Add the rows of a reading.

    Args:
        rows: to add to.
        family: whose topic it is.
        record: of that topic.
        said: what it holds.
    """
    reading = said.reading
    event_id = reading.event_id.hex()
    device = reading.dev_eui
    table = rows.readings.get(family)
    if table is None:
        table = rows.readings[family] = Table()
    origin = (
        reading.decoder,
        reading.decoder_version,
        reading.ingested_at_us,
        record.partition,
        reading.raw_offset,
    )
    f_cnt = reading.f_cnt
    latest = rows.device_latest
    newest_of = latest.rows.get
    for at, channel, (width, flags, places, names, states), given in said.samples:
        values: list[Any] = [None] * width
        for column, name, value in (*states, *zip(places, names, given, strict=True)):
            values[column] = value
            place = (device, channel, name)
            newest = newest_of(place)
            if newest is None or (at, event_id) >= (newest[3], newest[6]):
                is_text = isinstance(value, str)
                row = (*place, at, None if is_text else float(value), value if is_text else None, event_id)
                latest.put(place, row, record)
        key = (device, at, channel)
        kept = table.rows.get(key)
        if kept is not None:
            values = [old if new is None else new for new, old in zip(values, kept[len(IDENTITY) :], strict=True)]
        table.put(key, (*key, event_id, f_cnt, flags, *origin, *values), record)


def add_dead_letter(rows: Rows, record: Record) -> None:
    """Add the index row of a record of the dead-letter topic."""
    verdict = read_verdict(record)
    identity = verdict.id.hex()
    if (identity,) in rows.dead_letter.rows:
        return
    rows.dead_letter.put(
        (identity,),
        (
            identity,
            verdict.stage,
            verdict.reason,
            _storable(verdict.detail),
            _storable(record.key.decode(errors="replace")) if record.key else None,
            verdict.topic,
            verdict.partition,
            verdict.offset,
            verdict.decoder or None,
            verdict.decoder_version or None,
            record.partition,
            record.offset,
            record.timestamp * 1000,
        ),
        record,
    )


def _storable(text: str) -> str:
    """PostgreSQL's text has no NUL; the bytes themselves are on the topic."""
    return text.replace("\x00", "\N{SYMBOL FOR NULL}")


def raw_offset_of_tick(record: Record) -> int:
    """The raw offset that a forwarded tick carries."""
    value = header(record, ticks.RAW_OFFSET_HEADER) or b""
    return int(value) if value.isdigit() else -1


def sorted_rows(table: Table) -> list[tuple[Key, Row]]:
    """Rows in key order, so that two workers lock in one order."""
    return sorted(table.rows.items(), key=lambda item: item[0])
