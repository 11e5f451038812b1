"""What the simulator publishes has the shape of what a real ChirpStack 4.20 published."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from chirpstack_api import integration

from pipeline.simulator import CityPlan, Family, Fate, devices, events
from pipeline.simulator.chirpstack import derived_uuid, rfc3339

CAPTURED = Path(__file__).parents[2] / "data" / "chirpstack-events.jsonl"
TYPES = ("up", "join", "status", "log", "txack", "ack")
MESSAGES = {
    "up": integration.UplinkEvent,
    "join": integration.JoinEvent,
    "status": integration.StatusEvent,
    "log": integration.LogEvent,
    "txack": integration.TxAckEvent,
    "ack": integration.AckEvent,
}
BUSY = CityPlan(
    duration=timedelta(hours=2),
    bays_koenigstrasse=6,
    bays_koelner_strasse=6,
    disabled_bays=2,
    wells=10,
    containers=5,
    luminaires=10,
    well_interval_seconds=300.0,
    join_at_start=True,
    downlinks_per_day=48.0,
    statuses_per_day=24.0,
    retransmission_log_share=0.1,
    empty_share=0.05,
    confirmed_share=0.2,
)

_FORMS = {
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?\+00:00",
    "eui": r"[0-9a-f]{16}",
    "address": r"[0-9a-f]{8}",
    "enum": r"[A-Z][A-Z0-9_]+",
    "duration": r"\d+(\.\d+)?s",
}


def form(value: Any) -> str:
    """The kind of a JSON value, with the format of a text where it has one."""
    if isinstance(value, str):
        return next((name for name, pattern in _FORMS.items() if re.fullmatch(pattern, value)), "text")
    return type(value).__name__


def shape(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf of a JSON value: its path (list places and free keys left out) and its form."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from shape(inside, f"{path}.*" if path.endswith(("tags", "metadata")) else f"{path}.{key}")
    elif isinstance(value, list):
        for inside in value:
            yield from shape(inside, f"{path}[]")
    else:
        # tags hold what an operator likes; data is any bytes, which base64 may make look like anything
        yield path, "text" if ".tags." in path or path.endswith((".data", ".context")) else form(value)


def captured(encoding: str) -> list[tuple[str, bytes]]:
    found = []
    for line in CAPTURED.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["encoding"] == encoding:
            payload = event["payload"]
            found.append((event["topic"], payload.encode() if encoding == "json" else b64decode(payload)))
    return found


def published(plan: CityPlan) -> list[tuple[str, bytes]]:
    return [(planned.topic, planned.payload) for planned in events(plan) if planned.event in TYPES and planned.topic]


def of_type(messages: list[tuple[str, bytes]], event: str) -> list[bytes]:
    return [payload for topic, payload in messages if topic.endswith(f"/{event}")]


@pytest.fixture(scope="module")
def in_json() -> list[tuple[str, bytes]]:
    return published(BUSY)


@pytest.fixture(scope="module")
def in_protobuf() -> list[tuple[str, bytes]]:
    return published(BUSY.with_(encoding="protobuf"))


@pytest.mark.parametrize("event", TYPES)
def test_json_event_has_the_fields_and_value_formats_of_a_real_one(
    event: str, in_json: list[tuple[str, bytes]]
) -> None:
    real = {leaf for payload in of_type(captured("json"), event) for leaf in shape(json.loads(payload))}
    ours = {leaf for payload in of_type(in_json, event) for leaf in shape(json.loads(payload))}

    assert ours == real


@pytest.mark.parametrize("event", TYPES)
def test_protobuf_event_sets_the_fields_of_a_real_one(event: str, in_protobuf: list[tuple[str, bytes]]) -> None:
    def fields(message: Any, path: str = "") -> Iterator[str]:
        for field, value in message.ListFields():
            place = f"{path}.{field.name}"
            yield place
            if field.message_type is not None and not field.message_type.GetOptions().map_entry:
                for inside in value if field.is_repeated else [value]:
                    yield from fields(inside, place)

    def all_fields(messages: list[tuple[str, bytes]]) -> set[str]:
        return {place for payload in of_type(messages, event) for place in fields(MESSAGES[event].FromString(payload))}

    real = all_fields(captured("protobuf"))
    ours = all_fields(in_protobuf)
    # what is 0 in every captured event, and what only a mains-powered device has
    may_be_default = {".device_info.device_class_enabled", ".external_power_source", ".margin", ".confirmed", ".f_cnt"}

    assert ours - may_be_default == real - may_be_default


def test_protobuf_and_json_say_the_same(in_json: list[tuple[str, bytes]], in_protobuf: list[tuple[str, bytes]]) -> None:
    ups = [json.loads(payload) for payload in of_type(in_json, "up")]
    others = [MESSAGES["up"].FromString(payload) for payload in of_type(in_protobuf, "up")]

    assert len(ups) == len(others) > 100
    for ours, other in zip(ups, others, strict=True):
        assert ours["deduplicationId"] == other.deduplication_id
        assert ours["fCnt"] == other.f_cnt
        assert b64decode(ours["data"]) == other.data
        assert ours["deviceInfo"]["tags"] == dict(other.device_info.tags)
        assert [heard["rssi"] for heard in ours["rxInfo"]] == [heard.rssi for heard in other.rx_info]
        assert ours["time"] == rfc3339(other.time.seconds * 1_000_000_000 + other.time.nanos)


@pytest.mark.parametrize(
    ("profile", "family"),
    [
        ("bosch TPS110", Family.PARKING),
        ("decentlab DL-PR26", Family.GROUNDWATER),
        ("milesight EM310-UDL", Family.CONTAINER),
        ("nas UL20xx-fw1.1", Family.LIGHTING),
    ],
)
def test_device_is_described_as_a_real_one_of_its_profile(
    profile: str, family: Family, in_json: list[tuple[str, bytes]]
) -> None:
    def infos(messages: list[tuple[str, bytes]]) -> list[Mapping[str, Any]]:
        found = [json.loads(payload)["deviceInfo"] for payload in of_type(messages, "up")]
        return [info for info in found if info["deviceProfileName"] == profile]

    real, ours = infos(captured("json"))[0], infos(in_json)[0]

    assert ours["deviceClassEnabled"] == real["deviceClassEnabled"]
    assert ours["tags"]["decoder"] == real["tags"]["decoder"]
    assert ours["tags"]["vendor"] == real["tags"]["vendor"]
    assert set(real["tags"]) <= set(ours["tags"])
    assert ours["devEui"] in {device.dev_eui for device in devices(BUSY) if device.family is family}


def test_sent_downlink_lacks_the_tags_of_the_application(in_json: list[tuple[str, bytes]]) -> None:
    sent = [json.loads(payload)["deviceInfo"]["tags"] for payload in of_type(in_json, "txack")]

    assert sent
    assert all("operator" not in tags and "decoder" in tags for tags in sent)


def test_signal_to_noise_ratio_of_zero_is_not_written(in_json: list[tuple[str, bytes]]) -> None:
    heard = [info for payload in of_type(in_json, "up") for info in json.loads(payload)["rxInfo"]]

    assert any("snr" not in info for info in heard)
    assert all(info.get("snr") != 0 for info in heard)


def test_order_of_tags_changes_from_event_to_event(in_json: list[tuple[str, bytes]]) -> None:
    orders = {tuple(json.loads(payload)["deviceInfo"]["tags"]) for payload in of_type(in_json, "up")}

    assert len(orders) > len({frozenset(order) for order in orders})


def test_each_downlink_is_confirmed_by_the_next_uplink(in_json: list[tuple[str, bytes]]) -> None:
    sent = [json.loads(payload)["queueItemId"] for payload in of_type(in_json, "txack")]
    confirmed = {json.loads(payload)["queueItemId"] for payload in of_type(in_json, "ack")}

    assert confirmed
    assert confirmed <= set(sent)


def test_status_of_a_mains_powered_device_names_no_battery(in_json: list[tuple[str, bytes]]) -> None:
    statuses = [json.loads(payload) for payload in of_type(in_json, "status")]
    mains = [status for status in statuses if status["deviceInfo"]["deviceClassEnabled"] == "CLASS_C"]

    assert mains
    assert all(status["externalPowerSource"] and status["batteryLevel"] == 0.0 for status in mains)


def test_both_encodings_stand_for_two_servers() -> None:
    plan = BUSY.with_(encoding="both", duration=timedelta(minutes=30))
    families = {device.dev_eui: device.family for device in devices(plan)}
    in_braces = {
        (families[planned.dev_eui], planned.payload[:1] == b"{")
        for planned in events(plan)
        if planned.fate not in (Fate.LOST, Fate.TICK)
    }

    assert in_braces == {
        (Family.PARKING, True),
        (Family.CONTAINER, True),
        (Family.GROUNDWATER, False),
        (Family.LIGHTING, False),
    }


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00+00:00"),
        (1_500_000_000, "1970-01-01T00:00:01.500+00:00"),
        (1_000_001_000, "1970-01-01T00:00:01.000001+00:00"),
        (1_000_000_001, "1970-01-01T00:00:01.000000001+00:00"),
    ],
)
def test_time_is_written_with_as_many_digits_as_it_needs(nanoseconds: int, text: str) -> None:
    assert rfc3339(nanoseconds) == text


def test_derived_id_is_a_version_4_uuid_of_its_parts() -> None:
    assert re.fullmatch(_FORMS["uuid"], derived_uuid("seed", 1))
    assert derived_uuid("seed", 1) == derived_uuid("seed", 1) != derived_uuid("seed", 2)
