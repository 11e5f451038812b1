"""Decode writes nothing behind frames that were made of another raw log."""

from __future__ import annotations

import pytest

from pipeline.core import ticks
from pipeline.core.errors import LedgerMismatch
from pipeline.core.model import Partition, StoredRecord
from pipeline.decode.lineage import check_lineage, raw_offset_of
from pipeline.kafka.ports import Bounds
from schemas.silkstream.v1.frame_pb2 import Frame

RAW = Partition("lorawan.raw.v1", 3)
KEY = b"70b3d57ed0000001"
FRAME = StoredRecord("lorawan.frame.v1", 3, 40, 1_000, KEY, Frame(raw_offset=17).SerializeToString())
TICK_HEADERS = ((ticks.EVENT_HEADER, ticks.TICK), (ticks.RAW_OFFSET_HEADER, b"17"))
TICK = StoredRecord("lorawan.frame.v1", 3, 40, 1_000, None, b"{}", TICK_HEADERS)


def origin(*, timestamp: int = 1_000, key: bytes | None = KEY) -> StoredRecord:
    """The raw record at offset 17."""
    return StoredRecord(RAW.topic, RAW.number, 17, timestamp, key, b"{}")


def test_a_frame_and_a_tick_name_the_raw_record_they_were_made_of() -> None:
    assert (raw_offset_of(FRAME), raw_offset_of(TICK)) == (17, 17)
    check_lineage(RAW, Bounds(0, 18), frame=FRAME, origin=origin())
    check_lineage(RAW, Bounds(0, 18), frame=TICK, origin=origin(key=None))


@pytest.mark.parametrize(("bounds", "there"), [(Bounds(0, 9), None), (Bounds(0, 30), origin(timestamp=9_000))])
def test_a_raw_log_that_was_created_anew_is_refused_with_a_remedy(bounds: Bounds, there: StoredRecord | None) -> None:
    with pytest.raises(LedgerMismatch, match=r"created anew.*the remedy: delete lorawan\.frame\.v1"):
        check_lineage(RAW, bounds, frame=FRAME, origin=there)


def test_a_frame_whose_raw_record_retention_took_proves_nothing() -> None:
    assert raw_offset_of(FRAME._replace(value=b"\xff")) is None
    check_lineage(RAW, Bounds(18, 30), frame=FRAME, origin=None)
