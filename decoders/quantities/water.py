"""Water meters."""

from __future__ import annotations

from typing import Final

from decoders.quantities.model import Quantity, counter, state

WATER: Final[tuple[Quantity, ...]] = (
    counter("water_volume_litres", "L", "water that has passed the meter", ttn="metering.water.total"),
    state("meter_fault", "the meter reports that it is broken"),
    state("meter_disturbed", "the meter cannot measure for now: no water in the pipe, or a fault that may pass"),
    state("leak", "water runs without a pause", ttn="water.leak"),
    state("burst", "far more water runs than should"),
    state("backflow", "water runs backwards"),
    state("frost", "the meter may freeze"),
    state("tampered", "somebody has interfered with the meter"),
    state("no_consumption", "no water has run for a long time"),
)
