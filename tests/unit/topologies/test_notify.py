"""The notifier's decisions: what is a change, who is told of it, and what they read."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from pipeline.core.channels import Channel, Mail, Notify, Webhook
from pipeline.core.errors import Reason, Reject, SettingsError
from pipeline.core.health import Progress
from pipeline.core.metrics import StageMetrics
from pipeline.core.model import StoredRecord
from pipeline.core.settings import Settings
from pipeline.core.stage import Context
from topologies.notify.changes import Change, decide, read_change
from topologies.notify.mail import Letterhead, mail_of
from topologies.notify.send import Due, headers_of, reason_of
from topologies.notify.worker import NAME, is_configured, run
from topologies.runtime.alert_events import event_data
from topologies.runtime.alerts import OPEN, RESOLVED, Alert, Told
from topologies.runtime.model import Rule
from topologies.runtime.outbox import Event, cloud_event

RULE = Rule("container_full", "warning", "alerts.container.v1")
ALERT = Alert(
    id=bytes(range(16)),
    rule="container_full",
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
    message_de="Behälter Hüls ist zu 90 % voll.",
    message_en="Container Hüls is 90 % full.",
)


def event(kind: str = "opened", sequence: int = 1, *, subject: str = "c1", **more: Any) -> dict[str, Any]:
    """An alert's event as topologies make it."""
    resolved = kind == "resolved"
    alert = ALERT._replace(resolved_us=ALERT.since_us + 60_000_000) if resolved else ALERT
    withdrawn = more.pop("withdrawn", False)
    told = Told(RESOLVED if resolved else OPEN, alert, withdrawn)
    made = Event("alerts.container.v1", subject, "/s", ALERT.since_us, event_data(RULE, "container", told))
    found: dict[str, Any] = orjson.loads(cloud_event(made, sequence))
    found["type"] = f"de.silkstream.alert.{kind}.v1"
    found["data"] |= more
    return found


def record(content: Mapping[str, Any] | bytes | None, *, timestamp: int = 1000) -> StoredRecord:
    value = orjson.dumps(content) if isinstance(content, Mapping) else content
    return StoredRecord("alerts.container.v1", 0, 0, timestamp, b"c1", value)


def change(kind: str = "opened", sequence: int = 1, *, timestamp: int = 1000, **more: Any) -> Change:
    return read_change(record(event(kind, sequence, **more), timestamp=timestamp))


def told(*changes: Change, heard: Mapping[tuple[str, str], int] | None = None, **channels: Channel) -> Any:
    """Who is told of which sequence, and what was discarded."""
    decided = decide(changes, channels or {"all": Channel()}, heard or {}, oldest_ms=500)
    return [(each.channel, each.change.sequence) for each in decided.notifications], dict(decided.discarded)


def test_a_change_is_read_as_it_was_written() -> None:
    found = change("resolved", 7, withdrawn=True, somebody_added_this=1)

    assert (found.kind, found.sequence, found.event.subject) == ("resolved", 7, "c1")
    assert (found.event.data.alert, found.event.data.withdrawn) == (UUID(bytes=ALERT.id), True)
    assert orjson.loads(found.text)["data"]["somebody_added_this"] == 1


BROKEN: Mapping[str, Mapping[str, Any] | bytes | None] = {
    "no value": None,
    "no JSON": b"\xff{",
    "no event": {"a": 1},
    "another type": {**event(), "type": "de.silkstream.parking.zone.v1"},
    "another version": {**event(), "type": "de.silkstream.alert.opened.v2"},
    "no number": {**event(), "sequence": "one"},
    "zero": {**event(), "sequence": "0"},
    "beyond a bigint": {**event(), "sequence": str(2**63)},
    "a sequence of 30 digits": {**event(), "sequence": "9" * 30},
    "no subject": {**event(), "subject": ""},
    "a subject with a NUL": {**event(), "subject": "a\x00"},
    "a subject beyond measure": {**event(), "subject": "a" * 501},
    "no alert": event(alert="x"),
    "no rule": event(rule=None),
    "no zone": event(since="2026-01-01T00:00:00"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_change_is_rejected(content: Mapping[str, Any] | bytes | None) -> None:
    with pytest.raises(Reject) as rejected:
        read_change(record(content))
    assert rejected.value.reason == Reason.RECORD_UNREADABLE


def test_what_is_not_above_the_highest_sequence_of_its_subject_is_ignored() -> None:
    place = ("alerts.container.v1", "c1")
    changes = [change(sequence=3), change(sequence=3), change(sequence=4), change(sequence=2), change(sequence=9)]

    assert told(*changes) == ([("all", 3), ("all", 4), ("all", 9)], {"repeated": 2})
    assert told(*changes, heard={place: 4}) == ([("all", 9)], {"repeated": 4})
    assert told(change(sequence=1, subject="other"), heard={place: 4})[0] == [("all", 1)]


def test_an_update_goes_to_who_wants_updates() -> None:
    updated = change("updated")
    hook, mails = Webhook(url=SecretStr("http://h")), Mail(to=("a@example.org",))

    assert (hook.updates, mails.updates) == (True, False)
    assert told(updated, hook=hook, mails=mails) == ([("hook", 1)], {})
    assert told(updated, mails=mails) == ([], {"filtered": 1})
    assert told(change(), hook=hook, mails=mails)[0] == [("hook", 1), ("mails", 1)]
    assert told(updated, hook=hook.model_copy(update={"updates": False}))[1] == {"filtered": 1}
    assert told(updated, mails=mails.model_copy(update={"updates": True}))[0] == [("mails", 1)]


def test_sequences_count_although_nobody_is_told() -> None:
    nobody = {"none": Channel(families=("parking",))}
    decided = decide([change(sequence=5)], nobody, {}, oldest_ms=0)

    assert decided.heard == {("alerts.container.v1", "c1"): 5}
    assert (decided.notifications, decided.discarded) == ([], {"filtered": 1})


def test_retrospective_and_old_changes_are_told_to_nobody() -> None:
    assert told(change(retrospective=True)) == ([], {"retrospective": 1})
    assert told(change(timestamp=499)) == ([], {"too_old": 1})
    assert told(change(timestamp=500))[0] == [("all", 1)]


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ({}, True),
        ({"families": ("parking", "container")}, True),
        ({"families": ("parking",)}, False),
        ({"severities": ("critical",)}, False),
        ({"severities": ("warning",), "rules": ("container_full",)}, True),
        ({"severities": ("warning",), "rules": ("container_hot",)}, False),
    ],
)
def test_a_channel_tells_of_what_passes_all_its_filters(filters: Mapping[str, Any], passes: bool) -> None:  # noqa: FBT001  # parametrized
    assert told(change(), here=Channel(**filters), there=Channel()) == (
        [("here", 1), ("there", 1)] if passes else [("there", 1)],
        {},
    )


def test_a_notification_has_one_id_for_each_change_and_channel() -> None:
    def ids(*changes: Change) -> list[bytes]:
        return [each.id for each in decide(changes, {"a": Channel(), "b": Channel()}, {}, oldest_ms=0).notifications]

    assert ids(change(sequence=1)) == ids(change(sequence=1))
    assert len({*ids(change(sequence=1)), *ids(change(sequence=2))}) == 4


# ── what people read ──

HEAD = Letterhead("silk@example.org", ("a@example.org", "b@example.org"), ZoneInfo("Europe/Berlin"))
IDENTITY = UUID(int=7)
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def mail(kind: str = "opened", **more: Any) -> Any:
    return mail_of(IDENTITY, orjson.dumps(event(kind, **more)).decode(), stored_at=AT, head=HEAD)


def test_a_mail_says_what_where_since_when_and_how_much_in_two_languages() -> None:
    found = mail()
    body = found.get_content()

    assert found["Subject"] == "Alarm: Behälter Hüls ist zu 90 % voll."
    assert found["To"] == "a@example.org, b@example.org"
    assert found["Message-ID"] == "<00000000-0000-0000-0000-000000000007@example.org>"
    assert body.splitlines()[:2] == [
        "Alarm: Behälter Hüls ist zu 90 % voll.",
        "Alert: Container Hüls is 90 % full.",
    ]
    for name, value in {
        "Ort / site": "c1",
        "Gerät / device": "00000000000000aa",
        "Seit / since": "2025-10-09 10:53:20 CEST",
        "Wert / value": "0.9",
        "Grenze / limit": "0.8",
        "Stufe / severity": "warning",
    }.items():
        assert f"{name + ':':<33}{value}\n" in body
    assert "Bis / until" not in body
    assert f"silkstream alerts ack {UUID(bytes=ALERT.id)}" in body


def test_a_mail_is_the_same_bytes_each_time() -> None:
    assert mail().as_bytes() == mail().as_bytes()


def test_an_end_and_a_withdrawal_are_told_apart() -> None:
    assert "Bis / until:                     2025-10-09 10:54:20 CEST" in mail("resolved").get_content()
    withdrawn = mail("resolved", withdrawn=True)
    assert withdrawn["Subject"].startswith("Alarm zurückgenommen: ")
    assert "Bis / until" not in withdrawn.get_content()


def test_an_update_is_a_mail_in_the_thread_of_its_alert() -> None:
    updated = mail("updated")

    assert updated["Subject"].startswith("Alarm geändert: ")
    assert updated["References"] == mail()["References"]


def test_who_acknowledged_is_told() -> None:
    body = mail("acknowledged", acknowledged_by="Anna", note="fährt hin").get_content()
    assert "acknowledged by: Anna\n" in body
    assert "fährt hin\n" in body


def test_a_kind_that_is_new_is_told_all_the_same() -> None:
    assert mail("moved")["Subject"] == "Meldung: Behälter Hüls ist zu 90 % voll."


def test_no_name_of_a_site_breaks_a_line_or_a_header() -> None:
    evil = "Tonne\r\nBcc: everybody@example.org\n\x00\x1b[31m"
    found = mail(message={"de": evil, "en": evil}, site="c1\nRegel / rule: none")

    assert found["Bcc"] is None
    assert found["Subject"] == "Alarm: Tonne Bcc: everybody@example.org [31m"
    assert b"\nBcc:" not in found.as_bytes()
    assert "\nRegel / rule: none" not in found.get_content()


def test_a_webhook_carries_its_key_and_a_signature_of_its_body() -> None:
    due = Due(IDENTITY, '{"ä": 1}', AT, 3)

    signed = headers_of(due, b"secret")

    assert signed["Idempotency-Key"] == str(IDENTITY)
    digest = hmac.new(b"secret", due.event.encode(), sha256).hexdigest()
    assert signed["X-Silkstream-Signature"] == f"sha256={digest}"
    assert "X-Silkstream-Signature" not in headers_of(due, None)


def test_a_reason_names_no_address() -> None:
    assert reason_of(ConnectionRefusedError(111, "Connection refused")) == "ConnectionRefusedError: Connection refused"
    assert reason_of(ValueError("https://hooks.example.org/token")) == "ValueError"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "setting notify: no channel is configured; expected [notify.webhooks.NAME] or [notify.mails.NAME]"),
        ({"replay": True}, "setting replay: a replay tells nobody"),
        (
            {"notify": {"webhooks": {"duty": {"url": "http://h", "families": ["contaner"]}}}},
            "setting notify, families of duty: no decoder is of that family, expected some of container, ",
        ),
        (
            {"notify": {"webhooks": {"duty": {"url": "http://h", "secret_file": "/no/such"}}}},
            "setting notify, secret_file of a webhook: /no/such cannot be read: No such file",
        ),
    ],
)
async def test_what_cannot_work_is_told_in_one_sentence(settings: Mapping[str, Any], sentence: str) -> None:
    registry = CollectorRegistry()
    context = Context(
        settings=Settings(**settings),
        metrics=StageMetrics(registry, NAME),
        registry=registry,
        progress=Progress(),
        stop=asyncio.Event(),
    )
    with pytest.raises(SettingsError, match=f"^{re.escape(sentence)}"):
        await run(context)


def test_without_a_channel_and_in_a_replay_nobody_is_told() -> None:
    hooked = Notify(webhooks={"duty": Webhook(url=SecretStr("http://example.org"))})
    mailing = Notify(mails={"duty": Mail(to=("a@b",))}, mail_from="c@d", smtp_host="e")

    assert not is_configured(Settings())
    assert is_configured(Settings(notify=hooked))
    assert is_configured(Settings(notify=mailing))
    assert not is_configured(Settings(notify=hooked, replay=True))


def test_what_tells_of_homes_is_told_only_where_its_family_is_named() -> None:
    home = record({**event(), "data": {**event()["data"], "family": "water"}})
    home = home._replace(topic="demo.alerts.water_personal.v1")
    channels = {
        "all": Channel(),
        "waste": Channel(families=("container",)),
        "rule": Channel(rules=("container_full",)),
        "water": Channel(families=("container", "water")),
        "critical": Channel(families=("water",), severities=("critical",)),
    }

    assert told(read_change(home), heard=None, **channels) == ([("water", 1)], {})
    assert told(read_change(home), all=Channel()) == ([], {"filtered": 1})
