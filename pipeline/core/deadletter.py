"""Dead letters: a record that could not be used, kept whole, with the reason in further headers.

Key, headers, partition, time and bytes stay as they were, so that a replay can put the record back where it came
from. What is added begins with `dead-`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.core.errors import Reason
from pipeline.core.identity import Id, derived_id
from pipeline.core.model import Outgoing, Record
from pipeline.core.topics import DEAD_LETTER

PREFIX: Final = "dead-"
REPLAYED_HEADER: Final = "replayed"
"""Set on a dead letter that was put back on purpose: the search for duplicates lets it pass."""
DETAIL_CHARACTERS: Final = 500


class Verdict(NamedTuple):
    """What a dead letter's added headers say."""

    reason: str
    stage: str
    detail: str
    topic: str
    """Where the record came from, and where a replay puts it."""
    partition: int | None
    offset: int | None
    decoder: str
    decoder_version: str
    id: Id
    """The same for every repetition of the same refusal. What the bridge refused came from no topic of ours: its
    identity is its place on the dead-letter topic."""


def dead_letter(
    record: Record,
    *,
    reason: Reason,
    stage: str,
    detail: str,
    namespace: str = "",
    decoder: str = "",
    decoder_version: str = "",
) -> Outgoing:
    """The dead letter of a record that some stage took from a topic."""
    added = [
        ("reason", reason.value),
        ("stage", stage),
        ("detail", detail[:DETAIL_CHARACTERS]),
        ("topic", record.topic),
        ("partition", str(record.partition)),
        ("offset", str(record.offset)),
    ]
    if decoder:
        added += [("decoder", decoder), ("decoder-version", decoder_version)]
    return Outgoing(
        topic=namespace + DEAD_LETTER,
        partition=record.partition,
        timestamp=record.timestamp,
        key=record.key,
        value=record.value,
        headers=[*record.headers, *((PREFIX + name, text.encode()) for name, text in added)],
    )


def read_verdict(record: Record) -> Verdict:
    """What the added headers of a record on the dead-letter topic say."""
    found = {name: value.decode(errors="replace") for name, value in record.headers if name.startswith(PREFIX)}

    def get(name: str) -> str:
        return found.get(PREFIX + name, "")

    def number(name: str) -> int | None:
        text = get(name)
        return int(text) if text.isdecimal() else None

    origin = (get("topic"), get("partition"), get("offset"))
    if not origin[2]:
        origin = (record.topic, str(record.partition), str(record.offset))
    return Verdict(
        reason=get("reason"),
        stage=get("stage"),
        detail=get("detail"),
        topic=get("topic"),
        partition=number("partition"),
        offset=number("offset"),
        decoder=get("decoder"),
        decoder_version=get("decoder-version"),
        id=derived_id("dead letter", get("stage"), *origin),
    )


def original_headers(record: Record) -> list[tuple[str, bytes]]:
    """The headers that the record had before it became a dead letter."""
    return [(name, value) for name, value in record.headers if not name.startswith(PREFIX)]
