"""Whether the frame topic and the raw log belong together. Pure.

Readers of frames and readings skip what is not above the highest raw offset they have seen. A raw log that was created
anew begins again at 0, so all of it would be skipped in silence; decode, which alone sees both, refuses to write it.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from pipeline.core import ticks
from pipeline.core.errors import LedgerMismatch
from pipeline.core.model import Partition, Record, header
from pipeline.kafka.ports import Bounds
from schemas.silkstream.v1.frame_pb2 import Frame


def raw_offset_of(frame: Record) -> int | None:
    """Which raw record a record of the frame topic was made of; None where it does not say."""
    if ticks.is_tick(frame):
        told = header(frame, ticks.RAW_OFFSET_HEADER) or b""
        return int(told) if told.isdigit() else None
    try:
        return Frame.FromString(frame.value or b"").raw_offset
    except DecodeError:
        return None


def check_lineage(partition: Partition, raw: Bounds, *, frame: Record, origin: Record | None) -> None:
    """Hold the last record of a frame partition against the raw record that it names.

    Args:
        partition: of the raw topic.
        raw: its first and next offset.
        frame: the last record of the frame topic's partition of the same number.
        origin: the raw record at the offset that `frame` names, where the log has it.

    Raises:
        LedgerMismatch: the raw log was created anew, or has lost its end.
    """
    offset = raw_offset_of(frame)
    if offset is None or offset < raw.beginning:
        return
    if origin is not None and (origin.key, origin.timestamp) == (frame.key, frame.timestamp):
        return
    raise LedgerMismatch(
        f"decode: {partition.topic}[{partition.number}] is not the log that {frame.topic} was made of: its offset "
        f"{offset} was decoded, {'and is another record now' if origin else f'and it ends at {raw.end}'}: it was "
        "created anew, and whoever reads frames and readings would skip it as a repetition; the remedy: delete "
        f"{frame.topic} and the topics of readings, run `silkstream topics`, and for store and each topology "
        "`silkstream ledger reset --consumer NAME`; what is in the database stays"
    )
