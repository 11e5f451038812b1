"""ChirpStack's events in JSON, as pbjson writes them.

camelCase names, bytes in base64, enums by name, times in RFC 3339 with `+00:00`. Messages of `integration` write their
default values out, messages of `gw` leave them away. What does not change from one event of a device to the next is
encoded once, because a day of a city is encoded in seconds.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from pipeline.simulator.chirpstack import (
    BANDWIDTH_HERTZ,
    DOWNLINK_POWER_DBM,
    FREQUENCY_HERTZ,
    REGION,
    REGION_NAME,
    Identity,
    Uplink,
    rfc3339,
)
from pipeline.simulator.devices import Device
from pipeline.simulator.radio import Gateway, Link, Reception


class JsonEvents:
    """Events in JSON."""

    def __init__(self, device: Device, who: Identity, link: Link) -> None:
        self._joined = self._info(device, who, who.tags, device_class="CLASS_A")
        # ChirpStack's tags are in no order: three orders are enough to keep a reader from leaning on one.
        names = list(who.tags)
        self._infos = [
            self._info(device, who, {name: who.tags[name] for name in names[turn:] + names[:turn]})
            for turn in range(min(3, len(names)))
        ]
        self._sent = self._info(device, who, who.own_tags)
        modulation = {
            "bandwidth": BANDWIDTH_HERTZ,
            "spreadingFactor": link.spreading_factor,
            "codeRate": "CR_4_5",
        }
        self._tx = orjson.Fragment(orjson.dumps({"frequency": FREQUENCY_HERTZ, "modulation": {"lora": modulation}}))
        self._down = {
            "frequency": FREQUENCY_HERTZ,
            "power": DOWNLINK_POWER_DBM,
            "modulation": {"lora": {**modulation, "polarizationInversion": True}},
            "timing": {"delay": {"delay": "1s"}},
        }
        self._data_rate = link.data_rate
        self._turn = 0

    @staticmethod
    def _info(
        device: Device, who: Identity, tags: Mapping[str, str], *, device_class: str | None = None
    ) -> orjson.Fragment:
        return orjson.Fragment(
            orjson.dumps(
                {
                    "tenantId": who.tenant_id,
                    "tenantName": who.tenant_name,
                    "applicationId": who.application_id,
                    "applicationName": who.application_name,
                    "deviceProfileId": who.profile_id,
                    "deviceProfileName": device.model.profile,
                    "deviceName": f"{device.model.profile} {device.number:03d}",
                    "devEui": device.dev_eui,
                    "deviceClassEnabled": device_class or device.model.device_class,
                    "tags": dict(tags),
                }
            )
        )

    def _next_info(self) -> orjson.Fragment:
        self._turn = (self._turn + 1) % len(self._infos)
        return self._infos[self._turn]

    def up(self, uplink: Uplink) -> bytes:
        """An uplink."""
        return orjson.dumps(
            {
                "deduplicationId": uplink.deduplication_id,
                "time": rfc3339(uplink.time_us * 1000),
                "deviceInfo": self._next_info(),
                "devAddr": uplink.dev_addr,
                "adr": True,
                "dr": self._data_rate,
                "fCnt": uplink.f_cnt,
                "fPort": uplink.f_port,
                "confirmed": uplink.confirmed,
                "data": b64encode(uplink.data).decode(),
                "rxInfo": [_reception_json(reception) for reception in uplink.receptions],
                "txInfo": self._tx,
                "regionConfigId": REGION,
            }
        )

    def join(self, deduplication_id: str, time_us: int, *, dev_addr: str) -> bytes:
        """An accepted join request; a class C device is still in class A."""
        return orjson.dumps(
            {
                "deduplicationId": deduplication_id,
                "time": rfc3339(time_us * 1000),
                "deviceInfo": self._joined,
                "devAddr": dev_addr,
                "regionConfigId": REGION,
            }
        )

    def status(self, deduplication_id: str, time_us: int, *, margin: int, battery_percent: float | None) -> bytes:
        """A DevStatusAns; `battery_percent` None = mains powered."""
        return orjson.dumps(
            {
                "deduplicationId": deduplication_id,
                "time": rfc3339(time_us * 1000),
                "deviceInfo": self._next_info(),
                "margin": margin,
                "externalPowerSource": battery_percent is None,
                "batteryLevelUnavailable": False,
                "batteryLevel": battery_percent or 0.0,
            }
        )

    def log(self, time_us: int, *, code: str, description: str, context: Mapping[str, str]) -> bytes:
        """A warning of the server."""
        return orjson.dumps(
            {
                "time": rfc3339(time_us * 1000),
                "deviceInfo": self._next_info(),
                "level": "WARNING",
                "code": code,
                "description": description,
                "context": dict(context),
            }
        )

    def txack(self, time_ns: int, *, downlink_id: int, queue_item_id: str, f_cnt_down: int, gateway: Gateway) -> bytes:
        """A gateway has sent a downlink; without the application's tags."""
        return orjson.dumps(
            {
                "downlinkId": downlink_id,
                "time": rfc3339(time_ns),
                "deviceInfo": self._sent,
                "queueItemId": queue_item_id,
                "fCntDown": f_cnt_down,
                "gatewayId": gateway.gateway_id,
                "txInfo": {**self._down, "context": b64encode(gateway.context).decode()},
            }
        )

    def ack(self, deduplication_id: str, time_us: int, *, queue_item_id: str, f_cnt_down: int) -> bytes:
        """The device has confirmed a downlink."""
        return orjson.dumps(
            {
                "deduplicationId": deduplication_id,
                "time": rfc3339(time_us * 1000),
                "deviceInfo": self._next_info(),
                "queueItemId": queue_item_id,
                "acknowledged": True,
                "fCntDown": f_cnt_down,
            }
        )


@lru_cache(maxsize=1024)
def _gateway_json(gateway: Gateway) -> tuple[orjson.Fragment, str, orjson.Fragment]:
    place = {"latitude": gateway.latitude, "longitude": gateway.longitude, "altitude": gateway.altitude_metres}
    metadata = {"region_config_id": REGION, "region_common_name": REGION_NAME}
    return (
        orjson.Fragment(orjson.dumps(place)),
        b64encode(gateway.context).decode(),
        orjson.Fragment(orjson.dumps(metadata)),
    )


def _reception_json(reception: Reception) -> dict[str, Any]:
    place, context, metadata = _gateway_json(reception.gateway)
    info: dict[str, Any] = {
        "gatewayId": reception.gateway.gateway_id,
        "uplinkId": reception.uplink_id,
        "gwTime": rfc3339(reception.gw_time_us * 1000),
        "nsTime": rfc3339(reception.ns_time_ns),
    }
    # gw.* messages leave their defaults away: an SNR of 0 dB is not written.
    if reception.rssi_dbm:
        info["rssi"] = reception.rssi_dbm
    if reception.snr_db:
        info["snr"] = reception.snr_db
    info["location"] = place
    info["context"] = context
    info["metadata"] = metadata
    info["crcStatus"] = "CRC_OK"
    return info
