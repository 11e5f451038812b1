"""What ChirpStack 4.20 says about a device in its events, whichever way they are encoded.

Ids are derived instead of drawn, so that the same plan is published byte for byte again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

from pipeline.simulator.devices import APPLICATIONS, Device
from pipeline.simulator.radio import Gateway, Reception

REGION: Final = "eu868"
REGION_NAME: Final = "EU868"
FREQUENCY_HERTZ: Final = 868_100_000
BANDWIDTH_HERTZ: Final = 125_000
DOWNLINK_POWER_DBM: Final = 16
OPERATOR_TAG: Final = {"operator": "swk"}
RETRANSMISSION: Final = "Uplink was flagged as re-transmission / frame-counter did not increment"


def derived_uuid(*parts: object) -> str:
    """A version 4 UUID that follows from its parts instead of chance."""
    return _uuid_text(blake2b("/".join(map(str, parts)).encode(), digest_size=16).hexdigest())


def _uuid_text(digits: str) -> str:
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def rfc3339(nanoseconds: int) -> str:
    """A time as chrono writes it: 0, 3, 6 or 9 digits of a second, as many as it needs, and the offset `+00:00`."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    if rest == 0:
        return f"{_second(seconds)}+00:00"
    micro, nano = divmod(rest, 1000)
    if nano:
        return f"{_second(seconds)}.{rest:09d}+00:00"
    milli, micro_rest = divmod(micro, 1000)
    return f"{_second(seconds)}.{micro:06d}+00:00" if micro_rest else f"{_second(seconds)}.{milli:03d}+00:00"


def topic(device: Device, application_id: str, event: str) -> str:
    """The MQTT topic of a device's event."""
    return f"application/{application_id}/device/{device.dev_eui}/event/{event}"


class Identity(NamedTuple):
    """What ChirpStack says about a device in each of its events. `own_tags` are those without the application's."""

    tenant_id: str
    tenant_name: str
    application_id: str
    application_name: str
    profile_id: str
    own_tags: Mapping[str, str]
    tags: Mapping[str, str]


def identity(seed: str, device: Device) -> Identity:
    """The device's tenant, application, profile and tags."""
    model = device.model
    own_tags = {"decoder": model.decoder, "vendor": model.vendor, **device.tags}
    return Identity(
        tenant_id=derived_uuid(seed, "tenant"),
        tenant_name="Krefeld",
        application_id=derived_uuid(seed, "application", device.family),
        application_name=APPLICATIONS[device.family],
        profile_id=derived_uuid(seed, "profile", model.profile),
        own_tags=own_tags,
        tags={**own_tags, **OPERATOR_TAG},
    )


class Uplink(NamedTuple):
    """The fields of an uplink event that the device and the network decide."""

    deduplication_id: str
    dev_addr: str
    f_cnt: int
    f_port: int
    confirmed: bool
    data: bytes
    receptions: Sequence[Reception]

    @property
    def time_us(self) -> int:
        """The event's time: the first gateway's."""
        return self.receptions[0].gw_time_us


class Events(Protocol):
    """The events of one device, as bytes. Times are in microseconds, where not named otherwise."""

    def up(self, uplink: Uplink) -> bytes:
        """An uplink."""
        ...

    def join(self, deduplication_id: str, time_us: int, *, dev_addr: str) -> bytes:
        """An accepted join request."""
        ...

    def status(self, deduplication_id: str, time_us: int, *, margin: int, battery_percent: float | None) -> bytes:
        """A DevStatusAns; `battery_percent` None = mains powered."""
        ...

    def log(self, time_us: int, *, code: str, description: str, context: Mapping[str, str]) -> bytes:
        """A warning of the server."""
        ...

    def txack(self, time_ns: int, *, downlink_id: int, queue_item_id: str, f_cnt_down: int, gateway: Gateway) -> bytes:
        """A gateway has sent a downlink; without the application's tags."""
        ...

    def ack(self, deduplication_id: str, time_us: int, *, queue_item_id: str, f_cnt_down: int) -> bytes:
        """The device has confirmed a downlink."""
        ...
