"""Batteries: how much is left, as the devices and the LoRaWAN stack tell it.

Straight lines, because over the days that a simulation covers a lithium cell's voltage is one.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Final, NamedTuple

from pipeline.core.clock import DAY_US
from pipeline.simulator.frames import randomness


class Battery(NamedTuple):
    """A cell that held `ratio_at_start` at `start_us` and loses the same every day."""

    start_us: int
    ratio_at_start: float
    loss_per_day: float

    def ratio(self, at_us: int) -> float:
        """What is left of it, 0..1."""
        return min(1.0, max(0.0, self.ratio_at_start - self.loss_per_day * (at_us - self.start_us) / DAY_US))

    def volts(self, at_us: int) -> float:
        """The voltage of a lithium thionyl chloride cell: flat, then falling at the end."""
        left = self.ratio(at_us)
        return 3.6 - 0.15 * (1.0 - left) - (0.9 * (0.1 - left) / 0.1 if left < 0.1 else 0.0)


def battery_of(seed: str, dev_eui: str, start_us: int) -> Battery:
    """A device's battery, in a city that was not equipped on one day; a few are nearly empty."""
    rng = randomness(seed, dev_eui, "battery")
    left = rng.uniform(0.04, 0.15) if rng.random() < 0.03 else rng.uniform(0.45, 0.99)
    return Battery(start_us, left, rng.uniform(1.0, 1.6) / 3650.0)


LEVELS: Final = 254


@cache
def device_status_percent(level: int) -> float:
    """What ChirpStack makes of the battery byte 1..254 of DevStatusAns: a 32-bit float, written as short as it goes."""
    exact = struct.unpack("<f", struct.pack("<f", level / LEVELS * 100.0))[0]
    for digits in range(1, 10):
        short = float(f"{exact:.{digits}g}")
        if struct.unpack("<f", struct.pack("<f", short))[0] == exact:
            return short
    return float(exact)
