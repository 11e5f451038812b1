"""The contract: payloads as they have always been, schemas that say so, and every topic described."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from decoders.registry import load
from pipeline.contract.command import contract_command
from pipeline.contract.document import document
from pipeline.contract.schema import DIALECT, event_schema
from pipeline.core import topics
from pipeline.core.cloudevents import EventData, Publication
from pipeline.core.errors import SettingsError
from pipeline.installed import installed_stages
from tests.unit.pipeline.contract import closed, faults
from topologies.container.rules import RULES
from topologies.derive.zones import ParkingZone
from topologies.runtime.alert_events import event_data
from topologies.runtime.alerts import OPEN, RESOLVED, Alert, Told
from topologies.runtime.outbox import Event, cloud_event

ALERT = Alert(
    id=bytes(range(16)),
    rule=RULES[0].name,
    subject="c1",
    site="c1",
    device="00000000000000aa",
    since_us=1_760_000_000_000_000,
    resolved_us=None,
    opened_event=bytes(16),
    value=0.9,
    limit=0.8,
    retrospective=False,
    silenced=False,
    message_de="Container c1 ist zu 90 % gefüllt.",
    message_en="Container c1 is 90 % full.",
)
OVER = ALERT._replace(resolved_us=1_760_000_000_250_000)
ZONE = ParkingZone(zone="Mitte", bays=3, occupied=1, free=1, unknown=1, changed_at="2025-10-09T08:53:20+00:00")


def told(data: EventData) -> bytes:
    """The whole event."""
    return cloud_event(Event("t", "c1", "/silkstream/test", 1_760_000_000_000_000, data), 7)


def alert_told(kind: str, alert: Alert, *, withdrawn: bool = False) -> EventData:
    return event_data(RULES[0], "container", Told(kind, alert, withdrawn))


SENT: list[EventData] = [
    alert_told(OPEN, ALERT),
    alert_told(RESOLVED, OVER),
    alert_told(RESOLVED, ALERT, withdrawn=True),
    ZONE,
]
_OPENED = (
    '"alert":"00010203-0405-0607-0809-0a0b0c0d0e0f","rule":"container_full","family":"container","severity":"warning",'
    '"status":"STATUS","site":"c1","device":"00000000000000aa","since":"2025-10-09T08:53:20+00:00",'
    '"opened_event":"00000000-0000-0000-0000-000000000000","value":0.9,"limit":0.8,'
    '"message":{"de":"Container c1 ist zu 90 % gefüllt.","en":"Container c1 is 90 % full."}'
)
_RESOLVED = _OPENED.replace("STATUS", "resolved")


@pytest.mark.parametrize(
    ("data", "event_type", "written"),
    [
        (SENT[0], "de.silkstream.alert.opened.v1", _OPENED.replace("STATUS", "open")),
        (
            SENT[1],
            "de.silkstream.alert.resolved.v1",
            f'{_RESOLVED},"resolved_at":"2025-10-09T08:53:20.250000+00:00","withdrawn":false',
        ),
        (
            SENT[2],
            "de.silkstream.alert.resolved.v1",
            f'{_RESOLVED},"resolved_at":"2025-10-09T08:53:20+00:00","withdrawn":true',
        ),
        (
            ZONE,
            "de.silkstream.parking.zone.v1",
            '"zone":"Mitte","bays":3,"occupied":1,"free":1,"unknown":1,"changed_at":"2025-10-09T08:53:20+00:00"',
        ),
    ],
)
def test_an_event_is_written_as_it_has_always_been(data: EventData, event_type: str, written: str) -> None:
    """These bytes are what subscribers read: whoever changes them here changes them for a city."""
    assert told(data).decode() == (
        '{"specversion":"1.0","id":"356ebf04-9e3f-e65f-4495-db0e416f7454","source":"/silkstream/test",'
        f'"type":"{event_type}","subject":"c1","time":"2025-10-09T08:53:20+00:00",'
        f'"datacontenttype":"application/json","sequence":"7","data":{{{written}}}}}'
    )


@pytest.mark.parametrize("data", SENT, ids=lambda data: str(data.event_type))
def test_the_schema_takes_what_is_sent_and_what_will_be_added_and_nothing_less(data: EventData) -> None:
    schema = event_schema(type(data))
    event = json.loads(told(data))

    for dialect in (Draft7Validator, Draft202012Validator):
        dialect.check_schema(schema)
        assert dialect(schema).is_valid(event)
    assert faults(closed(schema), event) == []
    grown = {**event, "traceparent": "x", "data": {**event["data"], "later": 1}}
    assert faults(schema, grown) == []
    for name in event["data"]:
        assert faults(schema, {**event, "data": without(event["data"], name)}), f"data.{name} is promised"
    for name in event:
        assert faults(schema, without(event, name)), f"{name} is promised"
    for name, wrong in (("type", "another"), ("time", "yesterday"), ("sequence", "0"), ("id", "x"), ("specversion", 1)):
        assert faults(schema, {**event, name: wrong}), f"{name} {wrong}"


def without(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != name}


def test_the_status_of_an_alert_is_that_of_its_type() -> None:
    event = json.loads(told(SENT[0]))
    event["data"]["status"] = "resolved"

    assert faults(event_schema(type(SENT[0])), event)


FAMILIES = ("parking", "container", "groundwater", "lighting", "water", "weather")


def built(*publications: Publication, families: tuple[str, ...] = FAMILIES, namespace: str = "") -> Any:
    declared = topics.declared(families, partitions=3, raw_retention_days=7, namespace=namespace)
    return document(declared, publications, list(load().values()), version="1", namespace=namespace)


def references(part: Any) -> Iterator[str]:
    """Every reference in a document."""
    if isinstance(part, dict):
        yield from (str(value) for key, value in part.items() if key == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def test_every_topic_is_a_channel_as_it_is_declared_and_every_reference_leads_somewhere() -> None:
    declared = topics.declared(FAMILIES, partitions=3, raw_retention_days=7)
    found = built(*(each for stage in installed_stages(of="silkstream").values() for each in stage.publishes))

    assert [channel["address"] for channel in found["channels"].values()] == [topic.name for topic in declared]
    for topic, channel in zip(declared, found["channels"].values(), strict=True):
        binding = channel["bindings"]["kafka"]
        assert (binding["partitions"], binding["topicConfiguration"]["retention.ms"]) == (3, topic.retention_ms)
    for reference in references(found):
        at = found
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]
    said = {each["$ref"] for operation in found["operations"].values() for each in operation["messages"]}
    assert {each.rsplit("/", 1)[1] for each in said} == found["components"]["messages"].keys()
    assert found["channels"]["alerts.weather.v1"]["messages"] == {}
    assert "distance_metres" in found["channels"]["readings.container.v1"]["x-quantities"]


def test_a_namespace_stands_in_front_of_every_address() -> None:
    found = built(Publication("city.parking.v1", (ParkingZone,)), namespace="demo.")

    addresses = {name: channel["address"] for name, channel in found["channels"].items()}
    assert addresses == {name: f"demo.{name}" for name in addresses}
    assert list(found["channels"]["city.parking.v1"]["messages"]) == [ParkingZone.event_type]
    assert found["channels"]["lorawan.raw.v1"]["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] == -1


class Smell(EventData, frozen=True, kw_only=True):
    """It smells."""

    event_type: ClassVar[str] = "org.acme.smell.v1"

    units: float


def test_a_plugins_family_and_its_events_appear_too() -> None:
    found = built(Publication(topics.city("odour"), (Smell,)), families=("odour",))

    assert {"readings.odour.v1", "alerts.odour.v1", "city.odour.v1"} <= found["channels"].keys()
    (message,) = found["channels"]["city.odour.v1"]["messages"]
    payload = found["components"]["messages"][message]["payload"]
    assert payload["properties"]["data"]["required"] == ["units"]


def test_a_stage_that_publishes_where_no_topic_is_and_a_type_of_two_meanings_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"publishes on city\.odour\.v1"):
        built(Publication(topics.city("odour"), (Smell,)))
    other = type("Smell", (EventData,), {"event_type": Smell.event_type}, frozen=True)
    with pytest.raises(SettingsError, match=r"org\.acme\.smell\.v1 is defined twice"):
        built(Publication(topics.city("parking"), (Smell,)), Publication(topics.alerts("parking"), (other,)))


def test_a_folder_is_written_checked_and_found_to_have_drifted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract_command(out=tmp_path, built_in=True)
    contract_command(check=tmp_path, built_in=True)
    contract_command(built_in=True)

    written = (tmp_path / "asyncapi.yaml").read_text(encoding="utf-8")
    assert capsys.readouterr().out == written
    messages = yaml.safe_load(written)["components"]["messages"]
    events = list((tmp_path / "events").iterdir())
    assert {path.stem for path in events} == {name for name in messages if name.startswith("de.silkstream.")}
    for path in events:
        assert json.loads(path.read_text()) == {"$schema": DIALECT, **messages[path.stem]["payload"]}
    for path in [tmp_path / "asyncapi.yaml", *events]:
        kept = path.read_bytes()
        path.write_bytes(kept + b"\n")
        with pytest.raises(SettingsError, match=rf"{path.name} is not what the code says: run 'make generate'"):
            contract_command(check=tmp_path, built_in=True)
        path.write_bytes(kept)
    (tmp_path / "events/gone.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"gone\.json"):
        contract_command(check=tmp_path, built_in=True)
