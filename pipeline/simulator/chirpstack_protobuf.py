"""ChirpStack's events in protobuf: one message type for each kind of event, no envelope.

Maps are written in the order of their keys, so that a plan gives the same bytes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from chirpstack_api import common, gw, integration

from pipeline.simulator.chirpstack import (
    BANDWIDTH_HERTZ,
    DOWNLINK_POWER_DBM,
    FREQUENCY_HERTZ,
    REGION,
    REGION_NAME,
    Identity,
    Uplink,
)
from pipeline.simulator.devices import Device
from pipeline.simulator.radio import Gateway, Link


class ProtobufEvents:
    """Events in protobuf."""

    def __init__(self, device: Device, who: Identity, link: Link) -> None:
        model = device.model
        self._info = integration.DeviceInfo(
            tenant_id=who.tenant_id,
            tenant_name=who.tenant_name,
            application_id=who.application_id,
            application_name=who.application_name,
            device_profile_id=who.profile_id,
            device_profile_name=model.profile,
            device_name=f"{model.profile} {device.number:03d}",
            dev_eui=device.dev_eui,
            device_class_enabled=common.DeviceClass.Value(model.device_class),
            tags=who.tags,
        )
        self._joined = integration.DeviceInfo()
        self._joined.CopyFrom(self._info)
        self._joined.device_class_enabled = common.DeviceClass.CLASS_A
        self._sent = integration.DeviceInfo()
        self._sent.CopyFrom(self._info)
        self._sent.tags.clear()
        self._sent.tags.update(who.own_tags)
        lora = gw.LoraModulationInfo(
            bandwidth=BANDWIDTH_HERTZ, spreading_factor=link.spreading_factor, code_rate=gw.CodeRate.CR_4_5
        )
        self._template = integration.UplinkEvent(
            device_info=self._info,
            adr=True,
            dr=link.data_rate,
            tx_info=gw.UplinkTxInfo(frequency=FREQUENCY_HERTZ, modulation=gw.Modulation(lora=lora)),
            region_config_id=REGION,
        )
        self._down = gw.DownlinkTxInfo(
            frequency=FREQUENCY_HERTZ,
            power=DOWNLINK_POWER_DBM,
            modulation=gw.Modulation(lora=lora),
            timing=gw.Timing(delay=gw.DelayTimingInfo()),
        )
        self._down.modulation.lora.polarization_inversion = True
        self._down.timing.delay.delay.seconds = 1

    def up(self, uplink: Uplink) -> bytes:
        """An uplink."""
        event = integration.UplinkEvent()
        event.CopyFrom(self._template)
        event.deduplication_id = uplink.deduplication_id
        _stamp(event.time, uplink.time_us * 1000)
        event.dev_addr = uplink.dev_addr
        event.f_cnt = uplink.f_cnt
        event.f_port = uplink.f_port
        event.confirmed = uplink.confirmed
        event.data = uplink.data
        for reception in uplink.receptions:
            info = event.rx_info.add()
            info.CopyFrom(_gateway_protobuf(reception.gateway))
            info.uplink_id = reception.uplink_id
            _stamp(info.gw_time, reception.gw_time_us * 1000)
            _stamp(info.ns_time, reception.ns_time_ns)
            info.rssi = reception.rssi_dbm
            info.snr = reception.snr_db
        return _bytes(event)

    def join(self, deduplication_id: str, time_us: int, *, dev_addr: str) -> bytes:
        """An accepted join request; a class C device is still in class A."""
        event = integration.JoinEvent(
            deduplication_id=deduplication_id,
            device_info=self._joined,
            dev_addr=dev_addr,
            region_config_id=REGION,
        )
        _stamp(event.time, time_us * 1000)
        return _bytes(event)

    def status(self, deduplication_id: str, time_us: int, *, margin: int, battery_percent: float | None) -> bytes:
        """A DevStatusAns; `battery_percent` None = mains powered."""
        event = integration.StatusEvent(
            deduplication_id=deduplication_id,
            device_info=self._info,
            margin=margin,
            external_power_source=battery_percent is None,
            battery_level=battery_percent or 0.0,
        )
        _stamp(event.time, time_us * 1000)
        return _bytes(event)

    def log(self, time_us: int, *, code: str, description: str, context: Mapping[str, str]) -> bytes:
        """A warning of the server."""
        event = integration.LogEvent(
            device_info=self._info,
            level=integration.LogLevel.WARNING,
            code=integration.LogCode.Value(code),
            description=description,
            context=context,
        )
        _stamp(event.time, time_us * 1000)
        return _bytes(event)

    def txack(self, time_ns: int, *, downlink_id: int, queue_item_id: str, f_cnt_down: int, gateway: Gateway) -> bytes:
        """A gateway has sent a downlink; without the application's tags."""
        event = integration.TxAckEvent(
            downlink_id=downlink_id,
            device_info=self._sent,
            queue_item_id=queue_item_id,
            f_cnt_down=f_cnt_down,
            gateway_id=gateway.gateway_id,
            tx_info=self._down,
        )
        event.tx_info.context = gateway.context
        _stamp(event.time, time_ns)
        return _bytes(event)

    def ack(self, deduplication_id: str, time_us: int, *, queue_item_id: str, f_cnt_down: int) -> bytes:
        """The device has confirmed a downlink."""
        event = integration.AckEvent(
            deduplication_id=deduplication_id,
            device_info=self._info,
            queue_item_id=queue_item_id,
            acknowledged=True,
            f_cnt_down=f_cnt_down,
        )
        _stamp(event.time, time_us * 1000)
        return _bytes(event)


def _stamp(stamp: Any, nanoseconds: int) -> None:
    stamp.seconds, stamp.nanos = divmod(nanoseconds, 1_000_000_000)


def _bytes(event: Any) -> bytes:
    written: bytes = event.SerializeToString(deterministic=True)
    return written


@lru_cache(maxsize=1024)
def _gateway_protobuf(gateway: Gateway) -> Any:
    return gw.UplinkRxInfo(
        gateway_id=gateway.gateway_id,
        location=common.Location(
            latitude=gateway.latitude, longitude=gateway.longitude, altitude=gateway.altitude_metres
        ),
        context=gateway.context,
        metadata={"region_config_id": REGION, "region_common_name": REGION_NAME},
        crc_status=gw.CRCStatus.CRC_OK,
    )
