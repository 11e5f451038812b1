"""Every topic, declared in one place: name, key, value, partitions, retention, clean-up.

All keyed topics have the same number of partitions, which never changes: a device's records stay on the
partition of one number through the whole way, and ticks find every partition.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

RAW: Final = "lorawan.raw.v1"
FRAME: Final = "lorawan.frame.v1"
DEAD_LETTER: Final = "silkstream.deadletter.v1"
FLEET: Final = "fleet"
"""The family of no sensor: devices and gateways themselves, which have alerts and no readings."""

INTERNAL: Final = "internal"
PERSONAL: Final = "personal"
"""Classes of what an alert tells; see schemas/README.md."""
PERSONAL_FAMILIES: Final = frozenset({"water"})
"""Families whose sites are people's homes: an alert about one is on a topic of its own, which tells of nothing else."""

DAY_MS: Final = 86_400_000
FOREVER: Final = -1

RAW_VALUE_BYTES: Final = 900_000
"""What a raw record's value may have. The limits rise along the way, so that the topic which takes what another
refused is never the one that refuses: raw value < producer request (1 MiB) < dead letter."""
PRODUCER_REQUEST_BYTES: Final = 1_048_576
DEAD_LETTER_MESSAGE_BYTES: Final = 2_097_152
DEAD_LETTER_EXCERPT_BYTES: Final = 65_536
"""What is kept of an event that was too large."""


class Topic(NamedTuple):
    """A topic as it should be. `retention_ms` -1 = for ever."""

    name: str
    key: str
    value: str
    partitions: int
    retention_ms: int
    about: str
    max_message_bytes: int = PRODUCER_REQUEST_BYTES

    @property
    def config(self) -> dict[str, str]:
        """The broker's settings for it."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "CreateTime",
        }


def readings(family: str) -> str:
    """The topic of a family's readings."""
    return f"readings.{family}.v1"


def alerts(family: str, *, personal: bool = False) -> str:
    """The topic of a family's alerts, or of those that tell of people."""
    return f"alerts.{family}_personal.v1" if personal else f"alerts.{family}.v1"


def alert_topics(families: Iterable[str]) -> tuple[str, ...]:
    """All topics of alerts."""
    own = sorted(set(families))
    return (*map(alerts, own), *(alerts(f, personal=True) for f in own if f in PERSONAL_FAMILIES))


def is_personal(topic: str) -> bool:
    """Whether a topic, with or without its namespace, tells of people."""
    return topic.endswith("_personal.v1")


def city(subject: str) -> str:
    """The topic of a family's events for the city: `city.parking.v1`."""
    return f"city.{subject}.v1"


def declared(
    families: Iterable[str], *, partitions: int, raw_retention_days: int, namespace: str = ""
) -> tuple[Topic, ...]:
    """All topics of an installation.

    Args:
        families: of the installed decoders.
        partitions: of every keyed topic.
        raw_retention_days: how long the raw log is kept. It is what a replay and a re-decode live on. A city like
            Krefeld sends some 45 million frames a year; see infra/kafka/README.md for its size on disk.
        namespace: a prefix; the topics of a replay's namespace are kept for ever, since its records carry the
            ingest time of the past and would be deleted at once.
    """

    def topic(name: str, key: str, value: str, days: int, about: str, *, large: bool = False) -> Topic:
        return Topic(
            name=namespace + name,
            key=key,
            value=value,
            partitions=partitions,
            retention_ms=FOREVER if namespace else days * DAY_MS,
            about=about,
            max_message_bytes=DEAD_LETTER_MESSAGE_BYTES if large else PRODUCER_REQUEST_BYTES,
        )

    own = sorted(set(families))
    return (
        topic(RAW, "DevEUI", "ChirpStack event, bytes untouched", raw_retention_days, "every event, as it came"),
        topic(FRAME, "DevEUI", "silkstream.v1.Frame", 30, "what became of each event"),
        topic(DEAD_LETTER, "as it was", "as it was", 90, "what could not be used, with a reason", large=True),
        *(topic(readings(f), "DevEUI", "silkstream.v1.Reading", 30, f"what {f} sensors measured") for f in own),
        *(topic(alerts(f), "subject", "CloudEvents 1.0 JSON", 90, f"alerts about {f}") for f in own),
        *(
            topic(alerts(f, personal=True), "subject", "CloudEvents 1.0 JSON", 30, f"alerts about {f} in homes")
            for f in own
            if f in PERSONAL_FAMILIES
        ),
        topic(alerts(FLEET), "subject", "CloudEvents 1.0 JSON", 90, "alerts about devices and gateways"),
        *(topic(city(f), "subject", "CloudEvents 1.0 JSON", 30, f"events for the city about {f}") for f in own),
    )
