"""Fields of COPY's binary format, of which rows are put together.

A field is the length of its value and the value as the column's type is sent; so it has to be of exactly the type
that the column has (https://www.postgresql.org/docs/current/sql-copy.html, Binary Format). It costs a third of what
the text format costs the database, which has no numbers and times to parse.

A number that is too large for its type is a `struct.error`: the same as a row that the database refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any, Final

from pipeline.core.identity import Id
from pipeline.core.model import DevEui

NULL: Final = b"\xff\xff\xff\xff"
BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""What comes before the first row: signature, flags, length of an extension."""
END: Final = b"\xff\xff"
"""What comes behind the last row: a number of fields that is none."""

_ZERO_US: Final = 946_684_800_000_000
"""PostgreSQL counts microseconds from 2000 on."""
_TRUE: Final = b"\0\0\0\1\1"
_FALSE: Final = b"\0\0\0\1\0"
_TEXT, _INTEGER, _DOUBLE = 25, 23, 701
"""The types' object ids, which are fixed."""
_count: Final = Struct(">h").pack
_head: Final = Struct(">hi16siqi16s").pack
_double: Final = Struct(">id").pack
_long: Final = Struct(">iq").pack
_integer: Final = Struct(">ii").pack
_length: Final = Struct(">i").pack
_array: Final = Struct(">iiiii").pack
_nothing: Final = Struct(">iii").pack

MINUS_INFINITY: Final = _long(8, -(2**63))
"""The timestamptz before all others."""


def row(*fields: bytes) -> bytes:
    """A row of these fields."""
    return _count(len(fields)) + b"".join(fields)


def head(fields: int, device: DevEui, observed_at_us: int, event_id: Id) -> bytes:
    """The begin of a row, whose first three columns are these.

    Args:
        fields: how many columns it has.
        device: 16 characters.
        observed_at_us: microseconds since 1970.
        event_id: 16 bytes.
    """
    return _head(fields, 16, device.encode(), 8, observed_at_us - _ZERO_US, 16, event_id)


def number(value: float | None) -> bytes:
    """A double precision."""
    return NULL if value is None else _double(8, value)


def time(us: int | None) -> bytes:
    """A timestamptz, from microseconds since 1970."""
    return NULL if us is None else _long(8, us - _ZERO_US)


def bigint(value: int) -> bytes:
    """A bigint."""
    return _long(8, value)


def integer(value: int | None) -> bytes:
    """An integer."""
    return NULL if value is None else _integer(4, value)


def flag(value: bool | None) -> bytes:  # noqa: FBT001  # it is the value
    """A boolean."""
    return NULL if value is None else _TRUE if value else _FALSE


def _field(value: bytes) -> bytes:
    return _length(len(value)) + value


@lru_cache(maxsize=20_000)
def text(value: str | None) -> bytes:
    """A text."""
    return NULL if value is None else _field(value.encode())


def jsonb(value: bytes) -> bytes:
    """A jsonb, from JSON; its first byte is the format's version."""
    return _field(b"\1" + value)


@lru_cache(maxsize=20_000)
def texts(values: tuple[str, ...]) -> bytes:
    """A text[]."""
    content = b"".join(map(text, values))
    return _array_head(_TEXT, len(values), len(content), nulls=False) + content


def integers(values: Sequence[int]) -> bytes:
    """An integer[]."""
    head, pack = _integers(len(values))
    return head + pack(*_with_sizes(4, values))


def numbers(values: Sequence[float | None]) -> bytes:
    """A double precision[]."""
    if None not in values:
        head, pack = _doubles(len(values))
        return head + pack(*_with_sizes(8, values))
    content = b"".join([NULL if value is None else _double(8, value) for value in values])
    return _array_head(_DOUBLE, len(values), len(content), nulls=True) + content


def three(first: float, second: float, third: float) -> bytes:
    """A double precision[] of three."""
    head, pack = _doubles(3)
    return head + pack(8, first, 8, second, 8, third)


def _with_sizes(size: int, values: Sequence[Any]) -> list[Any]:
    """Each value behind its size."""
    pairs = [size] * (2 * len(values))
    pairs[1::2] = values
    return pairs


def _array_head(kind: int, count: int, size: int, *, nulls: bool) -> bytes:
    """What comes before the elements of an array of one dimension, counted from 1; an empty one has none."""
    return _length(20 + size) + _array(1, nulls, kind, count, 1) if count else _field(_nothing(0, 0, kind))


@lru_cache(maxsize=100)
def _doubles(count: int) -> tuple[bytes, Callable[..., bytes]]:
    return _array_head(_DOUBLE, count, 12 * count, nulls=False), Struct(">" + count * "id").pack


@lru_cache(maxsize=100)
def _integers(count: int) -> tuple[bytes, Callable[..., bytes]]:
    return _array_head(_INTEGER, count, 8 * count, nulls=False), Struct(f">{2 * count}i").pack
