"""Rows are equal for any batches of the same log and any repetition of its blocks.

`Table.upsert` below says in Python what the upserts in pipeline/store/queries.sql and the wide tables' one say in SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.deadletter import dead_letter
from pipeline.core.errors import Reason
from pipeline.core.model import StoredRecord
from pipeline.core.topics import DEAD_LETTER, FRAME, RAW, readings
from pipeline.database.families import IDENTITY
from pipeline.store.rows import Rows, add_dead_letter, add_frame, add_reading, placing, read_frame, read_reading
from schemas.silkstream.v1.frame_pb2 import Device, Frame, Status
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.readings import sample
from tests.unit.pipeline.material import BASE_US

FORMS = placing(["distance_metres", "firmware_version", "tilted"])
DEVICES = ("00000000000000aa", "00000000000000bb")
EVENTS = ("up", "up", "up", "join", "status", "txack", "up")
FRAME_SAID = (4, 5, 6, 14, 15, 16, 17, 18, 19)
"""What a frame's upsert replaces: verdict, reason, duplicate_of, and from the flags on."""

Line = tuple[Any, ...]


class Database(NamedTuple):
    """Tables by name: key -> row."""

    frame: dict[Line, Line]
    link_quality: dict[Line, Line]
    device: dict[Line, Line]
    device_latest: dict[Line, Line]
    dead_letter: dict[Line, Line]
    reading_container: dict[Line, Line]

    def upsert(self, rows: Rows) -> None:
        """Write a batch."""
        for key, row in rows.frame.rows.items():
            kept = list(self.frame.get(key, row))
            for place in FRAME_SAID:
                kept[place] = row[place]
            self.frame[key] = tuple(kept)
        for key, row in rows.link_quality.rows.items():
            if key not in self.link_quality or row[4:6] > self.link_quality[key][4:6]:
                self.link_quality[key] = row
        for key, row in rows.device.rows.items():
            self.device[key] = newest_facts(self.device[key], row) if key in self.device else row
        for key, row in rows.device_latest.rows.items():
            kept_row = self.device_latest.get(key)
            if kept_row is None or (row[3], row[6]) >= (kept_row[3], kept_row[6]):
                self.device_latest[key] = row
        for key, row in rows.dead_letter.rows.items():
            self.dead_letter.setdefault(key, row)
        for key, row in (rows.readings["container"].rows if rows.readings else {}).items():
            width = len(IDENTITY)
            before = self.reading_container.get(key, row)[width:]
            values = [old if new is None else new for new, old in zip(row[width:], before, strict=True)]
            self.reading_container[key] = (*row[:width], *values)


def newest_facts(kept: Line, new: Line) -> Line:
    """`upsert_device`: description (0 to 8, its time last), decoder (9 to 11), battery (12, 13), seen."""
    never = float("-inf")
    described = kept[1:10] if (new[9] or never) < (kept[9] or never) else new[1:10]
    decoded = kept[10:13] if new[12] is None or (kept[12] is not None and new[12] < kept[12]) else new[10:13]
    battery = kept[13:15] if new[14] is None or (kept[14] is not None and new[14] < kept[14]) else new[13:15]
    return (new[0], *described, *decoded, *battery, max(kept[15], new[15]))


def identity(number: int) -> bytes:
    return bytes([number]) * 16


def time_of(number: int) -> int:
    """Three events share a time, so that what is equally new occurs."""
    return BASE_US + number // 3 * 60_000_000


def frame(  # noqa: PLR0917  # hypothesis builds it from drawn parts
    number: int, verdict: int, first: int, name: str, heard: Sequence[tuple[int, int, float]], battery: float | None
) -> Frame:
    """What became of event `number`: device, time and counter follow from it, as they do from a real one."""
    said = Frame(
        event_id=identity(number),
        dev_eui=DEVICES[number % 2],
        event=EVENTS[number % len(EVENTS)],
        verdict=verdict,  # type: ignore[arg-type]  # mypy wants the enum's own type, protobuf takes the number
        observed_at_us=time_of(number),
        f_cnt=number,
        flags=["copy_in_doubt"] * (verdict == 1 and first == 0),
    )
    if verdict == 3:
        said.duplicate_of, said.duplicate_of_us = identity(first), time_of(first)
    if verdict == 4:
        said.reason = "payload_truncated"
    if verdict in {1, 4}:
        said.decoder, said.family = f"decoder {name}", "container"
    if name:
        said.device.CopyFrom(Device(name=name, tags={"b": name, "a": "1"}))
    if battery is not None:
        said.status.CopyFrom(Status(battery_ratio=battery))
    for gateway, rssi, snr in heard:
        said.gateways.add(gateway_id=f"g{gateway}", rssi_dbm=rssi, snr_db=snr)
    return said


numbers = st.integers(min_value=0, max_value=11)
frames = st.builds(
    frame,
    numbers,
    st.sampled_from([1, 1, 2, 3, 4, 6]),
    numbers,
    st.sampled_from(["", "x", "y", "z"]),
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([-90, -80]), st.sampled_from([1.5, -2.0])), max_size=3),
    st.sampled_from([None, None, 0.5, 0.25]),
)
quantities = st.sampled_from(
    [
        ("distance_metres", 1.5),
        ("distance_metres", 2.5),
        ("tilted", True),
        ("firmware_version", "1.2"),
        ("firmware_version", "1.3"),
    ]
)
samples = st.builds(
    lambda minute, channel, said, flags: sample(
        dict(said), at_us=BASE_US + minute * 60_000_000, channel=channel, flags=flags
    ),
    st.integers(0, 2),
    st.integers(0, 1),
    st.lists(quantities, max_size=3, unique_by=lambda said: said[0]),
    st.sampled_from([[], ["uncalibrated"]]),
)
reports = st.builds(
    lambda number, said: Reading(
        event_id=identity(number), dev_eui=DEVICES[number % 2], decoder="level", f_cnt=number, samples=said
    ),
    numbers,
    st.lists(samples, min_size=1, max_size=3),
)
refusals = st.builds(
    lambda offset, reason: StoredRecord(RAW, 0, offset, BASE_US // 1000, b"\xff\x00", b"", (("reason", reason),)),
    numbers,
    st.just(b"kept"),
)


def log_of(messages: Sequence[Frame | Reading | StoredRecord]) -> list[StoredRecord]:
    """The messages as records, with the raw offsets that they came from."""
    log = []
    for offset, message in enumerate(messages):
        if isinstance(message, StoredRecord):
            letter = dead_letter(message, reason=Reason.EVENT_EMPTY, stage="decode", detail="none")
            log.append(StoredRecord(DEAD_LETTER, 0, offset, letter.timestamp, letter.key, letter.value, letter.headers))
            continue
        message.raw_offset = offset
        topic = FRAME if isinstance(message, Frame) else readings("container")
        log.append(StoredRecord(topic, 0, offset, 0, message.dev_eui.encode(), message.SerializeToString()))
    return log


def stored(batches: Sequence[Sequence[StoredRecord]]) -> Database:
    """What the database has after these batches."""
    database = Database({}, {}, {}, {}, {}, {})
    for batch in batches:
        rows = Rows()
        for record in batch:
            if record.topic == FRAME:
                add_frame(rows, record, read_frame(record))
            elif record.topic == DEAD_LETTER:
                add_dead_letter(rows, record)
            else:
                add_reading(rows, "container", record=record, said=read_reading(record, FORMS))
        database.upsert(rows)
    return database


def with_repeated_blocks(log: Sequence[StoredRecord], blocks: Sequence[tuple[int, int]]) -> list[StoredRecord]:
    """The log with blocks (of so many records) written again (so many times), as a killed decode does."""
    repeated, at = list[StoredRecord](), 0
    for size, again in blocks:
        repeated += [*log[at : at + size]] * (again + 1)
        at += size
    return repeated + list(log[at:])


@given(
    st.lists(st.one_of(frames, frames, reports, refusals), min_size=1, max_size=25),
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 2)), max_size=6),
    st.lists(st.integers(0, 60), max_size=10),
)
@settings(max_examples=300, deadline=None)
def test_rows_are_equal_for_any_split_and_any_repeated_blocks(
    messages: list[Frame | Reading | StoredRecord], blocks: list[tuple[int, int]], cuts: list[int]
) -> None:
    log = log_of(messages)
    repeated = with_repeated_blocks(log, blocks)
    edges = sorted({0, len(repeated), *(cut % (len(repeated) + 1) for cut in cuts)})
    one_by_one = stored([[record] for record in log])
    assert stored([log]) == one_by_one
    assert stored([repeated[begin:end] for begin, end in pairwise(edges)]) == one_by_one
