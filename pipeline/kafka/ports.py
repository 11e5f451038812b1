"""What a stage needs of a log.

A `Source` hands out batches of the partitions that the group gave us; nothing it handed out counts as done before
`commit`, and what was not committed comes again, to us or to another. A `Sink` takes records and returns once all of
them are safe. Both raise `Transient` where the other side is away; the stage then closes them and opens new ones,
which is the one way back from any fault.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from pipeline.core.model import Outgoing, Partition, Record

Batch = Mapping[Partition, Sequence[Record]]
"""Fetched records by partition, each list in offset order and never empty."""


class Bounds(NamedTuple):
    """The offsets that a partition has: first, and next."""

    beginning: int
    end: int


Prepare = Callable[[Collection[Partition]], Awaitable[Mapping[Partition, int]]]
"""Called with partitions that were newly given to us, before any of their records is handed out; says where to read
each from. A partition it does not name is read from its committed offset."""


class Log(Protocol):
    """Reading of a log beside the group: for rebuilding state and for checks."""

    async def bounds(self, partitions: Collection[Partition]) -> Mapping[Partition, Bounds]:
        """First and next offset of each."""
        ...

    async def read(self, partition: Partition, start: int, end: int) -> Sequence[Record]:
        """The records with `start <= offset < end` that the log still has."""
        ...

    async def offset_at(self, partition: Partition, timestamp: int) -> int | None:
        """The first offset whose record is not older than the timestamp (ms); None if there is none."""
        ...


class Source(Log, Protocol):
    """A group's member."""

    async def fetch(self, *, most: int, timeout_seconds: float) -> Batch:
        """The next records of our partitions, at most `most` in all; empty when there are none in time."""
        ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Say that everything below these offsets is done."""
        ...

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, int | None]:
        """What the group has done of each."""
        ...

    async def lag(self) -> Mapping[Partition, int]:
        """How many records are left of each of our partitions."""
        ...

    @property
    def assignment(self) -> Collection[Partition]:
        """Our partitions."""
        ...


class Sink(Protocol):
    """Takes records; keeps the order of each partition."""

    async def post(self, records: Sequence[Outgoing]) -> Awaitable[None]:
        """Queue records behind all earlier ones; the awaitable is done once all of these are safe.

        Raises:
            Transient: here or in the awaitable; some of the records may be safe all the same.
        """
        ...

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Return once all are safe.

        Raises:
            Transient: some of the records may be safe all the same.
        """
        ...
