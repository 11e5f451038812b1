"""A bad plugin stops the start with a sentence that names its package."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decoders import registry
from decoders.bosch_tps110.decoder import ParkingStatus
from decoders.milesight_em310_udl.decoder import DECODER as EM310
from decoders.quantities import QUANTITIES, Quantity, index
from decoders.registry import RegistryError, fields_of, load, vocabulary

Install = Callable[..., None]

GOOD = """
from __future__ import annotations
from dataclasses import dataclass
from decoders.api import Decoder, Sample
from decoders.quantities import Quantity

@dataclass(frozen=True, slots=True, kw_only=True)
class Noise(Sample):
    {field}: {kind} = None

QUANTITY = Quantity(name="noise_level_dba", unit="{unit}", low=0, high=150, kind="level", help="noise")
DECODER = Decoder(
    name="{name}", version="{version}", family="{family}", about="", samples=(Noise,),
    decode=lambda uplink: (), quantities=({own}),
)
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Write a distribution with one decoder onto the path, as pip would install it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(package: str, *, entry: str = "acme_ear", source: str | None = None, **parts: str) -> None:
        module = package.replace("-", "_")
        parts = {
            "field": "noise_level_dba",
            "kind": "float | None",
            "name": "acme_ear",
            "version": "1.0",
            "family": "noise",
            "unit": "dB[SPL]",
            "own": "QUANTITY,",
        } | parts
        (tmp_path / f"{module}.py").write_text(GOOD.format(**parts) if source is None else source, encoding="utf-8")
        information = tmp_path / f"{module}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", "utf-8")
        (information / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{entry} = {module}:DECODER\n", "utf-8")
        importlib.invalidate_caches()

    yield write
    importlib.invalidate_caches()


def test_built_in_decoders_come_through_the_entry_points() -> None:
    decoders = load()

    assert set(decoders) >= {"bosch_tps110", "decentlab_dl_pr26", "milesight_em310_udl", "nas_ul20xx"}
    assert all(name == decoder.name for name, decoder in decoders.items())


def test_a_plugin_brings_its_own_quantity_and_family(install: Install) -> None:
    install("plugin-good")

    decoder = load()["acme_ear"]

    assert decoder.family == "noise"
    assert vocabulary([decoder])["noise_level_dba"].unit == "dB[SPL]"
    assert fields_of(decoder.samples[0]) == ("noise_level_dba",)


def test_two_packages_may_bring_the_same_quantity(install: Install) -> None:
    install("plugin-first")
    install("plugin-second", entry="beta_ear", name="beta_ear")

    assert set(load()) >= {"acme_ear", "beta_ear"}


BROKEN = {
    "import failure": (
        {"source": "raise RuntimeError('no licence')"},
        "cannot be imported .* RuntimeError: no licence",
    ),
    "missing attribute": ({"source": "x = 1"}, "cannot be imported .* AttributeError"),
    "not a decoder": ({"source": "DECODER = 7"}, "is a int, not a Decoder"),
    "another name": ({"name": "acme_nose"}, "calls itself acme_nose"),
    "bad family": ({"family": "Noise_2"}, "family 'Noise_2' must be"),
    "bad version": ({"version": "new"}, "version 'new' must be"),
    "unknown quantity": ({"field": "loudness"}, r"Noise\.loudness is no known quantity"),
    "wrong annotation": ({"kind": "int | None"}, r"Noise\.noise_level_dba must be annotated float \| None"),
    "annotation nobody knows": ({"kind": "Phon | None"}, "has an annotation that cannot be read"),
    "quantity of its own not declared": ({"own": ""}, r"Noise\.noise_level_dba is no known quantity"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_named(install: Install, case: str) -> None:
    parts, sentence = BROKEN[case]
    install(f"plugin-{case.replace(' ', '-')}", **parts)

    with pytest.raises(RegistryError, match=f"decoder acme_ear of package plugin-{case.replace(' ', '-')}.*{sentence}"):
        load()


SENSELESS = {
    "kind": ('kind="level"', 'kind="levels"', "has kind 'levels'; expected one of gauge, counter, amount"),
    "type": ("high=150,", 'high=150, value_type="txt",', "has value_type 'txt'; expected one of number, integer, flag"),
    "bounds": ("high=150", "high=-1", "has bounds from 0 to -1; the lower one must be below"),
    "help": ('help="noise"', 'help=" "', "needs a help sentence"),
    "unit": ('unit="{unit}"', 'unit="deci bel"', "a unit .* without spaces"),
}


@pytest.mark.parametrize("case", SENSELESS)
def test_a_quantity_that_makes_no_sense_is_refused(install: Install, case: str) -> None:
    right, wrong, sentence = SENSELESS[case]
    values = {"field": "noise_level_dba", "kind": "float | None", "name": "acme_ear", "version": "1", "family": "noise"}
    source = GOOD.replace(right, wrong).format(**values, unit="dB", own="QUANTITY,")
    install(f"plugin-senseless-{case}", source=source)

    with pytest.raises(RegistryError, match=f"acme_ear of package plugin-senseless-{case}: quantity .*{sentence}"):
        load()


def test_a_name_that_two_packages_bring_is_refused(install: Install) -> None:
    install("plugin-one")
    install("plugin-two")

    with pytest.raises(RegistryError, match="acme_ear comes from two packages, plugin-one and plugin-two: uninstall"):
        load()


def test_a_built_in_name_cannot_be_taken_over(install: Install) -> None:
    install("plugin-thief", entry="bosch_tps110", name="bosch_tps110")

    with pytest.raises(RegistryError, match="bosch_tps110 comes from two packages, plugin-thief and silkstream"):
        load()


def test_a_name_with_two_units_is_refused(install: Install) -> None:
    install("plugin-pascal")
    install("plugin-sone", entry="beta_ear", name="beta_ear", unit="sone")

    with pytest.raises(
        RegistryError,
        match=r"beta_ear of package plugin-sone: .* is in 'sone' here and in 'dB\[SPL\]' in package plugin-pascal",
    ):
        load()


def test_the_unit_of_a_built_in_quantity_cannot_be_changed(install: Install) -> None:
    source = GOOD.replace('"noise_level_dba"', '"distance_metres"').format(
        field="distance_metres",
        kind="float | None",
        name="acme_ear",
        version="1",
        family="noise",
        unit="mm",
        own="QUANTITY,",
    )
    install("plugin-millimetre", source=source)

    with pytest.raises(RegistryError, match="distance_metres is in 'mm' here and in 'm' in package silkstream"):
        load()


def test_fields_are_the_quantities_in_declared_order() -> None:
    assert fields_of(ParkingStatus) == (
        "occupied",
        "device_temperature_celsius",
        "firmware_version",
        "reset_cause",
        "debug_codes",
    )
    assert fields_of(ParkingStatus) is fields_of(ParkingStatus)


def test_every_quantity_has_a_unit_bounds_and_a_sentence() -> None:
    faulty = [each.name for each in QUANTITIES.values() if not (each.low < each.high and each.help)]

    assert faulty == []


def test_a_quantity_that_is_defined_twice_is_refused() -> None:
    metres = QUANTITIES["distance_metres"]
    feet = Quantity(name="distance_metres", unit="[ft_i]", low=0, high=1, kind="gauge", help="")
    far = Quantity(name="distance_metres", unit="m", low=0, high=1, kind="gauge", help="")

    assert index([metres, metres])["distance_metres"] is metres
    with pytest.raises(ValueError, match="two units"):
        index([metres, feet])
    with pytest.raises(ValueError, match="defined twice"):
        index([metres, far])


def test_the_vocabulary_of_built_in_decoders_is_the_built_in_one() -> None:
    assert vocabulary([EM310]) == QUANTITIES
