"""What decode makes of each kind of record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from decoders.api import DecodeError, Sample
from pipeline.core.deadletter import REPLAYED_HEADER, read_verdict
from pipeline.core.model import Outgoing, StoredRecord, header
from pipeline.core.samples import Forms, samples_of
from pipeline.core.ticks import is_tick
from pipeline.core.topics import DEAD_LETTER, FRAME, readings
from pipeline.decode.batch import ACCEPTED, DUPLICATE, EVENT, IGNORED, NO_PAYLOAD, REJECTED, BatchDecoder, Outcome
from pipeline.decode.binding import Bindings
from schemas.silkstream.v1.frame_pb2 import Frame
from tests.readings import view
from tests.unit.pipeline.material import (
    BASE_US,
    EUI,
    LEVEL,
    Level,
    batch_decoder,
    frames_of,
    new_state,
    numbered,
    raw,
    raw_tick,
    readings_of,
    stored,
)

MINUTE_US = 60_000_000


def decoded(*records: StoredRecord, **bindings: str) -> Outcome:
    return batch_decoder(**bindings).decode(new_state(), numbered(records))


def one_frame(*records: StoredRecord) -> Frame:
    """The last frame record."""
    return frames_of(decoded(*records).records)[-1]


def letters_of(outcome: Outcome) -> list[StoredRecord]:
    return [r for r in map(as_stored, outcome.records) if r.topic == DEAD_LETTER]


def as_stored(out: Outgoing) -> StoredRecord:
    return StoredRecord(out.topic, out.partition, 0, out.timestamp, out.key, out.value, tuple(out.headers))


def test_an_accepted_uplink_is_a_frame_and_a_reading_on_the_same_partition() -> None:
    record = raw(5, arrived=6, fCnt=9, data=b"\x02\x0f", rxInfo=[{"gatewayId": "g", "rssi": -90, "snr": 3}])
    outcome = decoded(record._replace(partition=3))
    assert [(r.topic, r.partition, r.timestamp, r.key) for r in outcome.records] == [
        (readings("container"), 3, record.timestamp, EUI.encode()),
        (FRAME, 3, record.timestamp, EUI.encode()),
    ]
    (frame,), (reading,) = frames_of(outcome.records), readings_of(outcome.records)
    assert (frame.verdict, frame.samples, frame.decoder, frame.family) == (ACCEPTED, 1, "level", "container")
    assert (frame.observed_at_us, frame.ingested_at_us) == (BASE_US + 5_000_000, BASE_US + 6_000_000)
    assert [(g.gateway_id, g.rssi_dbm) for g in frame.gateways] == [("g", -90)]
    assert frame.device.profile == "level"
    assert (reading.event_id, reading.f_cnt, reading.raw_offset) == (frame.event_id, 9, frame.raw_offset)
    form = reading.samples[0].form
    assert (list(form.numbers), list(form.integers)) == (["distance_metres"], [])
    assert [(state.name, state.WhichOneof("value")) for state in form.states] == [("tilted", "flag")]
    assert outcome.verdicts == {"accepted": 1}
    assert outcome.newest_us == BASE_US + 5_000_000


def test_an_accepted_frame_without_samples_has_no_reading() -> None:
    outcome = decoded(raw(data=b"\x00\x01"))
    assert readings_of(outcome.records) == []
    assert [(f.verdict, f.samples) for f in frames_of(outcome.records)] == [(ACCEPTED, 0)]


@pytest.mark.parametrize("fields", [{"data": b""}, {"fPort": 0}])
def test_an_uplink_without_payload_is_normal(fields: dict[str, Any]) -> None:
    outcome = decoded(raw(**fields))
    assert [r.topic for r in outcome.records] == [FRAME]
    assert outcome.verdicts == {"no_payload": 1}
    assert frames_of(outcome.records)[0].verdict == NO_PAYLOAD


def test_a_repetition_is_a_frame_that_names_itself_and_has_no_reading() -> None:
    first, again = frames_of(decoded(raw(), raw()).records)
    assert (again.verdict, again.duplicate_of) == (DUPLICATE, first.event_id)
    assert len(readings_of(decoded(raw(), raw()).records)) == 1


def test_a_late_copy_names_the_first_and_keeps_its_own_gateways() -> None:
    other = raw(1, identity="copy", rxInfo=[{"gatewayId": "far"}])
    outcome = decoded(raw(0), other)
    first, copy = frames_of(outcome.records)
    assert (copy.verdict, copy.duplicate_of, copy.duplicate_of_us) == (DUPLICATE, first.event_id, first.observed_at_us)
    assert copy.event_id != first.event_id
    assert [g.gateway_id for g in copy.gateways] == ["far"]
    assert len(readings_of(outcome.records)) == 1


def test_a_frame_in_doubt_is_kept_with_a_flag() -> None:
    outcome = decoded(raw(0), raw(300, identity="after a reset"))
    assert [(f.verdict, list(f.flags)) for f in frames_of(outcome.records)] == [
        (ACCEPTED, []),
        (ACCEPTED, ["copy_in_doubt"]),
    ]
    assert [list(r.samples[0].form.flags) for r in readings_of(outcome.records)] == [[], ["copy_in_doubt"]]


@pytest.mark.parametrize(
    ("fields", "reason", "detail"),
    [
        ({"data": b"\x01"}, "payload_truncated", "The frame ends inside a field."),
        ({"data": b"\xee\x01"}, "decoder_failed", "ZeroDivisionError: a plugin's bug"),
        ({"profile": "unheard of"}, "decoder_unknown", "profile 'unheard of' has no tag `decoder`"),
    ],
)
def test_a_rejected_uplink_is_a_frame_and_a_dead_letter(fields: dict[str, Any], reason: str, detail: str) -> None:
    record = raw(**fields)
    outcome = decoded(record)
    (letter,), (frame,) = letters_of(outcome), frames_of(outcome.records)
    assert (frame.verdict, frame.reason) == (REJECTED, reason)
    assert frame.detail.startswith(detail)
    verdict = read_verdict(letter)
    assert (verdict.reason, verdict.stage, verdict.offset) == (reason, "decode", 0)
    assert (letter.key, letter.value) == (record.key, record.value)
    assert verdict.decoder == ("" if reason == "decoder_unknown" else "level")
    assert outcome.verdicts == {reason: 1}


class Undeclared(Sample):
    """A sample type that the decoder does not declare."""


class NewKind(DecodeError):
    """An error of a plugin's own."""

    reason = "of_its_own"


def raising(_uplink: Any) -> list[Sample]:
    raise NewKind


@pytest.mark.parametrize(
    "decode",
    [
        lambda _: [Undeclared()],
        lambda _: [Level(distance_metres="near")],  # type: ignore[arg-type]  # a plugin without type checks
        lambda _: [Level(distance_metres=1.0, age_seconds=float("inf"))],
        lambda _: [Level(distance_metres=1.0, channel=-1)],
        lambda _: None,
        raising,
    ],
    ids=["undeclared type", "wrong type", "endless age", "negative channel", "nothing", "own reason"],
)
def test_whatever_a_plugin_does_only_its_own_frame_is_refused(decode: Any) -> None:
    decoders = {"level": replace(LEVEL, decode=decode)}
    decoder = BatchDecoder(decoders, Bindings(decoders, {"level": "level"}))
    outcome = decoder.decode(new_state(), [raw()])
    assert outcome.verdicts == {"decoder_failed": 1}
    assert [r.topic for r in outcome.records] == [DEAD_LETTER, FRAME]


def test_a_foreign_sensor_is_ignored_without_a_dead_letter() -> None:
    outcome = decoded(raw(profile="foreign"))
    assert [r.topic for r in outcome.records] == [FRAME]
    assert frames_of(outcome.records)[0].verdict == IGNORED


@pytest.mark.parametrize(
    ("event", "fields", "part"),
    [
        ("status", {"margin": -3, "batteryLevel": 40}, "status"),
        ("log", {"level": "ERROR", "code": "UPLINK_CODEC", "description": "bad"}, "log"),
        ("ack", {"queueItemId": "q", "acknowledged": True, "fCntDown": 3}, "downlink"),
        ("txack", {"queueItemId": "q", "gatewayId": "g"}, "downlink"),
        ("join", {"devAddr": "01020304"}, ""),
        ("location", {}, ""),
        ("integration", {}, ""),
    ],
)
def test_an_event_is_a_frame_record_with_its_own_part(event: str, fields: dict[str, Any], part: str) -> None:
    frame = one_frame(raw(event=event, **fields))
    assert (frame.verdict, frame.event) == (EVENT, event)
    assert [p for p in ("status", "log", "downlink") if frame.HasField(p)] == [part] * bool(part)
    if event == "status":
        assert (frame.status.margin_db, round(frame.status.battery_ratio, 6)) == (-3, 0.4)


def test_a_status_without_a_battery_says_nothing_of_it() -> None:
    assert not one_frame(raw(event="status", batteryLevelUnavailable=True)).status.HasField("battery_ratio")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (raw(value=b"\x00nonsense"), "event_unreadable"),
        (raw(event="gone"), "event_unknown"),
        (raw()._replace(key=b"00000000000000bb"), "device_mismatch"),
    ],
)
def test_an_unreadable_event_is_a_frame_of_its_device_and_a_dead_letter(record: StoredRecord, reason: str) -> None:
    outcome = decoded(record)
    (letter,), (frame,) = letters_of(outcome), frames_of(outcome.records)
    assert (frame.verdict, frame.reason) == (REJECTED, reason)
    assert frame.dev_eui.encode() == record.key
    assert frame.observed_at_us == BASE_US
    assert letter.value == record.value
    assert outcome.verdicts == {reason: 1}


def test_an_unreadable_event_delivered_again_is_one_dead_letter() -> None:
    outcome = decoded(raw(value=b"broken"), raw(value=b"broken"), raw(value=b"broken too"))
    assert outcome.verdicts == {"event_unreadable": 2, "duplicate": 1}
    assert len(letters_of(outcome)) == 2


def test_a_record_that_nobody_can_attribute_is_a_dead_letter_alone() -> None:
    outcome = decoded(raw()._replace(key=None), raw(event=""))
    assert [r.topic for r in outcome.records] == [DEAD_LETTER, DEAD_LETTER]
    assert outcome.verdicts == {"record_unreadable": 2}


def test_a_tick_goes_to_the_same_partition_of_every_output_with_its_raw_offset() -> None:
    tick = raw_tick(7, offset=41)._replace(partition=2)
    outcome = batch_decoder().decode(new_state(), [tick])
    assert [(r.topic, r.partition) for r in outcome.records] == [(FRAME, 2), (readings("container"), 2)]
    for written in stored(outcome.records):
        assert is_tick(written)
        assert (written.value, written.timestamp) == (tick.value, tick.timestamp)
        assert header(written, "raw_offset") == b"41"


def test_a_clock_that_is_ahead_is_not_believed() -> None:
    near, ahead = raw(300, arrived=0), raw(86_400, arrived=1, fCnt=2)
    outcome = decoded(near, ahead)
    first, second = frames_of(outcome.records)
    assert (first.observed_at_us, list(first.flags)) == (BASE_US + 300_000_000, [])
    assert (second.observed_at_us, list(second.flags)) == (BASE_US + 1_000_000, ["clock_ahead"])
    assert list(readings_of(outcome.records)[1].samples[0].form.flags) == ["clock_ahead"]


def test_the_copy_of_a_frame_from_ahead_joins_the_time_under_which_the_first_is_stored() -> None:
    first, copy = frames_of(decoded(raw(86_400, arrived=1), raw(86_400, arrived=2, identity="copy")).records)
    assert copy.duplicate_of_us == first.observed_at_us == BASE_US + 1_000_000


def test_history_times_are_rounded_to_the_decoders_step_so_that_repeats_meet() -> None:
    outcome = decoded(raw(40, data=b"\x01\x0a\x09"), raw(100.4, fCnt=2, data=b"\x01\x0b\x0a\x09"))
    forms = Forms(lambda form: form)
    first, second = (
        [at_us - BASE_US for at_us, *_ in samples_of(view(each), forms)] for each in readings_of(outcome.records)
    )
    assert first == [40_000_000, 0]
    assert second == [100_400_000, 0, MINUTE_US]


def test_a_dead_letter_put_back_on_purpose_is_no_repetition() -> None:
    again = raw(data=b"\x01\x0c", headers=((REPLAYED_HEADER, b"1"),))
    outcome = decoded(raw(data=b"\x01\x0c"), again)
    assert [(f.verdict, list(f.flags)) for f in frames_of(outcome.records)] == [
        (ACCEPTED, []),
        (ACCEPTED, ["replayed"]),
    ]


def test_a_namespace_is_in_the_name_of_every_output() -> None:
    decoder = batch_decoder("replay1.")
    outcome = decoder.decode(new_state(), [raw(), raw(1, fCnt=2, data=b"\x01"), raw_tick(2)])
    assert {r.topic for r in outcome.records} == {
        "replay1.lorawan.frame.v1",
        "replay1.readings.container.v1",
        "replay1.silkstream.deadletter.v1",
    }


def test_a_changed_description_is_in_the_next_frame() -> None:
    first, second = frames_of(decoded(raw(tags={"zone": "a"}), raw(1, fCnt=2, tags={"zone": "b"})).records)
    assert (first.device.tags["zone"], second.device.tags["zone"]) == ("a", "b")


def test_the_state_says_where_to_read_on() -> None:
    state = new_state()
    batch_decoder().decode(state, [raw(offset=7), raw(1, offset=9)])
    assert state.next_offset == 10
