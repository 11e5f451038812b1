"""The vocabulary: every quantity a sample may carry, with its unit, bounds and kind; one module per family.

One list for all decoders, because a name that means metres here and millimetres there cannot share a column.
Ratios run from 0 to 1. A value outside the bounds is no measurement: decoders leave it out and flag the sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from decoders.quantities.container import CONTAINER
from decoders.quantities.device import DEVICE
from decoders.quantities.groundwater import GROUNDWATER
from decoders.quantities.lighting import LIGHTING
from decoders.quantities.model import Kind, Quantity, ValueType
from decoders.quantities.parking import PARKING
from decoders.quantities.water import WATER
from decoders.quantities.weather import WEATHER

__all__ = ["QUANTITIES", "Kind", "Quantity", "ValueType", "index"]


def index(quantities: Iterable[Quantity]) -> Mapping[str, Quantity]:
    """Quantities by name.

    Raises:
        ValueError: one name stands for two different quantities.
    """
    found: dict[str, Quantity] = {}
    for each in quantities:
        known = found.setdefault(each.name, each)
        if known.unit != each.unit:
            raise ValueError(f"quantity {each.name} has two units, {known.unit!r} and {each.unit!r}")
        if known != each:
            raise ValueError(f"quantity {each.name} is defined twice, and not alike")
    return MappingProxyType(found)


QUANTITIES: Final[Mapping[str, Quantity]] = index(
    (*DEVICE, *PARKING, *GROUNDWATER, *CONTAINER, *LIGHTING, *WEATHER, *WATER)
)
