"""`silkstream decoders` and `silkstream devices`, as an integrator meets them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from decoders.registry import load
from pipeline.core.errors import EXIT_SETTINGS
from pipeline.decode.binding import Bindings
from pipeline.devices import Heard, bindings_of
from pipeline.event.model import DeviceInfo
from tests.unit.pipeline.test_cli import Told, silkstream

__all__ = ["silkstream"]

UDL = ("decoders", "try", "milesight_em310_udl", "--port", "85", "--hex")
FRAME = "01755c03824408040001"


def test_every_installed_decoder_is_listed_with_its_package(silkstream: Callable[..., Told]) -> None:
    told = silkstream("decoders", "list")

    listed = {line.split()[0]: line.split()[1:4] for line in told.output.splitlines()[1:]}
    assert listed == {d.name: [d.version, d.family, "silkstream"] for d in load().values()}


def test_show_names_attributes_and_quantities_with_their_units(silkstream: Callable[..., Told]) -> None:
    told = silkstream("decoders", "show", "decentlab_dl_pr26")

    lines = [line.split() for line in told.output.splitlines()]
    assert ["pressure_min_bar", "bar", "-1", "1000"] in [line[:4] for line in lines]
    assert ["water_temperature_celsius", "Cel", "gauge", "-50", "100"] in [line[:5] for line in lines]


def test_a_frame_is_shown_with_its_units(silkstream: Callable[..., Told]) -> None:
    told = silkstream(*UDL, FRAME)

    rows = [line.split()[:5] for line in told.output.splitlines()]
    assert told.status == 0
    assert ["0", "now", "distance_metres", "2.116", "m"] in rows
    assert ["0", "now", "tilted", "true", "the"] in rows


def test_for_machines_it_is_json(silkstream: Callable[..., Told]) -> None:
    told = silkstream(*UDL, FRAME, "--json")

    assert orjson.loads(told.output) == {
        "decoder": "milesight_em310_udl",
        "version": "1.0",
        "family": "container",
        "samples": [{"distance_metres": 2.116, "tilted": True, "battery_ratio": 0.92}],
    }


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_refused_frame_says_why_and_ends_with_1(silkstream: Callable[..., Told], as_json: tuple[str, ...]) -> None:
    told = silkstream(*UDL, FRAME[:-2], *as_json)

    assert told.status == 1
    assert "payload_truncated" in told.output


def test_attributes_reach_the_decoder(silkstream: Callable[..., Told]) -> None:
    words = ("decoders", "try", "decentlab_dl_pr26", "--port", "1", "--hex", "02016700033e8060170c7f", "--json")

    without = orjson.loads(silkstream(*words).output)
    given = ("--attribute", "pressure_min_bar=0", "--attribute", "pressure_max_bar=1")
    told = orjson.loads(silkstream(*words, *given).output)
    absurd = silkstream(*words, *given[:3], "pressure_max_bar=many")

    assert without["samples"][0]["flags"] == ["uncalibrated"]
    assert told["samples"][0]["pressure_bar"] == -0.01171875
    assert (absurd.status, orjson.loads(absurd.output)["reject"]) == (1, "attribute_invalid")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("try", "nope", "--port", "1", "--hex", "00"), "no decoder 'nope' is installed; installed: "),
        (("show", "nope"), "no decoder 'nope' is installed"),
        (("test", "nope"), "no decoder 'nope' is installed"),
        (("try", "bosch_tps110", "--port", "1", "--hex", "0g"), "--hex '0g': expected pairs of hexadecimal digits"),
        (
            ("try", "bosch_tps110", "--port", "1", "--hex", "01", "--attribute", "x=1"),
            "--attribute 'x=1': expected none",
        ),
        (
            ("try", "decentlab_dl_pr26", "--port", "1", "--hex", "01", "--attribute", "x"),
            "expected NAME=VALUE with NAME out of pressure_min_bar, pressure_max_bar",
        ),
        (("new", "", "x", "--family", "noise"), "make no name"),
        (("new", "a", "x", "--family", "No"), "family 'No' must be"),
        (
            ("new", "Bosch", "TPS110", "--family", "parking"),
            "a decoder bosch_tps110 already, of package silkstream",
        ),
    ],
)
def test_a_mistake_is_one_sentence(silkstream: Callable[..., Told], words: tuple[str, ...], sentence: str) -> None:
    told = silkstream("decoders", *words)

    assert told.status == EXIT_SETTINGS
    assert sentence in told.errors
    assert told.errors.count("\n") == 1


def test_new_writes_a_package_once(silkstream: Callable[..., Told], tmp_path: Path) -> None:
    words = ("decoders", "new", "Acme", "Ear", "--family", "noise", "--package", str(tmp_path / "ear"))

    told = silkstream(*words)
    again = silkstream(*words)

    assert told.status == 0
    written = {str(path.relative_to(tmp_path / "ear")) for path in (tmp_path / "ear").rglob("*") if path.is_file()}
    assert {"pyproject.toml", "silkstream_acme_ear/decoder.py", "tests/test_decoder.py"} <= written
    assert all(str(tmp_path / "ear" / path) in told.output for path in written)
    assert again.status == EXIT_SETTINGS


def test_the_suite_runs_on_the_decoders_that_are_named(silkstream: Callable[..., Told]) -> None:
    told = silkstream("decoders", "test", "nwave_nps310", "lobaro_pressure_26d")

    assert told.status == 0
    assert [line.split(":")[0] for line in told.output.splitlines()] == ["nwave_nps310", "lobaro_pressure_26d"]
    assert all(line.endswith("us a frame") for line in told.output.splitlines())


def test_the_suite_names_what_it_holds_against_a_decoder(
    silkstream: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.plugins.load_vectors", lambda _: [])

    told = silkstream("decoders", "test", "nwave_nps310")

    assert told.status == 1
    assert "nwave_nps310: FAILED: nwave_nps310: no vector is accepted" in told.output


def device(eui: str, profile: str, **tags: str) -> Heard:
    return Heard(DeviceInfo(eui, "", profile, "", "", "", "", tags), datetime(2026, 6, 1, tzinfo=UTC))


def test_a_device_is_bound_as_decode_would_bind_it() -> None:
    bindings = Bindings(load(), {"pegel": "keller_adt1", "fremd": "ignore"})
    found = bindings_of(
        [
            device("1", "pegel"),
            device("2", "pegel", decoder="bosch_tps110"),
            device("3", "fremd"),
            device("4", "unknown"),
            device("5", "x", decoder="gone"),
            device("6", "x", decoder="decentlab_dl_pr26", pressure_min_bar="low"),
        ],
        bindings,
    )

    assert [each.decoder for each in found] == ["keller_adt1", "bosch_tps110", "ignore", "", "", ""]
    assert [each.complaint.split("'")[0] for each in found[3:]] == [
        "profile ",
        "the tag decoder=",
        "pressure_min_bar=",
    ]
