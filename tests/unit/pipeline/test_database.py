"""What of the database's side needs none: the ledger against the log, the wide tables' columns, the queries' file."""

from __future__ import annotations

import pytest

from decoders.registry import load
from pipeline.core.errors import LedgerMismatch
from pipeline.core.model import Partition
from pipeline.database.families import quantities_by_family, table_of
from pipeline.database.ledger import NOT_BEGUN, Position, record_hash, start_of
from pipeline.database.queries import load_queries, read_queries
from tests.unit.pipeline.material import DECODERS, raw

PARTITION = Partition("lorawan.frame.v1", 3)
LAST = raw(offset=41)


def position(next_offset: int = 42, **changed: bytes | None) -> Position:
    return Position(epoch=1, next_offset=next_offset, bridges={}, **{"last_hash": record_hash(LAST), **changed})  # type: ignore[arg-type]  # the hash alone is changed


def test_a_partition_that_nobody_has_begun_begins_at_the_beginning() -> None:
    assert start_of("store", PARTITION, position(NOT_BEGUN), beginning=7, end=9, previous=None) == 7


@pytest.mark.parametrize(("beginning", "end"), [(0, 42), (0, 100), (41, 42)])
def test_the_ledger_goes_on_where_it_stood(beginning: int, end: int) -> None:
    assert start_of("store", PARTITION, position(), beginning=beginning, end=end, previous=LAST) == 42


def test_where_the_log_begins_with_the_next_record_there_is_none_to_compare() -> None:
    assert start_of("store", PARTITION, position(), beginning=42, end=50, previous=None) == 42


@pytest.mark.parametrize(
    ("beginning", "end", "sentence"),
    [
        (0, 41, "the ledger is at offset 42, the log ends at 41: the topic was created anew or the log was lost"),
        (
            50,
            60,
            "the ledger is at offset 42, the log begins at 50: retention took 8 records before they were processed",
        ),
        (0, 50, "the record at offset 41 is not the one that was processed: the topic was created anew"),
    ],
)
def test_a_ledger_that_does_not_fit_the_log_stops_with_the_remedy(beginning: int, end: int, sentence: str) -> None:
    other = LAST._replace(value=b"another")
    with pytest.raises(LedgerMismatch) as told:
        start_of("store", PARTITION, position(), beginning=beginning, end=end, previous=other)
    assert str(told.value) == (
        f"store: lorawan.frame.v1[3]: {sentence}; the remedy: "
        "silkstream ledger reset --consumer store --topic lorawan.frame.v1 --to beginning"
    )


@pytest.mark.parametrize(
    "other", [{"offset": 40}, {"timestamp": 1}, {"key": b"x"}, {"value": b"x"}, {"value": None}, {"key": None}]
)
def test_a_record_is_known_again_by_each_of_its_parts(other: dict[str, int | bytes | None]) -> None:
    assert record_hash(LAST._replace(**other)) != record_hash(LAST)  # type: ignore[arg-type]  # one part each


def test_the_position_behind_a_record_never_lowers_the_raw_offset() -> None:
    after = position().after(raw(offset=50), raw_offset=30, bridges={"a": 9, "b": 5})
    assert (after.next_offset, after.raw_offset, after.as_of_us) == (51, 30, 5)
    assert after.after(raw(offset=51), raw_offset=20, bridges={}).raw_offset == 30


def test_a_wide_table_has_the_columns_of_all_its_decoders_by_name() -> None:
    assert quantities_by_family(DECODERS.values()) == {
        "container": {"distance_metres": "double precision", "tilted": "boolean"}
    }
    installed = quantities_by_family(load().values())
    assert list(installed) == sorted(installed)
    assert all(list(columns) == sorted(columns) for columns in installed.values())
    assert table_of("water") == "reading_water"


def test_queries_are_split_by_their_heads() -> None:
    text = "-- about the file\n-- first --\nSELECT 1;\n\n-- second_one --\n-- what it is for\nSELECT 2"
    assert dict(read_queries(text)) == {"first": b"SELECT 1;", "second_one": b"-- what it is for\nSELECT 2"}


def test_two_queries_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two queries have one name: a"):
        read_queries("-- a --\n1\n-- b --\n2\n-- a --\n3")


@pytest.mark.parametrize(
    ("package", "file"),
    [
        ("pipeline.database", "queries.sql"),
        ("pipeline.database", "retention.sql"),
        ("pipeline.database", "roles.sql"),
        ("pipeline.store", "queries.sql"),
        ("pipeline.registry", "queries.sql"),
    ],
)
def test_every_shipped_query_has_a_body(package: str, file: str) -> None:
    queries = load_queries(package, file)
    assert queries
    assert all(queries.values())
