"""The demo's ledger: what the simulator published against what the database and the topics hold."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from rich.table import Table

from pipeline.core.identity import text
from pipeline.core.model import Partition
from pipeline.core.settings import Settings
from pipeline.core.topics import FRAME, RAW
from pipeline.database.connection import Connection
from pipeline.demo.look import ask
from pipeline.kafka.consumer import KafkaLog
from pipeline.simulator.ledger import Ledger
from schemas.silkstream.v1 import frame_pb2

_CHUNK = 20_000


class Account(NamedTuple):
    """Two sides of the same messages. Even if nothing is lost and nothing counts twice."""

    published: int
    """Messages that the broker acknowledged."""
    expected: frozenset[str]
    """Their event ids."""
    stored: Counter[str]
    """Events in the database by what became of them."""
    repeats: int
    """Messages that brought an event again: found on the frame topic, one for each raw record."""
    resent: int
    lost: int
    """Event ids published and not in the database."""
    strange: int
    """Event ids in the database that nobody published."""
    doubled: int
    """Rows that count an event twice."""
    unread: int
    """Accepted uplinks with samples and without a row of readings."""
    astray: int
    """Zones whose count is not the one that the bays' last accepted words make."""

    @property
    def is_even(self) -> bool:
        """Published = stored + duplicates + without payload + rejected; every one of them once."""
        total = sum(self.stored.values()) + self.repeats
        between = self.published <= total <= self.published + self.resent
        return between and not (self.lost or self.strange or self.doubled or self.unread or self.astray)


async def account(settings: Settings, ledger: Ledger, log: KafkaLog, connection: Connection) -> Account:
    """Hold the two sides against each other."""
    expected = frozenset(key for keys in ledger.keys.values() for key in keys)
    rows = await ask(connection, "frame_ids")
    stored = Counter(_name(verdict, reason) for _, verdict, reason in rows)
    ids = Counter(str(identity) for identity, _, _ in rows)
    repeats, accepted = await _frames(settings, log)
    ((reading_events,),) = await ask(connection, "reading_events")
    zones = set(await ask(connection, "zones"))
    told = {(name, z.bays, z.occupied, z.free, z.unknown) for name, z in ledger.told.zones.items()}
    return Account(
        published=ledger.published,
        expected=expected,
        stored=stored,
        repeats=repeats,
        resent=ledger.resent,
        lost=len(expected - ids.keys()),
        strange=len(ids.keys() - expected),
        doubled=sum(count - 1 for count in ids.values()),
        unread=accepted - int(reading_events),
        astray=len(zones ^ told),
    )


def _name(verdict: str, reason: str | None) -> str:
    names = {
        "accepted": "stored",
        "event": "stored: joins, status, log, acknowledgements",
        "duplicate": "duplicates: late copies",
        "no_payload": "without payload",
        "ignored": "ignored",
    }
    return names.get(verdict) or f"rejected: {reason}"


async def _frames(settings: Settings, log: KafkaLog) -> tuple[int, int]:
    """From the frame topic, each raw record once: how many repeat an event, how many were accepted with samples."""
    repeats = 0
    accepted: set[str] = set()
    for number in range(settings.topics.partitions):
        partition = Partition(settings.namespace + FRAME, number)
        bounds = (await log.bounds([partition]))[partition]
        seen: set[int] = set()
        for start in range(bounds.beginning, bounds.end, _CHUNK):
            for record in await log.read(partition, start, min(start + _CHUNK, bounds.end)):
                if record.key is None:
                    continue
                frame = frame_pb2.Frame.FromString(record.value or b"")
                if frame.raw_offset in seen:
                    continue
                seen.add(frame.raw_offset)
                repeats += frame.verdict == frame_pb2.VERDICT_DUPLICATE and frame.duplicate_of == frame.event_id
                if frame.verdict == frame_pb2.VERDICT_ACCEPTED and frame.samples:
                    accepted.add(text(frame.event_id))
    return repeats, len(accepted)


async def raw_record(settings: Settings, log: KafkaLog, *, partition: int, offset: int) -> tuple[str, bytes]:
    """The MQTT topic and the bytes of a raw record."""
    (record,) = await log.read(Partition(settings.namespace + RAW, partition), offset, offset + 1)
    topic = next((value.decode() for name, value in record.headers if name == "mqtt_topic"), "")
    return topic, record.value or b""


def table(found: Account) -> Table:
    """The ledger as people read one."""
    drawn = Table("ledger", "messages", title="", box=None, pad_edge=False)
    drawn.columns[1].justify = "right"
    drawn.add_row("published (the broker has acknowledged it)", f"{found.published:,}", style="bold")
    for name, count in sorted(found.stored.items(), key=lambda item: (item[0].startswith("rejected"), item[0])):
        drawn.add_row(f"  {name}", f"{count:,}")
    drawn.add_row("  duplicates: the same event again", f"{found.repeats:,}")
    total = sum(found.stored.values()) + found.repeats
    drawn.add_row("accounted for", f"{total:,}", style="bold")
    if found.resent:
        drawn.add_row("  (sent again by the simulator after a lost connection, at most)", f"{found.resent:,}")
    for name, count in (
        ("lost", found.lost),
        ("nobody's", found.strange),
        ("counted twice", found.doubled),
        ("accepted without a row", found.unread),
        ("zones that differ from what the simulator knows", found.astray),
    ):
        drawn.add_row(name, f"{count:,}", style="bold red" if count else "green")
    return drawn
