"""What a mail says: who, what, where, since when, in German and English; pure.

The same notification gives the same bytes, however often it is sent: a mailbox that got it twice can tell by the
Message-ID, and many do so by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from topologies.notify.changes import Data, kind_of, read_event

WORDS: Final = {
    "opened": ("Alarm", "Alert"),
    "updated": ("Alarm geändert", "Alert changed"),
    "acknowledged": ("Alarm bestätigt", "Alert acknowledged"),
    "resolved": ("Alarm beendet", "Alert resolved"),
    "withdrawn": ("Alarm zurückgenommen", "Alert withdrawn"),
}
_OTHER: Final = ("Meldung", "Notice")


class Letterhead(NamedTuple):
    """What all mails of a channel share."""

    sender: str
    to: Sequence[str]
    zone: ZoneInfo


def mail_of(identity: UUID, text: str, *, stored_at: datetime, head: Letterhead) -> EmailMessage:
    """The mail of a notification.

    Args:
        identity: of the notification.
        text: its event.
        stored_at: when it became due; the mail's date.
        head: who writes to whom.
    """
    event = read_event(text)
    data = event.data
    kind = kind_of(event) or ""
    german, english = WORDS.get("withdrawn" if data.withdrawn else kind, _OTHER)
    domain = head.sender.rpartition("@")[2]
    mail = EmailMessage(policy=SMTP)
    mail["From"] = head.sender
    mail["To"] = ", ".join(head.to)
    mail["Subject"] = f"{german}: {_line(data.message.get('de') or data.message.get('en') or data.rule)}"
    mail["Date"] = format_datetime(stored_at)
    mail["Message-ID"] = f"<{identity}@{domain}>"
    # All that is said of one alert is one conversation.
    mail["References"] = f"<{data.alert}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    sentences = [
        f"{german}: {_line(data.message.get('de', ''))}",
        f"{english}: {_line(data.message.get('en', ''))}",
    ]
    facts = [f"{name + ':':<33}{_line(value)}" for name, value in _facts(data, head.zone) if value]
    closing = []
    if kind == "opened":
        closing = ["", f"Bestätigen / acknowledge: silkstream alerts ack {data.alert}"]
    mail.set_content("\n".join([*sentences, "", *facts, *closing, ""]))
    return mail


def _facts(data: Data, zone: ZoneInfo) -> list[tuple[str, str]]:
    return [
        ("Ort / site", data.site),
        ("Gerät / device", data.device),
        ("Seit / since", _time(data.since, zone)),
        ("Bis / until", "" if data.resolved_at is None or data.withdrawn else _time(data.resolved_at, zone)),
        ("Wert / value", "" if data.value is None else f"{data.value:.6g}"),
        ("Grenze / limit", "" if data.limit is None else f"{data.limit:.6g}"),
        ("Stufe / severity", data.severity),
        ("Regel / rule", data.rule),
        ("Bestätigt von / acknowledged by", data.acknowledged_by or ""),
        ("Bemerkung / note", data.note or ""),
        ("Alarm / alert", str(data.alert)),
    ]


def _time(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _line(text: str) -> str:
    """Names are a city's own words: whatever is in them, a line stays a line and a header a header."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
