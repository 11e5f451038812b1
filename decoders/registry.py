"""Finds the installed decoders and checks them before the first frame.

Built-in decoders come through the same entry points as an integrator's, so the door is tried on every start. All
checks happen here, once, so that a bad plugin stops a process with a sentence instead of spoiling frames.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType, NoneType
from typing import Final, get_args, get_type_hints

from decoders.api import Decoder, Sample
from decoders.quantities import QUANTITIES, Kind, Quantity, ValueType

GROUP: Final = "silkstream.decoders"

# Names become topics, tables and columns; "_" in a family would collide with the suffix of a data class.
_DECODER_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
FAMILY_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,29}")
_QUANTITY_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_VERSION: Final = re.compile(r"[0-9]+(\.[0-9]+)*")

_BASE_FIELDS: Final = frozenset(each.name for each in fields(Sample))
_TYPE_OF: Final[Mapping[ValueType, type]] = {"number": float, "integer": int, "flag": bool, "text": str}


class RegistryError(Exception):
    """An installed decoder cannot be used; the sentence names the package that brought it."""


def load() -> Mapping[str, Decoder]:
    """Every installed decoder by name, in the order of their names.

    Raises:
        RegistryError: a package brings a decoder that cannot be imported, is no decoder, has a name that is taken
            or not its own, or speaks of a quantity that nobody has defined.
    """
    decoders: dict[str, Decoder] = {}
    brought_by: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda each: (each.name, _package(each))):
        package = _package(entry)
        if entry.name in brought_by:
            raise RegistryError(
                f"decoder {entry.name} comes from two packages, {brought_by[entry.name]} and {package}: uninstall one"
            )
        decoders[entry.name] = _checked(entry, package)
        brought_by[entry.name] = package
    _one_vocabulary(decoders, brought_by)
    return MappingProxyType(decoders)


def packages() -> Mapping[str, str]:
    """Which package brings each decoder, by the decoder's name."""
    return {entry.name: _package(entry) for entry in entry_points(group=GROUP)}


def vocabulary(decoders: Iterable[Decoder]) -> Mapping[str, Quantity]:
    """Every quantity that these decoders may speak of: the built-in ones and those they bring."""
    own = {each.name: each for decoder in decoders for each in decoder.quantities}
    return MappingProxyType({**QUANTITIES, **own})


def fields_of(sample_type: type[Sample]) -> tuple[str, ...]:
    """The quantities that a sample type can carry, in declared order, inherited ones first.

    Made for `operator.attrgetter(*fields_of(kind))`, which returns a bare value instead of a tuple for one name.
    """
    return _quantity_fields(sample_type)  # type: ignore[arg-type]  # mypy asks the instances for the class's hash


@functools.cache
def _quantity_fields(sample_type: type[Sample]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(sample_type) if each.name not in _BASE_FIELDS)


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def _checked(entry: EntryPoint, package: str) -> Decoder:
    where = f"decoder {entry.name} of package {package}"
    try:
        decoder = entry.load()
    except Exception as broken:
        raise RegistryError(
            f"{where} cannot be imported from {entry.value}: {type(broken).__name__}: {broken}"
        ) from broken
    if not isinstance(decoder, Decoder):
        raise RegistryError(f"{where}: {entry.value} is a {type(decoder).__name__}, not a Decoder")
    fault = _fault(entry.name, decoder)
    if fault:
        raise RegistryError(f"{where}: {fault}")
    return decoder


def _fault(entry_name: str, decoder: Decoder) -> str:
    """What is wrong with the decoder, or an empty string."""
    if decoder.name != entry_name:
        return f"it calls itself {decoder.name}; entry point and decoder must have one name"
    if not _DECODER_NAME.fullmatch(decoder.name):
        return "its name must be lower-case letters, digits and underscores, a letter first, at most 63"
    if not FAMILY_NAME.fullmatch(decoder.family):
        return f"family {decoder.family!r} must be lower-case letters and digits, a letter first, at most 30"
    if not _VERSION.fullmatch(decoder.version):
        return f"version {decoder.version!r} must be numbers with dots between them"
    if decoder.history_step_seconds is not None and decoder.history_step_seconds <= 0:
        return f"history_step_seconds {decoder.history_step_seconds} must be above 0"
    if not decoder.samples:
        return "it names no sample type"
    own = {each.name: each for each in decoder.quantities}
    for quantity in decoder.quantities:
        fault = _quantity_fault(quantity)
        if fault:
            return f"quantity {quantity.name!r} {fault}"
    for sample_type in decoder.samples:
        fault = _sample_fault(sample_type, {**QUANTITIES, **own})
        if fault:
            return fault
    return ""


def _quantity_fault(quantity: Quantity) -> str:
    if not _QUANTITY_NAME.fullmatch(quantity.name):
        return "must be lower-case letters, digits and underscores, a letter first, at most 63"
    if quantity.value_type not in get_args(ValueType):
        return f"has value_type {quantity.value_type!r}; expected one of {', '.join(get_args(ValueType))}"
    if quantity.kind not in get_args(Kind):
        return f"has kind {quantity.kind!r}; expected one of {', '.join(get_args(Kind))}"
    if not quantity.low < quantity.high:
        return f"has bounds from {quantity.low:g} to {quantity.high:g}; the lower one must be below the upper"
    if not quantity.help.strip() or any(each.isspace() for each in quantity.unit):
        return "needs a help sentence, and a unit (a UCUM code) without spaces"
    return ""


def _sample_fault(sample_type: object, known: Mapping[str, Quantity]) -> str:
    if not (isinstance(sample_type, type) and issubclass(sample_type, Sample) and is_dataclass(sample_type)):
        return f"{sample_type!r} is no dataclass derived from Sample"
    try:
        hints = get_type_hints(sample_type)
    except NameError as missing:
        return f"{sample_type.__name__} has an annotation that cannot be read: {missing}"
    for name in fields_of(sample_type):
        quantity = known.get(name)
        if quantity is None:
            return f"{sample_type.__name__}.{name} is no known quantity"
        wanted = _TYPE_OF[quantity.value_type]
        if set(get_args(hints[name])) != {wanted, NoneType}:
            return f"{sample_type.__name__}.{name} must be annotated {wanted.__name__} | None"
    return ""


def _one_vocabulary(decoders: Mapping[str, Decoder], brought_by: Mapping[str, str]) -> None:
    known: dict[str, tuple[Quantity, str]] = {name: (each, "silkstream") for name, each in QUANTITIES.items()}
    for decoder in decoders.values():
        package = brought_by[decoder.name]
        for each in decoder.quantities:
            other, owner = known.setdefault(each.name, (each, package))
            if other.unit != each.unit:
                raise RegistryError(
                    f"decoder {decoder.name} of package {package}: quantity {each.name} is in {each.unit!r} here "
                    f"and in {other.unit!r} in package {owner}; one name has one unit"
                )
            if other != each:
                raise RegistryError(
                    f"decoder {decoder.name} of package {package}: quantity {each.name} is defined otherwise "
                    f"in package {owner}"
                )
