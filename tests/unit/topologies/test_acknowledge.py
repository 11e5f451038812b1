"""Acknowledging: which alert is meant, what is told of it, and what the person reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from pipeline.core.errors import SettingsError
from topologies.alerts.acknowledge import Alert, Outcome, event_data, one_of, range_of
from topologies.alerts.command import Listed, answer, status, summary, told
from topologies.runtime import alert_events, alerts
from topologies.runtime.model import Rule

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALERT = Alert(
    id=UUID("12345678-0000-0000-0000-000000000001"),
    family="container",
    rule="container_full",
    severity="warning",
    subject="c1",
    site="c1",
    device="00000000000000aa",
    status="open",
    since=AT,
    resolved_at=None,
    opened_event=UUID(int=7),
    value=0.9,
    limit=0.8,
    retrospective=False,
    message_de="voll",
    message_en="full",
    acknowledged_at=AT,
    acknowledged_by="Anna",
    acknowledged_note="on my way",
)


@pytest.mark.parametrize(
    "prefix", ["12345678", "1234-5678", "1234", "12345678-0000-0000-0000-000000000001", " 1234ABCD "]
)
def test_an_id_may_be_given_by_its_first_digits(prefix: str) -> None:
    least, greatest = range_of(prefix)
    digits = prefix.strip().lower().replace("-", "")
    assert (least.hex[: len(digits)], greatest.hex[: len(digits)]) == (digits, digits)
    assert least.hex[len(digits) :].strip("0") == greatest.hex[len(digits) :].strip("f") == ""


@pytest.mark.parametrize("prefix", ["", "123", "container", "12345678-0000-0000-0000-0000000000011", "1234%"])
def test_what_is_no_id_is_told_in_one_sentence(prefix: str) -> None:
    with pytest.raises(SettingsError, match=r"is no alert's id; expected the 4 or more hexadecimal digits"):
        range_of(prefix)


def test_an_unknown_and_an_ambiguous_id_are_told() -> None:
    with pytest.raises(SettingsError, match=r"there is no alert 'abcd'; see `silkstream alerts list --all`"):
        one_of("abcd", [])
    with pytest.raises(SettingsError, match=rf"'1234' may be {ALERT.id}, {UUID(int=2)}; give more of its digits"):
        one_of("1234", [ALERT.id, UUID(int=2)])
    assert one_of("1234", [ALERT.id]) == ALERT.id


@pytest.mark.parametrize("resolved", [None, AT])
def test_the_event_has_all_that_the_alerts_other_events_have(resolved: datetime | None) -> None:
    acknowledged = msgspec.to_builtins(event_data(ALERT._replace(resolved_at=resolved), AT))
    kind = alerts.OPEN if resolved is None else alerts.RESOLVED
    other = alerts.Alert(bytes(16), "r", "c1", "c1", "d", 1, 1, bytes(16), 0.9, 0.8, False, False, "voll", "full")
    told_of = alert_events.event_data(Rule("r", "warning", "t"), "container", alerts.Told(kind, other))

    assert msgspec.to_builtins(told_of).keys() <= acknowledged.keys()
    assert {name: acknowledged[name] for name in ("acknowledged_by", "note", "status")} == {
        "acknowledged_by": "Anna",
        "note": "on my way",
        "status": "open" if resolved is None else "resolved",
    }


def test_the_second_is_told_that_nothing_changed() -> None:
    assert answer(Outcome(ALERT, is_new=True)) == f"{ALERT.id} is acknowledged by Anna: full"
    assert "was acknowledged by Anna at 2026-01-01T12:00:00Z: nothing changed" in answer(Outcome(ALERT, is_new=False))
    over = ALERT._replace(resolved_at=AT, status="resolved")
    assert answer(Outcome(over, is_new=True)).endswith("full (resolved at 2026-01-01T12:00:00Z)")


def note(channel: str, **more: Any) -> dict[str, Any]:
    empty = {"sent_at": None, "given_up_at": None, "attempts": 0, "last_error": None, "change": "opened"}
    return {"channel": channel, **empty, **more}


def test_the_list_says_who_was_told_and_never_hides_who_was_not() -> None:
    sent = note("duty", sent_at="now")
    assert told([]) == ""
    assert told([sent]) == "duty"
    assert told([sent, note("duty"), note("waste", attempts=3, last_error="HTTP 500")]) == (
        "duty waits, waste waits (3 attempts: HTTP 500)"
    )
    assert told([sent, note("duty", given_up_at="now", last_error="HTTP 404"), note("duty")]) == (
        "duty GIVEN UP (HTTP 404)"
    )
    listed = [Listed(ALERT, [sent]), Listed(ALERT._replace(status="resolved"), [note("duty", given_up_at="now")])]
    assert summary(listed, is_cut=False) == ("2 alerts, 1 open; 1 notifications GIVEN UP: nobody was told by them")
    assert summary(listed[:1], is_cut=True) == "1 alerts, 1 open; there are older ones; --limit shows more"


def test_the_list_says_who_knows() -> None:
    assert status(ALERT) == "open, known to Anna"
    old = ALERT._replace(status="resolved", resolved_at=AT, acknowledged_at=None, retrospective=True)
    assert status(old) == "resolved 2026-01-01T12:00:00Z, retrospective"


@pytest.mark.parametrize(
    ("family", "alert_class", "topic"),
    [
        ("container", "internal", "alerts.container.v1"),
        ("water", "internal", "alerts.water.v1"),
        ("water", "personal", "alerts.water_personal.v1"),
        ("container", "personal", None),
    ],
)
def test_of_a_home_only_the_topic_of_homes_hears(family: str, alert_class: str, topic: str | None) -> None:
    assert ALERT._replace(family=family, alert_class=alert_class).topic == topic
