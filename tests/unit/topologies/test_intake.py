"""What is read from a partition's records, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.errors import Reason
from pipeline.core.model import StoredRecord
from pipeline.core.settings import Settings
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.unit.topologies.material import at, eui, reading, record, records, tick
from topologies.container import topology as container
from topologies.runtime.intake import Intake, take_in
from topologies.runtime.memory import MemoryWorker
from topologies.runtime.model import Topology
from topologies.runtime.places import build_places

CONTAINER: Topology[Any, Any, Any] = container.build(Settings())


def taken(log: list[Any], *, raw_offset: int = -1) -> Intake[Any]:
    return take_in(CONTAINER.logic, log, raw_offset=raw_offset, bridges={})


def level(minutes: float = 1, **more: Any) -> Reading:
    return reading(eui(1), minutes, {"distance_metres": 1.0}, **more)


def test_a_block_that_was_written_again_is_skipped_by_its_raw_offsets() -> None:
    block = [level(1, raw_offset=5), level(2, raw_offset=8)]
    intake = taken([record(each, offset) for offset, each in enumerate([*block, *block])])

    assert intake.raw_offset == 8
    assert intake.discarded == {"repeated_block": 2}
    assert [len(given) for given in intake.given.values()] == [2]


def test_what_the_ledger_has_seen_is_skipped() -> None:
    intake = taken([record(level(raw_offset=5), 0), tick(1, 1, raw_offset=6)], raw_offset=6)

    assert intake.discarded == {"repeated_block": 2}
    assert not intake.given
    assert not intake.bridges


def test_ticks_say_how_far_each_bridge_is() -> None:
    intake = taken([tick(1, 0, raw_offset=0, bridge="a"), tick(2, 1, raw_offset=1, bridge="b")])

    assert intake.bridges == {"a": at(1), "b": at(2)}
    assert intake.ticked == 2


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"\xff\xff\xff",
        Reading(dev_eui="70B3", event_id=bytes(16), observed_at_us=1).SerializeToString(),
        Reading(dev_eui=eui(1), event_id=b"short", observed_at_us=at(1)).SerializeToString(),
        Reading(dev_eui=eui(1), event_id=bytes(16), observed_at_us=-1).SerializeToString(),
        Reading(dev_eui=eui(1), event_id=bytes(16), observed_at_us=2**62).SerializeToString(),
    ],
)
def test_a_record_that_is_no_reading_is_refused(value: bytes | None) -> None:
    (refusal,) = taken([StoredRecord("t", 0, 0, 0, b"k", value)]).refusals

    assert refusal.reason is Reason.RECORD_UNREADABLE


def test_a_sample_with_an_impossible_time_is_refused() -> None:
    content = level()
    content.samples[0].observed_at_us = 2**62
    (refusal,) = taken([record(content, 0)]).refusals

    assert refusal.reason is Reason.RECORD_UNREADABLE


def test_a_tick_that_is_none_is_refused() -> None:
    broken = tick(1, 0, raw_offset=0)._replace(value=b"{}")  # type: ignore[attr-defined]  # it is a StoredRecord
    (refusal,) = taken([broken]).refusals

    assert refusal.reason is Reason.RECORD_UNREADABLE


class Moody:
    """The container's logic with a bug."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __getattr__(self, name: str) -> Any:
        return getattr(CONTAINER.logic, name)

    def read(self, content: Reading) -> Any:
        if self._where == "read" and content.observed_at_us == at(2):
            raise ZeroDivisionError
        return CONTAINER.logic.read(content)

    def step(self, before: Any, given: Any, place: Any) -> Any:
        if self._where == "step" and given.observed_at_us == at(2):
            raise ZeroDivisionError
        return CONTAINER.logic.step(before, given, place)


@pytest.mark.parametrize("where", ["read", "step"])
@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1)])
async def test_a_reading_that_the_logic_fails_at_is_refused_and_the_others_go_on(
    where: str, order: tuple[int, ...]
) -> None:
    topology: Topology[Any, Any, Any] = Topology(
        name="t",
        family="f",
        logic=Moody(where),
        queries={},
        facts=CONTAINER.facts,
        fact_row=CONTAINER.fact_row,
        now=CONTAINER.now,
        now_row=CONTAINER.now_row,
        read_fact=CONTAINER.read_fact,
        read_now=CONTAINER.read_now,
    )
    worker: MemoryWorker[Any, Any, Any] = MemoryWorker(topology, build_places((), ()))
    for each in records([level(minutes) for minutes in order]):
        await worker.process([each])

    assert [(r.reason, r.record.offset) for r in worker.refusals] == [(Reason.LOGIC_FAILED, order.index(2))]
    assert list(worker.result()["facts"][eui(1)]) == [at(1), at(3)]
