"""Physical values to FRMPayload bytes, exactly as the device models send them; one module per maker.

Written from the makers' documents and apart from the decoders on purpose: two readings of one document that agree
prove more than one that is turned around. By name here are the formats of the default city; all others are asked for
by their module.
"""

from __future__ import annotations

from pipeline.simulator.encode.bosch import (
    TPS110_HEARTBEAT_PORT,
    TPS110_STARTUP_PORT,
    TPS110_STATUS_PORT,
    tps110_heartbeat,
    tps110_startup,
    tps110_status,
)
from pipeline.simulator.encode.decentlab import DL_PR26_PORT, dl_pr26
from pipeline.simulator.encode.milesight import EM310_UDL_PORT, em310_udl
from pipeline.simulator.encode.nas import (
    INTERNAL_METER,
    REASON_DAWN,
    REASON_DAY,
    REASON_DUSK,
    REASON_MANUAL,
    REASON_NIGHT,
    REASON_PROFILE,
    UL20XX_STATUS_PORT,
    UL20XX_SYSTEM_PORT,
    UL20XX_USAGE_PORT,
    AlertMemory,
    DaliStatus,
    DimmingSource,
    LinkState,
    NodeState,
    Usage,
    dali_short_address,
    ul20xx_boot,
    ul20xx_status,
    ul20xx_usage,
)

__all__ = [
    "DL_PR26_PORT",
    "EM310_UDL_PORT",
    "INTERNAL_METER",
    "REASON_DAWN",
    "REASON_DAY",
    "REASON_DUSK",
    "REASON_MANUAL",
    "REASON_NIGHT",
    "REASON_PROFILE",
    "TPS110_HEARTBEAT_PORT",
    "TPS110_STARTUP_PORT",
    "TPS110_STATUS_PORT",
    "UL20XX_STATUS_PORT",
    "UL20XX_SYSTEM_PORT",
    "UL20XX_USAGE_PORT",
    "AlertMemory",
    "DaliStatus",
    "DimmingSource",
    "LinkState",
    "NodeState",
    "Usage",
    "dali_short_address",
    "dl_pr26",
    "em310_udl",
    "tps110_heartbeat",
    "tps110_startup",
    "tps110_status",
    "ul20xx_boot",
    "ul20xx_status",
    "ul20xx_usage",
]
