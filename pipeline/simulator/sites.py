"""The sites of the city as the CSV that `silkstream sites import` takes."""

from __future__ import annotations

import csv
import io
from itertools import cycle
from typing import Final

from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device, devices
from pipeline.simulator.models import Family

COLUMNS: Final = ("site", "family", "name", "group", "dev_eui", "valid_from")
ATTRIBUTES: Final = (
    "empty_distance_metres",
    "full_distance_metres",
    "measuring_point_metres_nhn",
    "ground_metres_nhn",
    "suspension_metres",
    "rated_watts",
)
MATERIALS: Final = ("glass", "paper", "textile")
"""What containers are for, in turn."""
PRESSURE_REFERENCE: Final = {Family.GROUNDWATER: "vented"}
"""Loggers that have a barometer tell the difference, too."""


def sites_csv(plan: CityPlan, city: tuple[Device, ...] | None = None) -> str:
    """One line for each site: what it is, what it is counted with, which device is there since the plan's start.

    Distances and heights in metres, power in watts; a cell is empty where the attribute does not apply.
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow((*COLUMNS, *ATTRIBUTES, "material", "pressure_reference"))
    materials = cycle(MATERIALS)
    for device in devices(plan) if city is None else city:
        lines.writerow(
            (
                device.site,
                device.family.value,
                device.name,
                device.group,
                device.dev_eui,
                plan.start.isoformat(),
                *(device.attributes.get(name, "") for name in ATTRIBUTES),
                next(materials) if device.family is Family.CONTAINER else "",
                PRESSURE_REFERENCE.get(device.family, ""),
            )
        )
    return text.getvalue()
