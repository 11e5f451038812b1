"""The air: which gateways hear a device, how loudly, and at which data rate it sends.

A log-distance model with a fixed shadowing for each path: enough for link quality to differ by device and to stay
what it was, which is what makes a worsening one visible.
"""

from __future__ import annotations

import math
from hashlib import blake2b
from random import Random
from typing import Final, NamedTuple

from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import LATITUDE, LONGITUDE, Device
from pipeline.simulator.frames import randomness

METRES_PER_DEGREE: Final = 111_320.0
SENSITIVITY_DBM: Final = -124
NOISE_FLOOR_DBM: Final = -117.0
MOST_HEARD: Final = 3
PATH_LOSS_EXPONENT: Final = 3.6


class Gateway(NamedTuple):
    """A gateway at its place."""

    gateway_id: str
    context: bytes
    latitude: float
    longitude: float
    altitude_metres: float


class Reception(NamedTuple):
    """One gateway's account of a transmission; `gw_time_us` of its own clock, `ns_time_ns` of the server's."""

    gateway: Gateway
    rssi_dbm: int
    snr_db: float
    uplink_id: int
    gw_time_us: int
    ns_time_ns: int


class Link(NamedTuple):
    """The gateways within reach of a device with their mean RSSI, best first, and its LoRaWAN data rate (EU868)."""

    paths: tuple[tuple[Gateway, float], ...]
    data_rate: int

    @property
    def spreading_factor(self) -> int:
        """DR0..DR5 are SF12..SF7 at 125 kHz."""
        return 12 - self.data_rate


def gateways(plan: CityPlan) -> tuple[Gateway, ...]:
    """The gateways of the city, spread over a grid with some disorder."""
    made = []
    columns = max(1, math.ceil(math.sqrt(plan.gateways)))
    for number in range(plan.gateways):
        gateway_id = blake2b(f"{plan.seed}/gateway/{number}".encode(), digest_size=3).hexdigest() + f"fffe{number:06x}"
        rng = randomness(plan.seed, gateway_id, "place")
        row, column = divmod(number, columns)
        made.append(
            Gateway(
                gateway_id=gateway_id,
                context=b"\x00" + bytes.fromhex(gateway_id[:6]),
                latitude=round(LATITUDE + (row - (columns - 1) / 2) * 0.024 + rng.gauss(0.0, 0.004), 6),
                longitude=round(LONGITUDE + (column - (columns - 1) / 2) * 0.038 + rng.gauss(0.0, 0.006), 6),
                altitude_metres=float(rng.randrange(35, 80)),
            )
        )
    return tuple(made)


def link(plan: CityPlan, device: Device, stations: tuple[Gateway, ...]) -> Link:
    """The device's link; the best gateway is always within reach."""
    rng = randomness(plan.seed, device.dev_eui, "link")
    paths = []
    for station in stations:
        north = (station.latitude - device.latitude) * METRES_PER_DEGREE
        east = (station.longitude - device.longitude) * METRES_PER_DEGREE * math.cos(math.radians(LATITUDE))
        metres = max(50.0, math.hypot(north, east))
        paths.append(
            (station, 14.0 - 40.0 - PATH_LOSS_EXPONENT * 10.0 * math.log10(metres / 10.0) + rng.gauss(0.0, 6.0))
        )
    paths.sort(key=lambda path: -path[1])
    best = paths[0][1]
    reach = [path for path in paths if path[1] > SENSITIVITY_DBM + 2] or paths[:1]
    margin = max(best, SENSITIVITY_DBM) - SENSITIVITY_DBM
    return Link(tuple(reach[:MOST_HEARD]), min(5, max(0, int(margin / 4.0))))


def receptions(rng: Random, heard_by: Link, at_us: int) -> list[Reception]:
    """Who hears a transmission that ends at `at_us`: the first gateway gives the event its time."""
    heard: list[Reception] = []
    uplink_id = rng.getrandbits(32) or 1
    for station, mean_dbm in heard_by.paths:
        level = mean_dbm + rng.gauss(0.0, 3.0)
        if heard and level < SENSITIVITY_DBM:
            continue
        # The level counts from its own noise floor; the converter's answer saturates at +14 dB.
        snr = min(14.0, max(-20.0, round((level - NOISE_FLOOR_DBM) * 4.0) / 4.0))
        gw_time_us = at_us + rng.randrange(-400, 400) if heard else at_us
        ns_time_ns = gw_time_us * 1000 + rng.randrange(700_000, 40_000_000)
        heard.append(Reception(station, max(-130, min(-30, round(level))), snr, uplink_id, gw_time_us, ns_time_ns))
    return heard
