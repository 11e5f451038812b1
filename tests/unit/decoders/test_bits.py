"""The byte reader reads what is there and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from decoders.api import TrailingBytes, Truncated
from decoders.bits import Reader

READS: dict[str, tuple[Callable[[Reader], float | bytes], str, float]] = {
    "u8": (Reader.u8, "fe", 254),
    "s8": (Reader.s8, "fe", -2),
    "u16le": (Reader.u16le, "0180", 0x8001),
    "u16be": (Reader.u16be, "8001", 0x8001),
    "s16le": (Reader.s16le, "feff", -2),
    "s16be": (Reader.s16be, "fffe", -2),
    "u24le": (Reader.u24le, "010203", 0x030201),
    "u24be": (Reader.u24be, "010203", 0x010203),
    "u32le": (Reader.u32le, "010203ff", 0xFF030201),
    "u32be": (Reader.u32be, "ff020304", 0xFF020304),
    "s32le": (Reader.s32le, "feffffff", -2),
    "s32be": (Reader.s32be, "fffffffe", -2),
    "u48le": (Reader.u48le, "010203040506", 0x060504030201),
    "u48be": (Reader.u48be, "010203040506", 0x010203040506),
    "f32le": (Reader.f32le, "0000c03f", 1.5),
    "f32be": (Reader.f32be, "3fc00000", 1.5),
}


@pytest.mark.parametrize("name", READS)
def test_a_number_is_read_and_passed(name: str) -> None:
    read, data, expected = READS[name]
    reader = Reader(bytes.fromhex(data))

    assert read(reader) == expected
    assert reader.remaining == 0


@pytest.mark.parametrize("name", READS)
def test_a_number_that_is_cut_short_is_refused(name: str) -> None:
    read, data, _ = READS[name]
    reader = Reader(bytes.fromhex(data)[:-1])

    with pytest.raises(Truncated):
        read(reader)


def test_reads_follow_each_other() -> None:
    reader = Reader(bytes.fromhex("01020304050607"))

    assert [reader.u8(), reader.u16be(), reader.take(2), reader.remaining, reader.rest(), reader.remaining] == [
        1,
        0x0203,
        b"\x04\x05",
        2,
        b"\x06\x07",
        0,
    ]


def test_the_rest_of_nothing_is_nothing() -> None:
    assert Reader(b"").rest() == b""


def test_a_refused_read_leaves_the_reader_where_it_was() -> None:
    reader = Reader(b"\x01\x02")
    with pytest.raises(Truncated, match="4 bytes at 0: 2 are left"):
        reader.u32be()

    assert reader.u16be() == 0x0102


def test_taking_more_than_is_left_is_refused() -> None:
    with pytest.raises(Truncated):
        Reader(b"\x01\x02").take(3)


def test_bits_come_highest_first() -> None:
    reader = Reader(bytes.fromhex("a5c3ff"))

    assert reader.bits(1, 3, 12) == (1, 2, 0x5C3)
    assert reader.remaining == 1


def test_bits_behind_the_end_are_refused() -> None:
    with pytest.raises(Truncated):
        Reader(b"\x01").bits(4, 12)


def test_bits_that_do_not_fill_bytes_are_a_mistake_of_the_decoder() -> None:
    with pytest.raises(ValueError, match="whole bytes"):
        Reader(b"\x01").bits(3, 4)


def test_a_reader_that_is_done_finishes() -> None:
    reader = Reader(b"\x01")
    reader.u8()

    reader.finish()

    assert reader.remaining == 0


def test_bytes_left_over_are_refused() -> None:
    with pytest.raises(TrailingBytes, match="1 bytes are left over"):
        Reader(b"\x01").finish()


def test_a_float_may_be_no_number() -> None:
    assert math.isnan(Reader(bytes.fromhex("0000c07f")).f32le())
