"""One model for an event, however it was encoded.

Plain slotted classes without validation: the two readers next door are what makes them, once for every frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.core.identity import Id

UP: Final = "up"
JOIN: Final = "join"
ACK: Final = "ack"
TXACK: Final = "txack"
LOG: Final = "log"
STATUS: Final = "status"
LOCATION: Final = "location"
INTEGRATION: Final = "integration"

EVENTS: Final = frozenset({UP, JOIN, ACK, TXACK, LOG, STATUS, LOCATION, INTEGRATION})
"""All event types of ChirpStack 4; `integration` was sent by versions before 4.16 and carries nothing for us."""


class DeviceInfo(NamedTuple):
    """A device as ChirpStack describes it in each of its events."""

    dev_eui: str
    name: str
    profile: str
    application: str
    application_id: str
    tenant: str
    device_class: str
    tags: Mapping[str, str]
    """Application's tags < device profile's < device's; `txack` lacks the application's."""


class Gateway(NamedTuple):
    """How one gateway heard a frame. A missing RSSI or SNR is 0, as ChirpStack writes it."""

    gateway_id: str
    rssi_dbm: int
    snr_db: float


class Event(NamedTuple):
    """Any event. What a type does not have keeps its default."""

    type: str
    event_id: Id
    time_us: int
    """Microseconds since 1970; 0 where the event has no time."""
    device: DeviceInfo
    dev_addr: str = ""
    data_rate: int = 0
    f_cnt: int = 0
    f_port: int = 0
    confirmed: bool = False
    data: bytes = b""
    gateways: Sequence[Gateway] = ()
    frequency_hz: int = 0
    spreading_factor: int = 0
    region: str = ""
    # status
    margin_db: int = 0
    external_power: bool = False
    battery_ratio: float | None = None
    # log
    level: str = ""
    code: str = ""
    description: str = ""
    # ack, txack
    queue_item_id: str = ""
    acknowledged: bool = False
    f_cnt_down: int = 0
    gateway_id: str = ""
