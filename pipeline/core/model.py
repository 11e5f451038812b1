"""Records as they come from a log and as they go to one.

`Record` has exactly the attributes of aiokafka's ConsumerRecord, so that a fetched batch is handed to the
pure functions as it is: wrapping each record costs a microsecond of the twenty that a frame may take.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, NewType, Protocol

DevEui = NewType("DevEui", str)
"""16 lower-case hexadecimal digits."""

Headers = Sequence[tuple[str, bytes]]


class Record(Protocol):
    """One record of a log: `timestamp` in milliseconds since 1970."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class StoredRecord(NamedTuple):
    """A `Record` made by us: in memory, in tests, from a file."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Outgoing(NamedTuple):
    """A record on its way to a log. The partition is always ours to say; so is the time (never event time)."""

    topic: str
    partition: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Partition(NamedTuple):
    """One partition of one topic; sorts by topic, then number."""

    topic: str
    number: int


def header(record: Record, name: str) -> bytes | None:
    """The first header of that name, or None."""
    for key, value in record.headers:
        if key == name:
            return value
    return None
