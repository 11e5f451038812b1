"""The fleet: devices and gateways that are said to be silent against those that really were, and the account of frames.

Tolerances. A silence begins with the last frame, so before the device died: an hour for most, half a day for a water
meter; with frames lost before it some hours more. A gateway is heard every few minutes, so its silence begins at most
an hour before it truly did. A device that is silent because all its gateways are is not called dead: such an alert has
a cause, and is left out here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.core.clock import DAY_US, HOUR_US, MINUTE_US
from pipeline.simulator import truth
from pipeline.simulator.battery import battery_of
from pipeline.simulator.truth import What
from tests.accuracy.database import Connection, rows
from tests.accuracy.matching import Section, Span, Tolerance, Window, error, judged, pair, present, score
from tests.accuracy.played import Played

DEAD_WITHIN: Final = Tolerance(26 * HOUR_US, 5 * MINUTE_US)
GATEWAY_WITHIN: Final = Tolerance(HOUR_US, HOUR_US)
LAST_US: Final = 4 * DAY_US
"""What begins in the last days may not be told yet: a parking sensor may be silent for three days and a half."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What was true of all devices; by DevEUI."""

    dead: Sequence[Span]
    gateways: Sequence[Span]
    lost: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says of them."""

    dead: Sequence[Span]
    gateways: Sequence[Span]
    missing: Mapping[str, int]
    lost_inside: int
    batteries: Sequence[tuple[str, int, float]]
    """Device, the day's begin, the day's last charge."""


async def section(played: Played) -> Section:
    """Ask both, and judge."""
    plan = played.plan
    charges = {device.dev_eui: battery_of(plan.seed, device.dev_eui, plan.start_us) for device in played.city}
    found = await read(played.connection)
    batteries = [
        100 * (ratio - charges[device].ratio(day_us + DAY_US // 2)) for device, day_us, ratio in found.batteries
    ]
    return judge(known(played), found, batteries, played.window)


def known(played: Played) -> Truth:
    """Ask the simulator, and what became of its frames."""
    happened = list(truth.happenings(played.plan, tuple(played.city)))
    return Truth(
        dead=[Span(*each[1:]) for each in happened if each.what is What.DEVICE_DEAD],
        gateways=[Span(*each[1:]) for each in happened if each.what is What.GATEWAY_SILENT],
        lost={device.dev_eui: played.published.lost[device.dev_eui] for device in played.city},
    )


async def read(connection: Connection) -> Found:
    """Ask the database."""
    told = await rows(
        connection,
        "SELECT rule, device, subject, since, resolved_at FROM alert"
        " WHERE rule LIKE 'fleet_%offline' AND cause IS NULL",
    )
    days = await rows(connection, "SELECT device, sum(missing)::int, sum(lost)::int FROM fleet_day GROUP BY device")
    batteries = await rows(
        connection, "SELECT device, day, battery_ratio FROM fleet_day WHERE battery_ratio IS NOT NULL"
    )
    return Found(
        dead=[Span(device, since, end) for rule, device, _, since, end in told if rule == "fleet_device_offline"],
        gateways=[
            Span(subject, since, end) for rule, _, subject, since, end in told if rule == "fleet_gateway_offline"
        ],
        missing={device: missing for device, missing, _ in days},
        lost_inside=sum(lost for _, _, lost in days),
        batteries=[(device, day, ratio) for device, day, ratio in batteries],
    )


def judge(true: Truth, found: Found, batteries: Sequence[float], window: Window) -> Section:
    """Precision and recall of silences; errors of the account."""
    within = Window(window.from_us, window.until_us - LAST_US)
    return Section(
        "fleet",
        (
            score("alert fleet_device_offline", judged(pair(true.dead, found.dead, DEAD_WITHIN), within)),
            score("alert fleet_gateway_offline", judged(pair(true.gateways, found.gateways, GATEWAY_WITHIN), within)),
        ),
        present(
            (
                error("frames of a device lost on the air", "frames", [*_missing(true, found)]),
                error("frames lost inside (all devices)", "frames", [float(found.lost_inside)]),
                error("charge of a battery", "% of full", batteries),
            )
        ),
    )


def _missing(true: Truth, found: Found) -> Iterator[float]:
    for device, lost in true.lost.items():
        if device in found.missing:
            yield float(found.missing[device] - lost)
