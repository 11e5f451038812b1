"""Reads protobuf events: one message type per event type, no envelope, so the topic's last word says which."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from chirpstack_api.integration import integration_pb2 as pb

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

_CLASSES: Final = {0: "CLASS_A", 1: "CLASS_B", 2: "CLASS_C"}


def _device(info: Any) -> DeviceInfo:
    return _described(info.SerializeToString())


@lru_cache(maxsize=10_000)
def _described(serialised: bytes) -> DeviceInfo:
    """A device as its events describe it: seldom another one, and dear to read because of the tags."""
    info = pb.DeviceInfo.FromString(serialised)
    return DeviceInfo(
        info.dev_eui.lower(),
        info.device_name,
        info.device_profile_name,
        info.application_name,
        info.application_id,
        info.tenant_name,
        _CLASSES.get(info.device_class_enabled, ""),
        dict(info.tags),
    )


def _us(time: Any) -> int:
    # Rounded half up, as msgspec does with JSON: an event has one time and one identity in both encodings.
    return int(time.seconds * 1_000_000 + (time.nanos + 500) // 1000)


def _finite(value: float) -> float:
    # JSON has no NaN, and it has no place in an order: which of two copies was heard better could not be said.
    return value if isfinite(value) else 0.0


def _read_up(value: bytes) -> Event:
    up = pb.UplinkEvent.FromString(value)
    tx = up.tx_info
    region = up.region_config_id
    if not region and up.rx_info:
        # ChirpStack before 4.11 says it only here.
        region = up.rx_info[0].metadata.get("region_config_id", "")
    return Event(
        UP,
        event_id(up.deduplication_id, UP),
        _us(up.time),
        _device(up.device_info),
        up.dev_addr,
        up.dr,
        up.f_cnt,
        up.f_port,
        up.confirmed,
        up.data,
        [Gateway(g.gateway_id, g.rssi, _finite(g.snr)) for g in up.rx_info],
        tx.frequency,
        tx.modulation.lora.spreading_factor,
        region,
    )


def _read_join(value: bytes) -> Event:
    join = pb.JoinEvent.FromString(value)
    return Event(
        JOIN,
        event_id(join.deduplication_id, JOIN),
        _us(join.time),
        _device(join.device_info),
        dev_addr=join.dev_addr,
        region=join.region_config_id,
    )


def _read_status(value: bytes) -> Event:
    status = pb.StatusEvent.FromString(value)
    known = not status.battery_level_unavailable and not status.external_power_source and isfinite(status.battery_level)
    return Event(
        STATUS,
        event_id(status.deduplication_id, STATUS),
        _us(status.time),
        _device(status.device_info),
        margin_db=status.margin,
        external_power=status.external_power_source,
        battery_ratio=min(max(status.battery_level / 100, 0.0), 1.0) if known else None,
    )


def _read_ack(value: bytes) -> Event:
    ack = pb.AckEvent.FromString(value)
    return Event(
        ACK,
        event_id(ack.deduplication_id, ACK),
        _us(ack.time),
        _device(ack.device_info),
        queue_item_id=ack.queue_item_id,
        acknowledged=ack.acknowledged,
        f_cnt_down=ack.f_cnt_down,
    )


def _read_txack(value: bytes) -> Event:
    txack = pb.TxAckEvent.FromString(value)
    device = _device(txack.device_info)
    at = _us(txack.time)
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
    log = pb.LogEvent.FromString(value)
    device = _device(log.device_info)
    at = _us(log.time)
    level = pb.LogLevel.Name(log.level) if log.level in pb.LogLevel.values() else str(log.level)
    code = pb.LogCode.Name(log.code) if log.code in pb.LogCode.values() else str(log.code)
    context = (f"{key}={log.context[key]}" for key in sorted(log.context))
    identity = anonymous_event_id(LOG, device.dev_eui, str(at), level, code, log.description, *context)
    return Event(LOG, identity, at, device, level=level, code=code, description=log.description)


def _read_plain(event: str, message: Any) -> Callable[[bytes], Event]:
    def read(value: bytes) -> Event:
        plain = message.FromString(value)
        identity = event_id(plain.deduplication_id, event)
        return Event(event, identity, _us(plain.time), _device(plain.device_info))

    return read


READERS: Final[dict[str, Callable[[bytes], Event]]] = {
    UP: _read_up,
    JOIN: _read_join,
    STATUS: _read_status,
    ACK: _read_ack,
    TXACK: _read_txack,
    LOG: _read_log,
    LOCATION: _read_plain(LOCATION, pb.LocationEvent),
    # The message is gone from the API. The first three fields, all that is read here, are those of a status event;
    # the others have another wire type there, and so count as unknown.
    INTEGRATION: _read_plain(INTEGRATION, pb.StatusEvent),
}
"""A reader for each event type; raises google.protobuf.message.DecodeError."""
