"""The alerts about devices and gateways: their names, their severity, and what they say to people; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.core import topics
from pipeline.core.clock import HOUR_US, from_us
from topologies.runtime import alert_events
from topologies.runtime.model import Opened, Rule

FAMILY: Final = topics.FLEET
TOPIC: Final = topics.alerts(FAMILY)
PUBLISHES: Final = alert_events.publication(TOPIC)
SOURCE: Final = "/silkstream/derive/fleet"

DEVICE_OFFLINE: Final = Rule("fleet_device_offline", "warning", TOPIC)
GATEWAY_OFFLINE: Final = Rule("fleet_gateway_offline", "critical", TOPIC)
BATTERY_LOW: Final = Rule("fleet_battery_low", "warning", TOPIC)
FRAMES_LOST: Final = Rule("fleet_frames_lost", "critical", TOPIC)
MANY_GAPS: Final = Rule("fleet_many_gaps", "notice", TOPIC)
RULES: Final = (DEVICE_OFFLINE, GATEWAY_OFFLINE, BATTERY_LOW, FRAMES_LOST, MANY_GAPS)

_ZONE: Final = ZoneInfo("Europe/Berlin")
_NAMED: Final = 3


def named(device: str, name: str | None) -> str:
    """What people call a device, or a device at a site."""
    return name or device


def device_offline(who: str, since_us: int, allowed_us: int) -> Opened:
    """A device has been silent for too long; value and limit in hours."""
    at, hours = _local(since_us), round(allowed_us / HOUR_US, 3)
    return Opened(
        hours,
        hours,
        f"{who} schweigt seit {at:%d.%m.%Y %H:%M}.",
        f"{who} has been silent since {at:%Y-%m-%d %H:%M}.",
    )


def gateway_offline(gateway: str, since_us: int, devices: Sequence[str] | None) -> Opened:
    """A gateway has been silent for too long; the value is how many devices are heard by nobody else.

    Args:
        gateway: its EUI.
        since_us: when it last heard somebody.
        devices: the names of those; None where it is over, and nobody knows any more.
    """
    at = _local(since_us)
    german = f"Gateway {gateway} schweigt seit {at:%d.%m.%Y %H:%M}"
    english = f"Gateway {gateway} has been silent since {at:%Y-%m-%d %H:%M}"
    if devices is None:
        return Opened(None, None, f"{german}.", f"{english}.")
    count = len(devices)
    if not devices:
        return Opened(
            0, None, f"{german}; kein Gerät hängt allein an ihm.", f"{english}; no device depends on it alone."
        )
    names = ", ".join(sorted(devices)[:_NAMED]) + (", …" if count > _NAMED else "")
    return Opened(
        count,
        None,
        f"{german}; {count} {'Gerät ist' if count == 1 else 'Geräte sind'} ohne Empfang: {names}.",
        f"{english}; {count} {'device is' if count == 1 else 'devices are'} without reception: {names}.",
    )


def battery_low(who: str, ratio: float | None, limit: float) -> Opened:
    """A battery is low, by its charge or because the device says so."""
    if ratio is None:
        return Opened(None, None, f"{who} meldet eine schwache Batterie.", f"{who} reports a low battery.")
    percent = round(ratio * 100)
    return Opened(
        ratio, limit, f"Die Batterie von {who} ist bei {percent} %.", f"The battery of {who} is at {percent} %."
    )


def frames_lost(who: str, count: int) -> Opened:
    """Events of a device were handed over and not stored."""
    return Opened(
        count,
        0,
        f"Von {who} wurden {count} empfangene Nachrichten nicht gespeichert.",
        f"{count} messages of {who} were received and not stored.",
    )


def many_gaps(who: str, ratio: float, limit: float) -> Opened:
    """Too many frames of a device did not reach us."""
    percent = round(ratio * 100)
    return Opened(
        ratio,
        limit,
        f"{percent} % der Nachrichten von {who} kamen nicht an.",
        f"{percent} % of the messages of {who} did not arrive.",
    )


def _local(at_us: int) -> datetime:
    return from_us(at_us).astimezone(_ZONE)
