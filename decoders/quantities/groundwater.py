"""Groundwater wells and other water levels."""

from __future__ import annotations

from typing import Final

from decoders.quantities.model import Quantity, number, state

GROUNDWATER: Final[tuple[Quantity, ...]] = (
    number(
        "pressure_bar",
        "bar",
        -2,
        1500,
        "pressure at the probe, relative or absolute as the probe was ordered",
        ttn="water.pressure",
        fiware="PhreaticObserved.pressure",
    ),
    number("absolute_pressure_bar", "bar", -2, 1500, "absolute pressure at the probe, where the device reports both"),
    number("reference_pressure_bar", "bar", -2, 1500, "pressure at the device's second probe, the reference"),
    number("pressure_difference_bar", "bar", -1500, 1500, "pressure at the first probe minus that at the second"),
    number(
        "water_column_metres", "m", -10, 10_000, "water above the probe as the device computes it", ttn="water.level"
    ),
    number(
        "water_temperature_celsius",
        "Cel",
        -50,
        100,
        "temperature of the water at the probe",
        ttn="water.temperature.current",
    ),
    number("probe_temperature_celsius", "Cel", -60, 150, "temperature of the pressure sensor's chip"),
    number("reference_probe_temperature_celsius", "Cel", -60, 150, "temperature of the second sensor's chip"),
    number(
        "water_conductivity_microsiemens_per_centimetre",
        "uS/cm",
        0,
        500_000,
        "electrical conductivity of the water at 25 degrees",
        ttn="water.ec",
    ),
    number(
        "raw_conductivity_microsiemens_per_centimetre",
        "uS/cm",
        0,
        500_000,
        "electrical conductivity of the water as it is, not reduced to 25 degrees",
    ),
    number("sdi12_value", "", -1e12, 1e12, "a value of an SDI-12 sensor; its channel tells which"),
    state("freezing", "the probe is frozen in, or about to be"),
)
