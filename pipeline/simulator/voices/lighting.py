"""The street-light nodes: their state at each change and each interval, and what they have used in between.

An UL2030 with firmware 0.6 tells a broken lamp only when it is asked, so of itself it says nothing to judge it by; a
comtac bridge has no meter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from pipeline.simulator.encode import comtac, nas
from pipeline.simulator.encode.nas import (
    AlertMemory,
    DaliStatus,
    DimmingSource,
    EarlyNodeState,
    LinkState,
    NodeState,
    Profile,
    Usage,
)
from pipeline.simulator.moments import Lamp, LampUsage, Reason, Start
from pipeline.simulator.voices import Sent, Voice

DALI_DRIVER: Final = nas.dali_short_address(9)

_REASONS: Final[Mapping[Reason, int]] = MappingProxyType(
    {
        Reason.DAY: nas.REASON_DAY,
        Reason.DUSK: nas.REASON_DUSK,
        Reason.PROFILE: nas.REASON_PROFILE,
        Reason.NIGHT: nas.REASON_NIGHT,
        Reason.DAWN: nas.REASON_DAWN,
    }
)
# Early firmware knows numbered profiles instead of reasons; the city gave each a number.
_PROFILES: Final[Mapping[Reason, int]] = MappingProxyType(
    {Reason.DAY: 1, Reason.DUSK: 2, Reason.PROFILE: 3, Reason.NIGHT: 2, Reason.DAWN: 1}
)


def _dali_status(lamp: Lamp) -> DaliStatus:
    status = DaliStatus.LAMP_FAILURE if lamp.dark else DaliStatus(0)
    if lamp.level_percent and not lamp.dark:
        status |= DaliStatus.LAMP_ON
    return status


def _ul20xx(_rng: Random, moment: Lamp | LampUsage) -> Iterator[Sent]:
    if isinstance(moment, LampUsage):
        yield Sent(nas.UL20XX_USAGE_PORT, nas.ul20xx_usage(_ul20xx_meters(moment)))
        return
    source = DimmingSource(DALI_DRIVER, _REASONS[moment.reason], moment.level_percent, _dali_status(moment))
    payload = nas.ul20xx_status(
        clock_seconds=moment.clock_seconds,
        node=NodeState.RELAY_CLOSED,
        link=LinkState(0),
        downlink_rssi_dbm=moment.downlink_rssi_dbm,
        downlink_snr_db=moment.downlink_snr_db,
        temperature_celsius=moment.inside_celsius,
        alerts=AlertMemory.LAMP_ERROR if moment.dark else AlertMemory(0),
        sources=(source,),
    )
    yield Sent(nas.UL20XX_STATUS_PORT, payload, float(moment.dark))


def _meter(usage: LampUsage) -> Usage:
    """The node's own meter."""
    return Usage(
        address=nas.INTERNAL_METER,
        active_energy_watt_hours=int(usage.energy_watt_hours),
        active_power_watts=round(usage.power_watts),
        power_factor_ratio=0.96 if usage.burning else 0.35,
        mains_volts=usage.mains_volts,
    )


def _ul20xx_meters(usage: LampUsage) -> tuple[Usage, Usage]:
    """The node's own meter, and what the driver says of the same lamp."""
    driver = Usage(
        address=DALI_DRIVER,
        active_energy_watt_hours=int(usage.energy_watt_hours * 0.97),
        active_power_watts=int(usage.power_watts),
        driver_seconds=usage.driver_seconds,
        lamp_seconds=usage.lamp_seconds,
    )
    return _meter(usage), driver


def _ul20xx_start(start: Start) -> Iterator[Sent]:
    payload = nas.ul20xx_boot(
        serial=0x50000000 + start.device.number, firmware=(1, 1, 15), clock_seconds=start.clock_seconds
    )
    yield Sent(nas.UL20XX_SYSTEM_PORT, payload)


def _ul2030(_rng: Random, moment: Lamp | LampUsage) -> Iterator[Sent]:
    if isinstance(moment, LampUsage):
        yield Sent(nas.UL2030_USAGE_PORT, nas.ul2030_usage((_meter(moment),)))
        return
    profile = Profile(_PROFILES[moment.reason], 1, nas.ALL_DRIVERS, nas.EVERY_DAY, moment.level_percent)
    payload = nas.ul2030_status(
        clock_seconds=moment.clock_seconds,
        node=EarlyNodeState.RELAY_CLOSED,
        downlink_rssi_dbm=moment.downlink_rssi_dbm,
        profiles=(profile,),
    )
    yield Sent(nas.UL2030_STATUS_PORT, payload)


def _ul2030_start(start: Start) -> Iterator[Sent]:
    payload = nas.ul2030_boot(
        serial=0x30000000 + start.device.number, firmware=(0, 6, 22), clock_seconds=start.clock_seconds
    )
    yield Sent(nas.UL2030_SYSTEM_PORT, payload)


def _e1310(_rng: Random, moment: Lamp | LampUsage) -> Iterator[Sent]:
    if isinstance(moment, LampUsage):
        return
    payload = comtac.state(
        commanded_percent=moment.level_percent,
        level=comtac.dali_level(moment.level_percent / 100),
        dali_status=_dali_status(moment),
    )
    yield Sent(comtac.PORT, payload, float(moment.dark))


VOICES: Final[Mapping[str, Voice[Lamp | LampUsage]]] = MappingProxyType(
    {"comtac_e1310": _e1310, "nas_ul2030": _ul2030, "nas_ul20xx": _ul20xx}
)
NOTICES: Final = MappingProxyType({"nas_ul2030": _ul2030_start, "nas_ul20xx": _ul20xx_start})
