"""What the binary fields are to the database: each type, its nulls and its limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf, isnan, nan
from uuid import UUID

import pytest

from pipeline.core.clock import to_us
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from topologies.runtime import binary

pytestmark = pytest.mark.integration

DEVICE = DevEui("00000000000000ff")
ID = bytes(range(16))
AT = datetime(1987, 6, 5, 4, 3, 2, 1, tzinfo=UTC)
COLUMNS = (
    "device text, at timestamptz, id uuid, number double precision, big bigint, whole integer, flag boolean, word text,"
    " json jsonb, words text[], wholes integer[], numbers double precision[], three double precision[],"
    " later timestamptz"
)


async def written(settings: Settings, *fields: Sequence[bytes]) -> list[tuple[object, ...]]:
    """Rows as the database gives them back: the first three columns, and these behind them."""
    lines = [binary.head(14, DEVICE, to_us(AT), ID) + b"".join(mine) for mine in fields]
    async with connected(settings, "test") as connection, connection.cursor() as cursor:
        await cursor.execute(f"CREATE TEMPORARY TABLE given ({COLUMNS})".encode())
        async with cursor.copy("COPY given FROM STDIN (FORMAT binary)") as copy:
            await copy.write(binary.BEGIN + b"".join(lines) + binary.END)
        await cursor.execute("SELECT * FROM given")
        return await cursor.fetchall()


async def test_every_type_comes_back_as_it_was(settings: Settings) -> None:
    (row,) = await written(
        settings,
        (
            binary.number(-0.1),
            binary.bigint(-(2**63)),
            binary.integer(2**31 - 1),
            binary.flag(True),
            binary.text("Hüls\\t\t\n\\N"),
            binary.jsonb(b'{"a": [1, null, "\\u00fc"]}'),
            binary.texts(("", 'a "b", {c}', "Straße", "NULL")),
            binary.integers((-1, 0, 2**31 - 1)),
            binary.numbers((0.1, None, -1e300)),
            binary.three(1, -0.5, 1.7e15),
            binary.time(to_us(AT)),
        ),
    )

    assert row == (
        *(DEVICE, AT, UUID(bytes=ID), -0.1, -(2**63), 2**31 - 1, True, "Hüls\\t\t\n\\N"),
        *({"a": [1, None, "ü"]}, ["", 'a "b", {c}', "Straße", "NULL"], [-1, 0, 2**31 - 1], [0.1, None, -1e300]),
        *([1.0, -0.5, 1.7e15], AT),
    )


async def test_what_is_null_or_empty_or_no_number_comes_back_as_that(settings: Settings) -> None:
    none = binary.NULL
    nulls, empty = await written(
        settings,
        (
            *(binary.number(None), none, binary.integer(None), binary.flag(None), binary.text(None)),
            *(none, none, none, none, none, binary.time(None)),
        ),
        (
            *(binary.number(nan), binary.bigint(0), binary.integer(0), binary.flag(False), binary.text("")),
            *(binary.jsonb(b"null"), binary.texts(()), binary.integers(()), binary.numbers((inf, 2.5)), none, none),
        ),
    )

    assert nulls[3:] == (None,) * 11
    assert isinstance(empty[3], float)
    assert isnan(empty[3])
    assert empty[4:] == (0, 0, False, "", None, [], [], [inf, 2.5], None, None)
