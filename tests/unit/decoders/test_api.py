"""Errors explain themselves and attributes are read before a frame is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from decoders.api import (
    EMPTY,
    Attribute,
    DecodeError,
    Decoder,
    InvalidAttribute,
    InvalidValue,
    Sample,
    TrailingBytes,
    Truncated,
    UnknownFrame,
    UnknownPort,
    Uplink,
    check_attributes,
)


def nothing(_uplink: Uplink) -> Sequence[Sample]:
    return ()


RANGE = Attribute(name="pressure_max_bar", unit="bar", low=-1, high=1000, help="upper end of the range")
DECODER = Decoder(
    name="probe", version="1", family="groundwater", about="", samples=(Sample,), decode=nothing, attributes=(RANGE,)
)
WITHOUT = Decoder(name="plain", version="1", family="parking", about="", samples=(Sample,), decode=nothing)


@pytest.mark.parametrize("kind", [Truncated, TrailingBytes, UnknownPort, UnknownFrame, InvalidValue, InvalidAttribute])
def test_an_error_without_detail_says_what_its_class_stands_for(kind: type[DecodeError]) -> None:
    assert str(kind()) == kind.__doc__
    assert str(kind("byte 3")) == "byte 3"


def test_reasons_are_the_published_ones() -> None:
    kinds = (Truncated, TrailingBytes, UnknownPort, UnknownFrame, InvalidValue, InvalidAttribute)

    assert [kind.reason for kind in kinds] == [
        "payload_truncated",
        "payload_trailing",
        "port_unknown",
        "frame_unknown",
        "value_invalid",
        "attribute_invalid",
    ]


@pytest.mark.parametrize(("text", "number"), [("10", 10.0), ("0.5", 0.5), ("-1", -1.0), ("1e2", 100.0), (" 7 ", 7.0)])
def test_a_declared_attribute_is_read_as_a_number(text: str, number: float) -> None:
    assert check_attributes(DECODER, {"pressure_max_bar": text, "zone": "A"}) == {"pressure_max_bar": number}


@pytest.mark.parametrize("text", ["", "ten", "0,5", "1_0", "nan", "inf", "-1.1", "1000.1", "1 bar"])
def test_an_attribute_that_makes_no_sense_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidAttribute, match=r"pressure_max_bar=.*from -1 to 1000 bar"):
        check_attributes(DECODER, {"pressure_max_bar": text})


def test_an_attribute_that_is_not_set_is_left_out() -> None:
    assert check_attributes(DECODER, {"zone": "A"}) == {}


def test_tags_are_none_of_the_business_of_a_decoder_without_attributes() -> None:
    assert check_attributes(WITHOUT, {"pressure_max_bar": "ten"}) is EMPTY


def test_an_uplink_without_attributes_has_none() -> None:
    assert Uplink(1, b"").attributes == {}
