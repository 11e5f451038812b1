"""What a person at a terminal sees of a record."""

from __future__ import annotations

import json

from pipeline.core.model import Outgoing, StoredRecord
from pipeline.core.topics import FRAME, readings
from pipeline.kafka.memory import MemoryBroker, MemoryLog
from pipeline.watch import records_of, shown
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.readings import sample, series
from tests.unit.pipeline.material import EUI, batch_decoder, new_state, raw, raw_tick, stored


def written() -> dict[str, StoredRecord]:
    """What decode writes of an uplink and a tick, by topic, without the tick."""
    outputs = stored(batch_decoder("replay1.").decode(new_state(), [raw(5), raw_tick(6)]).records)
    return {record.topic: record for record in outputs if record.key and isinstance(record, StoredRecord)}


def test_a_line_begins_with_where_when_and_whose() -> None:
    record = StoredRecord("city.parking.v1", 2, 41, 1_780_272_005_000, b"zone-1", b'{"id": "\xc3\xa4"}')
    assert shown(record) == '[2:41] 2026-06-01 00:00:05 zone-1 {"id": "ä"}'


def test_frames_and_readings_are_json_with_the_names_of_the_schema() -> None:
    for topic, record in written().items():
        where, content = shown(record).split(" {", 1)
        assert where == f"[0:0] 2026-06-01 00:00:05 {EUI}"
        message = json.loads("{" + content)
        assert (message["dev_eui"], message["decoder"]) == (EUI, "level")
        assert ("verdict" in message) == topic.endswith(FRAME)


def test_a_reading_is_shown_with_each_value_under_its_name() -> None:
    reading = Reading(
        dev_eui=EUI,
        samples=[sample({"distance_metres": 1.5, "tilted": True}, at_us=7, channel=2, flags=["odd"])],
        series=[series({"pulses": [1, 2]}, first_at_us=3, step_us=2)],
    )
    line = shown(StoredRecord(readings("container"), 0, 1, 0, EUI.encode(), reading.SerializeToString()))

    assert json.loads(line[line.index("{") :]) == {
        "dev_eui": EUI,
        "samples": [
            {"observed_at_us": 7, "channel": 2, "flags": ["odd"], "distance_metres": 1.5, "tilted": True},
        ],
        "series": [{"first_at_us": 3, "step_us": 2, "channel": 0, "pulses": [1, 2]}],
    }


def test_a_tick_among_frames_is_shown_as_it_is() -> None:
    tick = stored(batch_decoder().decode(new_state(), [raw_tick(6)]).records)[0]
    assert shown(tick) == '[0:0] 2026-06-01 00:00:06 - {"bridge":"b","as_of":"2026-06-01T00:00:06+00:00"}'


def test_what_cannot_be_read_is_shown_as_its_bytes() -> None:
    assert shown(StoredRecord(FRAME, 0, 1, 0, b"\xff", b"\xff\x01")).endswith("\N{REPLACEMENT CHARACTER} ff01")
    assert shown(StoredRecord("any", 0, 1, 0, None, b"\xff{}")).endswith(r"- \xff{}")
    assert shown(StoredRecord("any", 0, 1, 0, None, None)).endswith("- ")


async def test_the_records_of_all_partitions_come_from_the_beginning_and_then_as_they_arrive() -> None:
    broker = MemoryBroker()
    broker.create("t", 2)

    def append(partition: int, value: bytes) -> None:
        broker.append(Outgoing("t", partition, 0, None, value))

    append(1, b"a")
    append(0, b"b")
    seen = [r.value async for r in records_of(MemoryLog(broker), "t", partitions=2, follow=False)]
    assert seen == [b"b", b"a"]
    following = records_of(MemoryLog(broker), "t", partitions=2, follow=True)
    assert [(await anext(following)).value for _ in range(2)] == [b"b", b"a"]
    append(1, b"c")
    assert (await anext(following)).value == b"c"
    await following.aclose()  # type: ignore[attr-defined]  # it is a generator, declared as an iterator
