"""The small nouns of the core: identities, times, ticks, topics, reasons, dead letters, pauses, progress."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoders import api
from pipeline.core import clock, errors, identity, ticks, topics
from pipeline.core.deadletter import DETAIL_CHARACTERS, dead_letter, original_headers, read_verdict
from pipeline.core.errors import Reason, Reject
from pipeline.core.health import Progress
from pipeline.core.model import Outgoing, StoredRecord, header
from pipeline.core.retry import backoff, sleep_unless
from tests.unit.pipeline.material import raw

# ── identities ──


def test_an_event_id_is_the_beginning_of_a_sha1_over_named_fields() -> None:
    digest = hashlib.sha1(b"event\nabc\nup", usedforsecurity=False).digest()
    assert identity.event_id("abc", "up") == digest[:16]
    assert identity.text(digest[:16]).replace("-", "") == digest[:16].hex()


def test_a_frame_id_depends_on_each_of_its_parts() -> None:
    first = identity.frame_id("d", "a", 1, f_port=2, data=b"x")
    others = {
        identity.frame_id("D", "a", 1, f_port=2, data=b"x"),
        identity.frame_id("d", "A", 1, f_port=2, data=b"x"),
        identity.frame_id("d", "a", 2, f_port=2, data=b"x"),
        identity.frame_id("d", "a", 1, f_port=3, data=b"x"),
        identity.frame_id("d", "a", 1, f_port=2, data=b"y"),
    }
    assert len(others) == 5
    assert first not in others
    assert first == identity.frame_id("d", "a", 1, f_port=2, data=b"x")


def test_ids_of_different_kinds_never_meet() -> None:
    made = {
        identity.event_id("a", "b"),
        identity.anonymous_event_id("a", "b"),
        identity.derived_id("alert", "a", "b"),
        identity.derived_id("dead letter", "a", "b"),
        identity.derived_id("alert", "ab"),
    }
    assert len(made) == 5
    assert {len(each) for each in made} == {16}


# ── times ──


def test_times_go_to_microseconds_and_back() -> None:
    at = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert clock.from_us(clock.to_us(at)) == at
    assert clock.to_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1_000_000
    assert clock.to_us(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)) == -1_000_000


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "yesterday", "", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_or_names_no_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"zone|isoformat|date"):
        clock.from_rfc3339(text)


def test_a_zone_is_turned_into_utc() -> None:
    assert clock.from_rfc3339("2026-01-01T02:00:00+02:00").isoformat() == "2026-01-01T00:00:00+00:00"


# ── ticks ──


@pytest.mark.parametrize("tick", [ticks.Tick("b", 1_760_000_000_123_456), ticks.Tick("b", 0, retired=True)])
def test_a_tick_is_read_as_it_was_written(tick: ticks.Tick) -> None:
    assert ticks.read_tick(ticks.write_tick(tick)) == tick


@pytest.mark.parametrize(
    "value",
    [None, b"", b"[]", b'{"bridge": "b"}', b'{"bridge": "b", "as_of": "noon"}', b'{"bridge": 1, "as_of": ""}'],
)
def test_what_is_no_tick_is_a_value_error(value: bytes | None) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ticks.read_tick(value)


def test_a_tick_is_known_by_its_header_and_by_having_no_key() -> None:
    tick = StoredRecord("t", 0, 0, 0, None, b"", ((ticks.EVENT_HEADER, ticks.TICK),))
    assert ticks.is_tick(tick)
    assert not ticks.is_tick(tick._replace(key=b"device"))
    assert not ticks.is_tick(tick._replace(headers=()))


words = st.builds(ticks.Tick, st.sampled_from("abc"), st.integers(0, 50), st.booleans())


@given(st.lists(words))
def test_no_bridge_takes_back_its_word_and_as_of_only_falls_when_another_joins(said: list[ticks.Tick]) -> None:
    bridges: dict[str, int] = {}
    for tick in said:
        after = ticks.advance(bridges, tick)
        assert (tick.bridge in after) != tick.retired
        for bridge in bridges.keys() & after.keys():
            assert after[bridge] >= bridges[bridge]
        before_us, after_us = ticks.as_of(bridges), ticks.as_of(after)
        if before_us is not None and after_us is not None and after.keys() <= bridges.keys():
            assert after_us >= before_us
        assert after_us == min(after.values(), default=None)
        bridges = after


def test_as_of_is_the_least_of_the_bridges_and_a_goodbye_is_not_waited_for() -> None:
    bridges = ticks.advance(ticks.advance({}, ticks.Tick("a", 10)), ticks.Tick("b", 5))
    assert ticks.as_of(bridges) == 5
    assert ticks.as_of(ticks.advance(bridges, ticks.Tick("b", 7, retired=True))) == 10
    assert ticks.as_of({}) is None


# ── topics ──


def declared(namespace: str = "") -> dict[str, topics.Topic]:
    found = topics.declared(["water", "air", "air"], partitions=6, raw_retention_days=400, namespace=namespace)
    return {topic.name: topic for topic in found}


def test_each_topic_is_declared_once_and_all_have_the_same_number_of_partitions() -> None:
    found = topics.declared(["water", "air", "air"], partitions=6, raw_retention_days=400)
    assert len({topic.name for topic in found}) == len(found)
    assert {topic.partitions for topic in found} == {6}
    assert {"readings.air.v1", "alerts.air.v1", "city.air.v1", "lorawan.raw.v1"} <= {topic.name for topic in found}


def test_limits_rise_along_the_way_to_the_dead_letters() -> None:
    room_for_headers = 100_000
    limits = [topics.DEAD_LETTER_EXCERPT_BYTES, topics.RAW_VALUE_BYTES, topics.PRODUCER_REQUEST_BYTES]
    assert all(low + room_for_headers < high for low, high in pairwise([*limits, topics.DEAD_LETTER_MESSAGE_BYTES]))
    by_name = {name: int(topic.config["max.message.bytes"]) for name, topic in declared().items()}
    assert by_name.pop(topics.DEAD_LETTER) == topics.DEAD_LETTER_MESSAGE_BYTES
    assert set(by_name.values()) == {topics.PRODUCER_REQUEST_BYTES}


def test_a_namespace_is_kept_for_ever_since_it_may_hold_the_past() -> None:
    assert declared()[topics.RAW].config["retention.ms"] == str(400 * topics.DAY_MS)
    own = declared("replay1.")
    assert all(name.startswith("replay1.") for name in own)
    assert {topic.config["retention.ms"] for topic in own.values()} == {"-1"}


def test_kafkas_timestamps_are_ours_to_set() -> None:
    assert {topic.config["message.timestamp.type"] for topic in declared().values()} == {"CreateTime"}


# ── reasons ──


def test_every_reason_that_a_decoder_can_give_is_in_the_closed_list() -> None:
    raised = [c for _, c in inspect.getmembers(api, inspect.isclass) if issubclass(c, api.DecodeError)]
    assert len(raised) > 6
    given_by_decoders = {c.reason for c in raised if c is not api.DecodeError}
    assert given_by_decoders <= {reason.value for reason in Reason}


def test_an_error_without_detail_speaks_by_its_docstring() -> None:
    assert str(errors.Fenced()) == errors.Fenced.__doc__
    assert str(errors.Fenced("taken over")) == "taken over"
    assert str(Reject(Reason.EVENT_EMPTY)) == "event_empty"


# ── dead letters ──


def test_a_dead_letter_restores_the_record_that_it_was() -> None:
    record = raw(3, offset=17)._replace(partition=4, value=b"\xff\x00", headers=(("a", b"\xff"), ("a", b"2")))
    letter = dead_letter(
        record,
        reason=Reason.PAYLOAD_TRUNCATED,
        stage="decode",
        detail="ends inside a field",
        namespace="replay1.",
        decoder="level",
        decoder_version="1",
    )
    assert letter.topic == "replay1.silkstream.deadletter.v1"
    again = as_stored(letter)
    verdict = read_verdict(again)
    restored = StoredRecord(
        verdict.topic,
        verdict.partition or 0,
        verdict.offset or 0,
        again.timestamp,
        again.key,
        again.value,
        tuple(original_headers(again)),
    )
    assert restored == record
    assert (verdict.reason, verdict.stage, verdict.detail) == ("payload_truncated", "decode", "ends inside a field")
    assert (verdict.decoder, verdict.decoder_version) == ("level", "1")


def test_the_same_refusal_twice_has_one_identity_wherever_it_lies() -> None:
    letter = dead_letter(raw(offset=5), reason=Reason.EVENT_EMPTY, stage="decode", detail="a")
    other = dead_letter(raw(offset=6), reason=Reason.EVENT_EMPTY, stage="decode", detail="a")
    first = read_verdict(as_stored(letter, offset=1)).id
    assert read_verdict(as_stored(letter, offset=2)).id == first
    assert read_verdict(as_stored(other, offset=2)).id != first


def test_a_dead_letter_from_no_topic_of_ours_is_known_by_its_own_place() -> None:
    bare = StoredRecord(topics.DEAD_LETTER, 0, 1, 0, None, b"", (("dead-reason", b"event_empty"),))
    verdict = read_verdict(bare)
    assert (verdict.partition, verdict.offset, verdict.topic) == (None, None, "")
    assert read_verdict(bare._replace(offset=2)).id != verdict.id


def test_odd_headers_of_strangers_are_no_crash() -> None:
    odd = StoredRecord(
        topics.DEAD_LETTER, 0, 1, 0, None, b"", (("dead-offset", "²".encode()), ("dead-reason", b"\xff"))
    )
    assert read_verdict(odd).offset is None


def test_a_long_detail_is_cut() -> None:
    letter = dead_letter(raw(), reason=Reason.EVENT_EMPTY, stage="decode", detail="x" * 10_000)
    assert len(header(as_stored(letter), "dead-detail") or b"") == DETAIL_CHARACTERS


def as_stored(out: Outgoing, offset: int = 0) -> StoredRecord:
    return StoredRecord(out.topic, out.partition, offset, out.timestamp, out.key, out.value, tuple(out.headers))


# ── pauses and progress ──


def test_pauses_double_up_to_a_limit_and_differ_a_little() -> None:
    pauses = list(islice(backoff(first_seconds=1, most_seconds=8), 8))
    for pause, middle in zip(pauses, [1, 2, 4, 8, 8, 8, 8, 8], strict=True):
        assert 0.75 * middle <= pause <= 1.25 * middle
    assert len(set(pauses[3:])) > 1


async def test_a_pause_ends_with_the_stop() -> None:
    stop = asyncio.Event()
    assert not await sleep_unless(stop, 0.001)
    asyncio.get_running_loop().call_soon(stop.set)
    assert await sleep_unless(stop, 60)


async def test_a_pause_does_not_swallow_a_cancellation_that_comes_with_the_stop() -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(sleep_unless(stop, 60))
    await asyncio.sleep(0)
    stop.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_readiness_is_progress_and_not_being_up() -> None:
    now = 100.0
    progress = Progress(clock=lambda: now)
    assert progress.trouble() == "waiting for its start (0 s)"
    progress.moved()
    assert progress.trouble() is None
    now += 59
    assert progress.trouble() is None
    now += 2
    assert progress.trouble() == "no progress for 61 s"
    progress.waits_for("Kafka")
    assert progress.trouble() == "waiting for Kafka (61 s)"
    assert progress.still_seconds == 61
    progress.moved()
    assert progress.trouble() is None
