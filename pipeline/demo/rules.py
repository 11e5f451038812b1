"""The city file of the demo: what its city would call too high, well by well."""

from __future__ import annotations

from typing import Final

from pipeline.simulator import CityPlan, Family, devices
from pipeline.simulator.groundwater import true_level

HIGH_METRES: Final = 0.18
"""Above where a well stood when the day began: what a good rain does to the quick ones."""


def city_file(plan: CityPlan) -> str:
    """Limits of all wells, as a file for `topology.city`."""
    entries = ["version = 1", ""]
    for device in devices(plan):
        if device.family is Family.GROUNDWATER:
            limit = true_level(plan, device)(plan.start_us) + HIGH_METRES
            entries += ["[[groundwater]]", f'site = "{device.site}"', f"high_metres_nhn = {limit:.2f}", ""]
    return "\n".join(entries)
