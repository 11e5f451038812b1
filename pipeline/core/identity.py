"""Identities: whatever can be repeated is named after its input, so repeating it changes nothing.

An id is the first 16 bytes of a SHA-1 over length-free, newline-separated fields behind a domain word; it is
stored as a UUID. SHA-1 is used as a name, not as a seal, and `uuid.uuid5` would cost ten times as much.
"""

from __future__ import annotations

from hashlib import sha1, sha256
from uuid import UUID

Id = bytes
"""16 bytes."""


def event_id(deduplication_id: str, event: str) -> Id:
    """Identity of an event that ChirpStack gave a deduplicationId: (deduplicationId, event type)."""
    return sha1(f"event\n{deduplication_id}\n{event}".encode(), usedforsecurity=False).digest()[:16]


def anonymous_event_id(event: str, dev_eui: str, *fields: str) -> Id:
    """Identity of an event without one of its own (`txack`, `log`): from its own fields."""
    joined = "\n".join((event, dev_eui, *fields))
    return sha1(f"anonymous\n{joined}".encode(), usedforsecurity=False).digest()[:16]


def frame_id(dev_eui: str, dev_addr: str, f_cnt: int, *, f_port: int, data: bytes) -> Id:
    """Identity of a radio frame: equal for two uplink events made from one transmission."""
    digest = sha256(data).hexdigest()
    text = f"frame\n{dev_eui}\n{dev_addr}\n{f_cnt}\n{f_port}\n{digest}"
    return sha1(text.encode(), usedforsecurity=False).digest()[:16]


def derived_id(kind: str, *fields: str) -> Id:
    """Identity of something that follows from named inputs: an alert, a dead letter, an outgoing event."""
    joined = "\n".join(fields)
    return sha1(f"{kind}\n{joined}".encode(), usedforsecurity=False).digest()[:16]


def text(identity: Id) -> str:
    """The id as a UUID's text."""
    return str(UUID(bytes=identity))
