"""Fields of COPY's text format, and values from rows.

Lines are put together by f-strings of these fields: a microsecond a row, where the driver's own adaption takes four.
Times go in as microseconds since 1970 and are turned into timestamps by the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from pipeline.core.clock import to_us
from pipeline.core.identity import Id

NULL: Final = r"\N"
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


@lru_cache(maxsize=20_000)
def text(value: str | None) -> str:
    """A text."""
    return NULL if value is None else value.translate(_ESCAPES)


def number(value: float | None) -> str:
    """A number, an integer as well."""
    return NULL if value is None else repr(value)


def flag(value: bool | None) -> str:  # noqa: FBT001  # it is the value
    """A boolean."""
    return NULL if value is None else "t" if value else "f"


@lru_cache(maxsize=1000)
def texts(values: tuple[str, ...]) -> str:
    """An array of texts."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return text("{" + ",".join(f'"{value}"' for value in quoted) + "}")


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
