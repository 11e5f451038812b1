"""What `new` writes is a decoder in every respect but one: it is red until somebody writes it."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from decoders import scaffold
from decoders.testing import CHECKS
from decoders.vectors import ConformanceError, load_vectors


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("silkstream_acme")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def test_names_are_made_of_words() -> None:
    assert scaffold.name_of("Pepperl+Fuchs", "WILSEN.sonic (2)") == "pepperl_fuchs_wilsen_sonic_2"


@pytest.mark.parametrize(("vendor", "model"), [("", "x"), ("+", "x"), ("acme", "…"), ("4gon", "x"), ("a" * 60, "long")])
def test_what_makes_no_name_is_refused(vendor: str, model: str) -> None:
    with pytest.raises(ValueError, match="make no name"):
        scaffold.name_of(vendor, model)


def test_a_family_that_could_be_no_topic_is_refused() -> None:
    with pytest.raises(ValueError, match="family 'Street_Noise'"):
        scaffold.folder("Acme", "Ear", "Street_Noise")


def test_a_folder_is_what_the_built_in_ones_are() -> None:
    written = scaffold.folder("Acme", "Ear", "noise")

    assert list(written) == [
        PurePosixPath("acme_ear", name) for name in ("__init__.py", "decoder.py", "README.md", "vectors.jsonl")
    ]
    headings = [line for line in written[PurePosixPath("acme_ear/README.md")].splitlines() if line.startswith("## ")]
    assert headings == ["## Frames", "## Left out or flagged", "## What published codecs get wrong", "## Sources"]


def test_a_package_names_its_decoder_to_silkstream() -> None:
    written = scaffold.package("Acme", "Ear", "noise")
    project = tomllib.loads(written[PurePosixPath("pyproject.toml")])

    assert project["project"]["name"] == "silkstream-acme-ear"
    assert project["project"]["entry-points"]["silkstream.decoders"] == {
        "acme_ear": "silkstream_acme_ear.decoder:DECODER"
    }
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["silkstream_acme_ear"]


def test_its_suite_is_red_until_it_is_written(importable: Path) -> None:
    for path, text in scaffold.package("Acme", "Ear", "noise").items():
        (importable / path).parent.mkdir(parents=True, exist_ok=True)
        (importable / path).write_text(text, encoding="utf-8")
    decoder = importlib.import_module("silkstream_acme_ear.decoder").DECODER
    red = []
    for check in CHECKS:
        try:
            check(decoder, load_vectors(decoder))
        except ConformanceError:
            red.append(check.__name__)

    assert (decoder.name, decoder.family, decoder.about) == ("acme_ear", "noise", "Acme Ear")
    assert "answers_every_vector" in red
