"""Which partition a key belongs to: Kafka's own rule (murmur2), so that any other producer agrees with us."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=200_000)
def partition_of(key: bytes, count: int) -> int:
    """The partition of a key among `count`."""
    return (murmur2(key) & 0x7FFFFFFF) % count  # type: ignore[no-any-return]  # aiokafka is untyped
