"""Which rows a record becomes, and how equal keys are collapsed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.core.deadletter import dead_letter
from pipeline.core.errors import Reason, Reject
from pipeline.core.model import StoredRecord
from pipeline.store.rows import (
    Rows,
    Table,
    add_dead_letter,
    add_frame,
    add_reading,
    json_of,
    placing,
    raw_offset_of_tick,
    read_frame,
    read_reading,
    sorted_rows,
)
from schemas.silkstream.v1.frame_pb2 import Frame
from schemas.silkstream.v1.reading_pb2 import Form, Reading, Sample, Series
from tests import readings as written
from tests.unit.pipeline.material import BASE_US, EUI, batch_decoder, new_state, numbered, raw, raw_tick, stored

DISTANCE = Form(numbers=["distance_metres"])
FORMS = placing(["distance_metres", "firmware_version", "tilted"])
FIRST, SECOND = b"\x01" * 16, b"\x02" * 16


def rows_of(*records: StoredRecord) -> Rows:
    """The rows of what decode makes of raw records."""
    rows = Rows()
    for record in stored(batch_decoder().decode(new_state(), numbered(records)).records):
        if record.topic.endswith("frame.v1"):
            add_frame(rows, record, read_frame(record))
        elif "readings." in record.topic:
            add_reading(rows, "container", record=record, said=read_reading(record, FORMS))
        else:
            add_dead_letter(rows, record)
    return rows


def only(table: Table) -> tuple[Any, ...]:
    (row,) = table.rows.values()
    return row


def reading(
    identity: bytes, minute: int, values: dict[str, written.Value], *, channel: int = 0, flags: Sequence[str] = ()
) -> Reading:
    sample = written.sample(values, at_us=BASE_US + minute * 60_000_000, channel=channel, flags=flags)
    return Reading(event_id=identity, dev_eui=EUI, samples=[sample], decoder="level", f_cnt=identity[0])


def logged(*series: Series) -> Reading:
    return Reading(event_id=FIRST, dev_eui=EUI, series=series, decoder="level", f_cnt=1)


def torn(sample: Sample) -> bytes:
    return Reading(event_id=FIRST, dev_eui=EUI, samples=[sample]).SerializeToString()


def added(*readings: Reading) -> Rows:
    rows = Rows()
    for offset, each in enumerate(readings):
        record = StoredRecord("readings.container.v1", 0, offset, 0, EUI.encode(), each.SerializeToString())
        add_reading(rows, "container", record=record, said=read_reading(record, FORMS))
    return rows


def test_a_frame_row_says_what_became_of_the_event_and_where_it_lies() -> None:
    rows = rows_of(raw(fCnt=7, dr=5))
    row = only(rows.frame)
    assert row[1:6] == (BASE_US, EUI, "up", "accepted", None)
    assert row[8:14] == ("01020304", 7, 1, 5, 0, 2)
    assert row[15:] == ("level", "1", BASE_US, 0, 0)


def test_a_repetition_adds_nothing() -> None:
    assert len(rows_of(raw(), raw())) == len(rows_of(raw()))
    assert only(rows_of(raw(), raw()).frame)[4] == "accepted"


def test_the_gateways_of_a_late_copy_join_those_of_the_first() -> None:
    near = {"gatewayId": "near", "rssi": -80, "snr": 7}
    far = {"gatewayId": "far", "rssi": -120, "snr": -5}
    rows = rows_of(raw(0, rxInfo=[near]), raw(1, identity="copy", rxInfo=[far, near | {"rssi": -70}]))
    first, copy = rows.frame.rows.values()
    assert (copy[4], copy[6]) == ("duplicate", first[0])
    # Under the first's identity and time, whenever the copy was; of one gateway the better one.
    assert {row[:3] for row in rows.link_quality.rows.values()} == {(first[0], g, BASE_US) for g in ("near", "far")}
    assert {row[1]: row[4] for row in rows.link_quality.rows.values()} == {"near": -70, "far": -120}


@pytest.mark.parametrize("best_first", [True, False])
def test_of_two_links_the_better_counts_whichever_comes_first(best_first: bool) -> None:  # noqa: FBT001  # parametrised
    links = [{"gatewayId": "g", "rssi": -80, "snr": 7}, {"gatewayId": "g", "rssi": -80, "snr": 6.5}]
    row = only(rows_of(raw(rxInfo=links if best_first else links[::-1])).link_quality)
    assert row[4:] == (-80, 7.0)


def test_a_device_is_three_facts_and_the_newest_of_each_counts() -> None:
    rows = rows_of(
        raw(50, tags={"zone": "new"}, fCnt=2),
        raw(40, event="status", batteryLevel=50),
        raw(45, event="status", batteryLevelUnavailable=True),
        raw(10, tags={"zone": "old"}, fCnt=1, identity="late"),
        raw(60, event="log", tags={"zone": "a log has no region, so it describes nothing"}),
    )
    row = only(rows.device)
    assert (row[8], row[9]) == ('{"zone":"new"}', BASE_US + 50_000_000)
    assert row[10:13] == ("level", "container", BASE_US + 50_000_000)
    assert (row[13], row[14]) == (0.5, BASE_US + 40_000_000)
    assert row[15] == BASE_US + 60_000_000


def test_a_device_without_a_decoder_or_battery_has_none() -> None:
    row = only(rows_of(raw(profile="foreign")).device)
    assert row[10:15] == (None,) * 5


def test_tags_are_equal_whatever_their_order() -> None:
    assert json_of({"b": "2", "a": "ä"}) == json_of({"a": "ä", "b": "2"}) == '{"a":"ä","b":"2"}'


def test_equal_keys_fill_each_other_and_the_later_value_wins() -> None:
    rows = added(
        reading(FIRST, 0, {"distance_metres": 1.0, "tilted": True}),
        reading(SECOND, 0, {"distance_metres": 2.0, "firmware_version": "1.2"}),
    )
    row = only(rows.readings["container"])
    assert row[:5] == (EUI, BASE_US, 0, SECOND.hex(), 2)
    assert row[-3:] == (2.0, "1.2", True)


def test_time_and_channel_keep_samples_apart() -> None:
    one: dict[str, written.Value] = {"distance_metres": 1.0}
    rows = added(reading(FIRST, 0, one), reading(FIRST, 1, one), reading(FIRST, 0, one, channel=1))
    assert len(rows.readings["container"].rows) == 3


def test_a_series_is_a_row_for_each_of_its_times() -> None:
    log = written.series({"distance_metres": [1.0, 2.0, 3.0]}, first_at_us=BASE_US, step_us=60_000_000, flags=["odd"])
    rows = added(logged(log))
    made = [reading(FIRST, minute, {"distance_metres": minute + 1.0}, flags=["odd"]) for minute in range(3)]
    one_by_one = added(*made)
    assert rows.readings["container"].rows == one_by_one.readings["container"].rows
    assert rows.device_latest.rows == one_by_one.device_latest.rows
    assert len(rows.readings["container"].rows) == 3


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_latest_value_is_the_newest_measured_not_the_newest_arrived(order: tuple[int, int]) -> None:
    said = [
        reading(FIRST, 5, {"distance_metres": 5.0}),
        reading(SECOND, 3, {"distance_metres": 3.0, "firmware_version": "x"}),
    ]
    latest = added(*(said[place] for place in order)).device_latest.rows
    assert latest[EUI, 0, "distance_metres"][3:] == (BASE_US + 300_000_000, 5.0, None, FIRST.hex())
    assert latest[EUI, 0, "firmware_version"][3:6] == (BASE_US + 180_000_000, None, "x")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_equally_new_values_the_greater_event_wins(order: tuple[int, int]) -> None:
    said = [reading(each, 5, {"distance_metres": float(each[0])}) for each in (FIRST, SECOND)]
    assert only(added(*(said[place] for place in order)).device_latest)[4] == 2.0


def test_a_flag_and_an_integer_have_a_number_among_the_latest() -> None:
    assert only(added(reading(FIRST, 0, {"tilted": True})).device_latest)[4:6] == (1.0, None)


def test_a_dead_letter_has_one_index_row_however_often_it_was_written() -> None:
    letter = dead_letter(raw(offset=5), reason=Reason.EVENT_EMPTY, stage="decode", detail="a\x00b")
    rows = Rows()
    for offset in (7, 8):
        topic, partition, timestamp, key, value, headers = letter
        add_dead_letter(rows, StoredRecord(topic, partition, offset, timestamp, key, value, headers))
    row = only(rows.dead_letter)
    assert row[1:9] == ("decode", "event_empty", "a␀b", EUI, "lorawan.raw.v1", 0, 5, None)
    assert row[10:] == (0, 7, BASE_US)


@pytest.mark.parametrize(
    "value",
    [None, b"", b"\xff\xff", Frame(event_id=FIRST).SerializeToString(), Frame(dev_eui=EUI).SerializeToString()],
)
def test_what_is_no_frame_is_refused(value: bytes | None) -> None:
    with pytest.raises(Reject) as refused:
        read_frame(StoredRecord("t", 0, 0, 0, b"", value))
    assert refused.value.reason is Reason.RECORD_UNREADABLE


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (b"\xff\xff", "not a reading"),
        (b"", "without identity"),
        (reading(FIRST, 0, {"gone": 1}).SerializeToString(), "no column gone"),
        (logged(written.series({"gone": [1]}, first_at_us=1, step_us=1)).SerializeToString(), "no column gone"),
        (reading(FIRST, 0, {"gone": True}).SerializeToString(), "no column gone"),
        (logged(Series(count=2, form=DISTANCE, numbers=[1.0])).SerializeToString(), "without a name for each"),
        (logged(Series(count=1, form=DISTANCE, numbers=[1.0, 2.0])).SerializeToString(), "without a name for each"),
        (torn(Sample(form=DISTANCE)), "without a name for each"),
        (torn(Sample(form=DISTANCE, numbers=[1.0, 2.0])), "without a name for each"),
    ],
)
def test_what_is_no_reading_is_refused(value: bytes, detail: str) -> None:
    with pytest.raises(Reject, match=detail):
        read_reading(StoredRecord("t", 0, 0, 0, b"", value), FORMS)


def test_a_forwarded_tick_says_its_raw_offset() -> None:
    tick, *_ = stored(batch_decoder().decode(new_state(), [raw_tick(1, offset=41)]).records)
    assert raw_offset_of_tick(tick) == 41
    assert raw_offset_of_tick(raw_tick(1)) == -1


def test_rows_are_written_in_the_order_of_their_keys() -> None:
    table = Table()
    for name in "bca":
        table.put((name,), (name,), raw())
    assert [key for key, _ in sorted_rows(table)] == [("a",), ("b",), ("c",)]
