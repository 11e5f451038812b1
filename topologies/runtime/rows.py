"""Values from the database's rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pipeline.core.clock import to_us
from pipeline.core.identity import Id


def identity(value: Any) -> Id:
    """An id from a uuid column."""
    return value.bytes if isinstance(value, UUID) else UUID(str(value)).bytes


def time_us(value: datetime | None) -> int | None:
    """Microseconds from a timestamp column."""
    return None if value is None else to_us(value)


def names(values: Sequence[str] | None) -> tuple[str, ...]:
    """Flags from an array column."""
    return tuple(values or ())


def known_us(value: datetime) -> int:
    """Microseconds from a timestamp column that is never null."""
    return to_us(value)
