"""Every installed decoder keeps the contract and answers its own vectors.

The list comes from the live registry, so a decoder that is added is tested without a line here.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import pytest

from decoders.api import Decoder
from decoders.catalogue import entry_of, table, with_table
from decoders.registry import load
from decoders.testing import CHECKS, answer, answers_vector
from decoders.vectors import Vector, load_vectors

Check = Callable[[Decoder, Sequence[Vector]], None]

DECODERS = load()
UPSTREAM_IDS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("upstream_ids.json").read_text(encoding="utf-8")
)
"""The published frames that each decoder must answer; a vector names its id at the head of its source."""


@pytest.mark.parametrize(
    ("decoder", "vector"),
    [
        pytest.param(decoder, vector, id=f"{decoder.name} on line {line} of its vectors: {vector.about}")
        for decoder in DECODERS.values()
        for line, vector in enumerate(load_vectors(decoder), 1)
    ],
)
def test_a_vector_is_answered_exactly(decoder: Decoder, vector: Vector) -> None:
    answers_vector(decoder, vector)


@pytest.mark.parametrize(
    ("decoder", "check"),
    [
        pytest.param(decoder, check, id=f"{decoder.name} {check.__name__.replace('_', ' ')}")
        for decoder in DECODERS.values()
        for check in CHECKS
    ],
)
def test_the_contract_is_kept(decoder: Decoder, check: Check) -> None:
    check(decoder, load_vectors(decoder))


@pytest.mark.parametrize("name", UPSTREAM_IDS)
def test_every_published_frame_is_among_the_vectors(name: str) -> None:
    sources = [each.source.partition(":")[0] for each in load_vectors(DECODERS[name])]

    missing = [each for each in UPSTREAM_IDS[name] if sources.count(each) != 1]

    assert missing == []


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=lambda each: each.name)
def test_the_readme_tells_what_a_reader_needs(decoder: Decoder) -> None:
    package = decoder.decode.__module__.rpartition(".")[0]

    text = files(package).joinpath("README.md").read_text(encoding="utf-8")

    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Frames", "## Left out or flagged", "## What published codecs get wrong", "## Sources"]


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=lambda each: each.name)
def test_the_readme_names_every_attribute(decoder: Decoder) -> None:
    package = decoder.decode.__module__.rpartition(".")[0]

    text = files(package).joinpath("README.md").read_text(encoding="utf-8")

    assert [each.name for each in decoder.attributes if each.name not in text] == []


def test_every_family_of_the_city_has_a_decoder() -> None:
    families = {decoder.family for decoder in DECODERS.values()}

    assert families == {"parking", "groundwater", "container", "lighting", "weather", "water"}


def test_every_decoder_has_its_published_frames() -> None:
    assert set(UPSTREAM_IDS) == set(DECODERS)


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=lambda each: each.name)
def test_a_decoder_needs_nothing_but_the_uplink(decoder: Decoder) -> None:
    parameters = inspect.signature(decoder.decode).parameters

    assert len(parameters) == 1


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=lambda each: each.name)
def test_the_catalogue_counts_the_published_frames(decoder: Decoder) -> None:
    entry = entry_of(decoder, load_vectors(decoder))

    assert entry.published == len(UPSTREAM_IDS[decoder.name])
    assert entry.sources


def test_the_table_in_the_readme_is_the_one_that_the_decoders_make() -> None:
    text = files("decoders").joinpath("README.md").read_text(encoding="utf-8")

    assert with_table(text, table(entry_of(each, load_vectors(each)) for each in DECODERS.values())) == text


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=lambda each: each.name)
def test_no_port_but_an_application_port_is_accepted(decoder: Decoder) -> None:
    """Port 0 carries MAC commands, and 224 and above belong to the network."""
    for vector in load_vectors(decoder):
        for port in (0, 224, 255):
            answered = answer(decoder, port, vector.payload, vector.attributes)
            assert isinstance(answered, str), f"{vector} on port {port}: {answered}"


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=lambda each: each.name)
def test_what_only_belongs_to_an_installation_is_no_attribute(decoder: Decoder) -> None:
    geometry = ("casing", "suspension", "empty_distance", "full_distance", "height", "rated")

    assert [each.name for each in decoder.attributes for word in geometry if word in each.name] == []
