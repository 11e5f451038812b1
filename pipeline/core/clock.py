"""Times: microseconds since 1970 in records, aware datetimes for people.

The only look at a clock is `now_us`, and only the edges call it: nothing in the middle of the stream does.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
_MICROSECOND: Final = timedelta(microseconds=1)


def now_us() -> int:
    """The wall clock, in microseconds since 1970."""
    return time.time_ns() // 1000


def to_us(at: datetime) -> int:
    """An aware time as microseconds since 1970."""
    return (at - EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """Microseconds since 1970 as an aware time in UTC."""
    return EPOCH + timedelta(microseconds=microseconds)


def from_rfc3339(text: str) -> datetime:
    """Parse an RFC 3339 time; a time without a zone is refused.

    Raises:
        ValueError: it is no such time.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    try:
        return at.astimezone(UTC)
    except OverflowError as beyond:
        raise ValueError(f"{text!r} is beyond what a date can say") from beyond
