"""The wide tables: one per family, one column per quantity that an installed decoder can report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from decoders.api import Decoder
from decoders.registry import fields_of, vocabulary
from pipeline.database.catalogue import is_personal

SQL_TYPES: Final = {"number": "double precision", "integer": "bigint", "flag": "boolean", "text": "text"}

IDENTITY: Final[Mapping[str, str]] = {
    "device": 'text COLLATE "C" NOT NULL',
    "observed_at": "timestamp with time zone NOT NULL",
    "channel": "integer NOT NULL DEFAULT 0",
    "event_id": "uuid NOT NULL",
    "f_cnt": "bigint NOT NULL",
    "flags": "text[] NOT NULL DEFAULT '{}'",
    "decoder": "text NOT NULL",
    "decoder_version": "text NOT NULL",
    "ingested_at": "timestamp with time zone NOT NULL",
    "raw_partition": "integer NOT NULL",
    "raw_offset": "bigint NOT NULL",
}
"""The columns that every wide table begins with: whose, when, and where it came from."""

IDENTITY_COMMENTS: Final[Mapping[str, str]] = {
    "device": "DevEUI",
    "observed_at": "When it was measured",
    "channel": "Which of several probes; 0 = the only one",
    "event_id": "The frame it came with",
    "f_cnt": "Frame counter of that frame [1]",
    "flags": "What was noticed: a value out of bounds, a clock that is ahead, …",
    "decoder": "Who decoded it",
    "decoder_version": "In which version",
    "ingested_at": "When the bridge took the frame in",
    "raw_partition": "Where the frame's bytes are: partition of lorawan.raw.v1",
    "raw_offset": "Where the frame's bytes are: offset in that partition",
}
"""What they mean, for the database's own catalogue."""


def table_of(family: str) -> str:
    """The wide table of a family."""
    return f"reading_{family}"


@lru_cache(maxsize=256)
def is_rolled_up(family: str) -> bool:
    """Whether a family has roll-ups: of what tells of people they would outlive the readings."""
    return not is_personal(table_of(family))


def quantities_by_family(decoders: Iterable[Decoder]) -> dict[str, dict[str, str]]:
    """The quantity columns of each family: name -> SQL type, in alphabetical order."""
    decoders = tuple(decoders)
    known = vocabulary(decoders)
    found: dict[str, dict[str, str]] = {}
    for decoder in decoders:
        columns = found.setdefault(decoder.family, {})
        for sample in decoder.samples:
            for field in fields_of(sample):
                columns[field] = SQL_TYPES[known[field].value_type]
    return {family: dict(sorted(columns.items())) for family, columns in sorted(found.items())}
