"""ChirpStack's events: one model from both encodings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from chirpstack_api.integration import integration_pb2 as pb
from google.protobuf.json_format import Parse

from pipeline.core.errors import Reason, Reject
from pipeline.event.model import EVENTS, Event
from pipeline.event.read import EventTopic, encoding_of, read_event, read_topic
from tests.unit.pipeline.material import BASE_US, EUI, captured, event_json

MESSAGES: Mapping[str, Any] = {
    "up": pb.UplinkEvent,
    "join": pb.JoinEvent,
    "ack": pb.AckEvent,
    "txack": pb.TxAckEvent,
    "log": pb.LogEvent,
    "status": pb.StatusEvent,
    "location": pb.LocationEvent,
}
CAPTURED_JSON = [(topic, payload) for topic, payload in captured() if payload[:1] == b"{"]


def comparable(event: Event) -> dict[str, Any]:
    """The fields; what protobuf keeps in four bytes is rounded."""
    fields = event._asdict()
    fields["gateways"] = [(g.gateway_id, g.rssi_dbm, round(g.snr_db, 4)) for g in event.gateways]
    fields["battery_ratio"] = None if event.battery_ratio is None else round(event.battery_ratio, 6)
    return fields


def test_every_captured_event_says_the_same_in_both_encodings() -> None:
    kinds = set()
    for topic, payload in CAPTURED_JSON:
        place = read_topic(topic)
        assert place is not None
        kinds.add(place.event)
        twin = Parse(payload, MESSAGES[place.event](), ignore_unknown_fields=True).SerializeToString()
        assert encoding_of(twin) == "protobuf"
        from_json, from_protobuf = (read_event(place.event, each, dev_eui=place.dev_eui) for each in (payload, twin))
        assert comparable(from_json) == comparable(from_protobuf)
    assert kinds == {"up", "join", "ack", "txack", "log", "status"}


@pytest.mark.parametrize("kind", sorted(EVENTS - {"integration"}))
def test_a_bare_event_says_the_same_in_both_encodings(kind: str) -> None:
    payload = event_json(1.25)
    twin = Parse(payload, MESSAGES[kind](), ignore_unknown_fields=True).SerializeToString()
    from_json, from_protobuf = (read_event(kind, each, dev_eui=EUI) for each in (payload, twin))
    assert comparable(from_json) == comparable(from_protobuf)
    assert from_json.time_us == BASE_US + 1_250_000


def test_an_uplink_has_each_of_its_parts() -> None:
    payload = event_json(
        2,
        identity="x",
        devAddr="01020304",
        dr=5,
        fCnt=2**32 - 1,
        fPort=85,
        confirmed=True,
        data=b"\x00\xff",
        rxInfo=[{"gatewayId": "g", "rssi": -120, "snr": -7.5}, {"gatewayId": "h"}],
        txInfo={"frequency": 868_100_000, "modulation": {"lora": {"spreadingFactor": 7}}},
        regionConfigId="eu868",
        tags={"b": "1"},
    )
    event = read_event("up", payload, dev_eui=EUI)
    assert (event.dev_addr, event.data_rate, event.f_cnt, event.f_port) == ("01020304", 5, 2**32 - 1, 85)
    assert (event.confirmed, event.data, event.frequency_hz, event.spreading_factor) == (
        True,
        b"\x00\xff",
        868100000,
        7,
    )
    assert [tuple(gateway) for gateway in event.gateways] == [("g", -120, -7.5), ("h", 0, 0.0)]
    assert (event.region, event.device.tags, event.device.profile) == ("eu868", {"b": "1"}, "level")


def test_the_region_of_an_older_chirpstack_is_found_at_the_gateway() -> None:
    payload = event_json(rxInfo=[{"metadata": {"region_config_id": "eu868"}}])
    assert read_event("up", payload, dev_eui=EUI).region == "eu868"


@pytest.mark.parametrize(
    ("fields", "ratio"),
    [
        ({"batteryLevel": 50.5}, 0.505),
        ({"batteryLevel": 101}, 1.0),
        ({}, 0.0),
        ({"batteryLevelUnavailable": True}, None),
        ({"externalPowerSource": True, "batteryLevel": 0}, None),
    ],
)
def test_a_battery_is_a_ratio_or_unknown(fields: dict[str, Any], ratio: float | None) -> None:
    assert read_event("status", event_json(**fields), dev_eui=EUI).battery_ratio == ratio


def test_what_is_not_a_number_is_left_out() -> None:
    status = Parse(event_json(), pb.StatusEvent(), ignore_unknown_fields=True)
    status.battery_level = float("nan")
    assert read_event("status", status.SerializeToString(), dev_eui=EUI).battery_ratio is None
    up = Parse(event_json(), pb.UplinkEvent(), ignore_unknown_fields=True)
    up.rx_info.add(gateway_id="g", snr=float("nan"))
    assert read_event("up", up.SerializeToString(), dev_eui=EUI).gateways[0].snr_db == 0.0


def test_events_without_an_identity_differ_by_what_they_say() -> None:
    said = [
        event_json(0, level="ERROR", code="UPLINK_CODEC", description="a"),
        event_json(0, level="ERROR", code="UPLINK_CODEC", description="b"),
        event_json(1, level="ERROR", code="UPLINK_CODEC", description="a"),
        event_json(0, level="ERROR", code="UPLINK_CODEC", description="a", context={"k": "v"}),
    ]
    identities = [read_event("log", each, dev_eui=EUI).event_id for each in said]
    assert len(set(identities)) == len(said)
    assert read_event("log", said[0], dev_eui=EUI).event_id == identities[0]


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        ("gone", event_json(), Reason.EVENT_UNKNOWN),
        ("up", b"{", Reason.EVENT_UNREADABLE),
        ("up", b"", Reason.EVENT_UNREADABLE),
        ("up", b"\xff\xff\xff", Reason.EVENT_UNREADABLE),
        ("up", event_json(device="11111111111111ff"), Reason.DEVICE_MISMATCH),
        ("up", event_json(device="no eui"), Reason.EVENT_UNREADABLE),
        ("up", event_json(fCnt=2**32), Reason.EVENT_UNREADABLE),
        ("up", event_json(fPort=-1), Reason.EVENT_UNREADABLE),
        ("up", event_json(rxInfo=[{"rssi": 2**31}]), Reason.EVENT_UNREADABLE),
        ("up", event_json(time="2026-01-01T00:00:00"), Reason.EVENT_UNREADABLE),
        ("up", event_json(time="1969-12-31T23:59:59Z"), Reason.EVENT_UNREADABLE),
        ("up", event_json(time=5), Reason.EVENT_UNREADABLE),
        ("status", event_json(margin=2**31), Reason.EVENT_UNREADABLE),
        ("ack", event_json(fCntDown=2**32), Reason.EVENT_UNREADABLE),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(kind: str, payload: bytes, reason: Reason) -> None:
    with pytest.raises(Reject) as refused:
        read_event(kind, payload, dev_eui=EUI)
    assert refused.value.reason is reason


def test_upper_case_device_ids_are_the_same_device() -> None:
    assert read_event("up", event_json(device=EUI.upper()), dev_eui=EUI).device.dev_eui == EUI
    assert read_topic(f"application/a/device/{EUI.upper()}/event/up") == EventTopic("a", EUI, "up")
