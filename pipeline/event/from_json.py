"""Reads JSON events (pbjson: camelCase, base64, RFC 3339, enums as names) by typed structs.

msgspec checks the types while it parses: 3 us an event, where protobuf's `json_format` takes 250. Unknown fields are
ignored, as ChirpStack does; `gw.*` messages omit fields that are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

import msgspec

from pipeline.core.clock import to_us
from pipeline.core.identity import anonymous_event_id, event_id
from pipeline.event.model import (
    ACK,
    INTEGRATION,
    JOIN,
    LOCATION,
    LOG,
    STATUS,
    TXACK,
    UP,
    DeviceInfo,
    Event,
    Gateway,
)

# What ChirpStack's protobuf can say: JSON that says more is no event of ChirpStack's, and has no frame record.
_UInt32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
_Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_Time = Annotated[datetime, msgspec.Meta(tz=True)]


class _Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class _DeviceInfo(_Struct):
    dev_eui: str
    device_name: str = ""
    device_profile_name: str = ""
    application_name: str = ""
    application_id: str = ""
    tenant_name: str = ""
    device_class_enabled: str = "CLASS_A"  # as protobuf, where an enum that is absent is its first
    tags: dict[str, str] = {}  # msgspec copies the default


class _RxInfo(_Struct):
    gateway_id: str = ""
    rssi: _Int32 = 0
    snr: float = 0.0
    metadata: dict[str, str] = {}  # msgspec copies the default


class _Lora(_Struct):
    spreading_factor: _UInt32 = 0


class _Modulation(_Struct):
    lora: _Lora | None = None


class _TxInfo(_Struct):
    frequency: _UInt32 = 0
    modulation: _Modulation | None = None


class _Up(_Struct):
    deduplication_id: str
    time: _Time
    device_info: _DeviceInfo
    dev_addr: str = ""
    dr: _UInt32 = 0
    f_cnt: _UInt32 = 0
    f_port: _UInt32 = 0
    confirmed: bool = False
    data: bytes = b""
    rx_info: list[_RxInfo] = []
    tx_info: _TxInfo | None = None
    region_config_id: str = ""


class _Join(_Struct):
    deduplication_id: str
    time: _Time
    device_info: _DeviceInfo
    dev_addr: str = ""
    region_config_id: str = ""


class _Status(_Struct):
    deduplication_id: str
    time: _Time
    device_info: _DeviceInfo
    margin: _Int32 = 0
    external_power_source: bool = False
    battery_level_unavailable: bool = False
    battery_level: float = 0.0


class _Ack(_Struct):
    deduplication_id: str
    time: _Time
    device_info: _DeviceInfo
    queue_item_id: str = ""
    acknowledged: bool = False
    f_cnt_down: _UInt32 = 0


class _TxAck(_Struct):
    time: _Time
    device_info: _DeviceInfo
    downlink_id: _UInt32 = 0
    queue_item_id: str = ""
    f_cnt_down: _UInt32 = 0
    gateway_id: str = ""


class _Log(_Struct):
    time: _Time
    device_info: _DeviceInfo
    level: str = "INFO"
    code: str = "UNKNOWN"
    description: str = ""
    context: dict[str, str] = {}  # msgspec copies the default


class _Plain(_Struct):
    """A `location` or `integration` event: only whose and when matter."""

    deduplication_id: str
    time: _Time
    device_info: _DeviceInfo


def _device(info: _DeviceInfo) -> DeviceInfo:
    return DeviceInfo(
        info.dev_eui.lower(),
        info.device_name,
        info.device_profile_name,
        info.application_name,
        info.application_id,
        info.tenant_name,
        info.device_class_enabled,
        info.tags,
    )


_up: Final = msgspec.json.Decoder(_Up)
_join: Final = msgspec.json.Decoder(_Join)
_status: Final = msgspec.json.Decoder(_Status)
_ack: Final = msgspec.json.Decoder(_Ack)
_txack: Final = msgspec.json.Decoder(_TxAck)
_log: Final = msgspec.json.Decoder(_Log)
_plain: Final = msgspec.json.Decoder(_Plain)


def _read_up(value: bytes) -> Event:
    up = _up.decode(value)
    tx = up.tx_info
    lora = tx.modulation.lora if tx is not None and tx.modulation is not None else None
    rx = up.rx_info
    region = up.region_config_id
    if not region and rx:
        # ChirpStack before 4.11 says it only here.
        region = rx[0].metadata.get("region_config_id", "")
    return Event(
        UP,
        event_id(up.deduplication_id, UP),
        to_us(up.time),
        _device(up.device_info),
        up.dev_addr,
        up.dr,
        up.f_cnt,
        up.f_port,
        up.confirmed,
        up.data,
        [Gateway(g.gateway_id, g.rssi, g.snr) for g in rx],
        0 if tx is None else tx.frequency,
        0 if lora is None else lora.spreading_factor,
        region,
    )


def _read_join(value: bytes) -> Event:
    join = _join.decode(value)
    return Event(
        JOIN,
        event_id(join.deduplication_id, JOIN),
        to_us(join.time),
        _device(join.device_info),
        dev_addr=join.dev_addr,
        region=join.region_config_id,
    )


def _read_status(value: bytes) -> Event:
    status = _status.decode(value)
    known = not status.battery_level_unavailable and not status.external_power_source
    return Event(
        STATUS,
        event_id(status.deduplication_id, STATUS),
        to_us(status.time),
        _device(status.device_info),
        margin_db=status.margin,
        external_power=status.external_power_source,
        battery_ratio=min(max(status.battery_level / 100, 0.0), 1.0) if known else None,
    )


def _read_ack(value: bytes) -> Event:
    ack = _ack.decode(value)
    return Event(
        ACK,
        event_id(ack.deduplication_id, ACK),
        to_us(ack.time),
        _device(ack.device_info),
        queue_item_id=ack.queue_item_id,
        acknowledged=ack.acknowledged,
        f_cnt_down=ack.f_cnt_down,
    )


def _read_txack(value: bytes) -> Event:
    txack = _txack.decode(value)
    device = _device(txack.device_info)
    at = to_us(txack.time)
    identity = anonymous_event_id(
        TXACK, device.dev_eui, str(at), str(txack.downlink_id), txack.queue_item_id, txack.gateway_id
    )
    return Event(
        TXACK,
        identity,
        at,
        device,
        queue_item_id=txack.queue_item_id,
        acknowledged=True,
        f_cnt_down=txack.f_cnt_down,
        gateway_id=txack.gateway_id,
    )


def _read_log(value: bytes) -> Event:
    log = _log.decode(value)
    device = _device(log.device_info)
    at = to_us(log.time)
    context = (f"{key}={log.context[key]}" for key in sorted(log.context))
    identity = anonymous_event_id(LOG, device.dev_eui, str(at), log.level, log.code, log.description, *context)
    return Event(LOG, identity, at, device, level=log.level, code=log.code, description=log.description)


def _read_plain(event: str) -> Callable[[bytes], Event]:
    def read(value: bytes) -> Event:
        plain = _plain.decode(value)
        identity = event_id(plain.deduplication_id, event)
        return Event(event, identity, to_us(plain.time), _device(plain.device_info))

    return read


READERS: Final[dict[str, Callable[[bytes], Event]]] = {
    UP: _read_up,
    JOIN: _read_join,
    STATUS: _read_status,
    ACK: _read_ack,
    TXACK: _read_txack,
    LOG: _read_log,
    LOCATION: _read_plain(LOCATION),
    INTEGRATION: _read_plain(INTEGRATION),
}
"""A reader for each event type; raises msgspec.MsgspecError, or ValueError for a time beyond what a date can say."""
