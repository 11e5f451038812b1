"""Which decoder a device has, and what the decoder may know about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decoders.api import Attribute
from pipeline.core.errors import Reason, Reject, SettingsError
from pipeline.decode.binding import Bindings
from pipeline.event.model import DeviceInfo
from tests.unit.pipeline.material import DECODERS, LEVEL

RANGE = Attribute(name="range_bar", unit="bar", low=0, high=10, help="of the probe")
WELL = replace(LEVEL, name="well", attributes=(RANGE,))
INSTALLED = {**DECODERS, "well": WELL}


def device(profile: str = "", eui: str = "aa", **tags: str) -> DeviceInfo:
    return DeviceInfo(eui, "name", profile, "", "", "", "", tags)


def test_the_tag_comes_before_the_profile() -> None:
    bindings = Bindings(INSTALLED, {"pegel": "level"})
    assert bindings.of(device("pegel", "1")).decoder is LEVEL
    assert bindings.of(device("pegel", "2", decoder="well")).decoder is WELL
    assert bindings.of(device("other", "3", decoder="well")).decoder is WELL


@pytest.mark.parametrize("foreign", [device("fremd"), device("pegel", decoder="ignore")])
def test_a_foreign_sensor_has_no_decoder_and_is_no_error(foreign: DeviceInfo) -> None:
    assert Bindings(INSTALLED, {"fremd": "ignore", "pegel": "level"}).of(foreign).decoder is None


@pytest.mark.parametrize(
    ("unknown", "sentence"),
    [
        (device("pegel"), "profile 'pegel' has no tag `decoder` and names no installed decoder"),
        (device("pegel", decoder="gone"), "the tag decoder='gone' names no installed decoder"),
    ],
)
def test_a_device_without_a_decoder_is_refused(unknown: DeviceInfo, sentence: str) -> None:
    with pytest.raises(Reject) as refused:
        Bindings(INSTALLED, {}).of(unknown)
    assert (refused.value.reason, str(refused.value)) == (Reason.DECODER_UNKNOWN, sentence)


def test_only_declared_attributes_reach_the_decoder() -> None:
    bound = Bindings(INSTALLED, {}).of(device(decoder="well", range_bar="2.5", vendor="x"))
    assert bound.attributes == {"range_bar": 2.5}


@pytest.mark.parametrize("text", ["many", "11", "-1", "nan", "1_0"])
def test_an_absurd_attribute_is_refused_by_name(text: str) -> None:
    with pytest.raises(Reject, match="range_bar") as refused:
        Bindings(INSTALLED, {}).of(device(decoder="well", range_bar=text))
    assert refused.value.reason is Reason.ATTRIBUTE_INVALID


def test_a_changed_description_is_noticed() -> None:
    bindings = Bindings(INSTALLED, {})
    assert bindings.of(device(decoder="well", range_bar="1")).attributes == {"range_bar": 1.0}
    assert bindings.of(device(decoder="well", range_bar="2")).attributes == {"range_bar": 2.0}
    assert bindings.of(device(decoder="level")).decoder is LEVEL


def test_a_binding_to_what_is_not_installed_stops_the_start() -> None:
    with pytest.raises(SettingsError, match=r"'x' is bound to 'gone'.*installed: level, well, or ignore"):
        Bindings(INSTALLED, {"x": "gone"})
