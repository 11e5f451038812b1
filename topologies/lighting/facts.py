"""What is kept of a luminaire: what a frame said, the fact that follows, and what is shown now."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from topologies.lighting.meters import Meter
from topologies.runtime.alarms import Alarms

NO_SITE: Final = "no_site"
METER_ODD: Final = "meter_odd"
OWN_FLAGS: Final = frozenset({NO_SITE, METER_ODD})
"""Flags of ours; the others come from the decoder."""


class Report(NamedTuple):
    """What a frame said of a luminaire; None where it did not speak of it."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    dimming_ratio: float | None
    """The level that it was told or has: of its brightest output."""
    lamp_on: bool | None
    lamp_failure: bool | None
    driver_failure: bool | None
    power_watts: float | None
    energy_watt_hours: float | None
    energy_channel: int
    """Of the node's own meter (0), else of the first driver that has one."""
    lamp_seconds: float | None
    lamp_channel: int
    flags: tuple[str, ...]


class State(NamedTuple):
    """A report with what follows from it."""

    device: DevEui
    observed_at_us: int
    event_id: Id
    report: Report
    site: str | None
    segment: str | None
    rated_watts: float | None
    night_us: int | None
    """When the night began that it belongs to."""
    prior_us: int | None
    """The report before it in this assignment."""
    burning: bool | None
    """As far as is known."""
    since_us: int | None
    until_us: int
    """How long that holds, if nothing else comes."""
    failed: bool
    """It was measured dark while it was told to burn and had to, and not measured burning since."""
    should_burn: bool | None
    """By the plan; None: not judged."""
    level_ratio: float | None
    """The last one that was told."""
    draws_watts: float | None
    """The last power that was measured since it burns, or does not."""
    lamp_fault: bool | None
    driver_fault: bool | None
    energy: Meter | None
    used_watt_hours: float | None
    """Since `used_since_us`, where this report's reading of the meter tells it."""
    used_since_us: int | None
    lamp: Meter | None
    lit_seconds: float | None
    """Burning time by the lamp's own counter since `lit_since_us`."""
    lit_since_us: int | None
    alarms: Alarms
    flags: tuple[str, ...]


class Now(NamedTuple):
    """What the newest report says while its assignment lasts."""

    site: str | None
    segment: str | None
    burning: bool | None
    """None: not known."""
    since_us: int | None
    should_burn: bool | None
    level_ratio: float | None
    power_watts: float | None
    lamp_fault: bool | None
    driver_fault: bool | None
    energy_watt_hours: float | None
    lamp_seconds: float | None


NOWHERE: Final = Now(*[None] * len(Now._fields))
