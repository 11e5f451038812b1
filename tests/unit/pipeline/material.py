"""Events, raw records and a small set of decoders: what the tests of the pipeline's pure parts are made from."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from decoders.api import Decoder, Sample, Truncated, Uplink
from pipeline.core.clock import from_us
from pipeline.core.model import Outgoing, Record, StoredRecord
from pipeline.core.ticks import EVENT_HEADER, TICK, Tick, write_tick
from pipeline.core.topics import RAW
from pipeline.decode.batch import BatchDecoder, State
from pipeline.decode.binding import Bindings
from pipeline.decode.duplicates import History
from schemas.silkstream.v1.frame_pb2 import Frame
from schemas.silkstream.v1.reading_pb2 import Reading

DATA: Final = Path(__file__).parents[2] / "data" / "chirpstack-events.jsonl"
BASE_US: Final = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
SECOND_US: Final = 1_000_000
HORIZON_SECONDS: Final = 900
EUI: Final = "00000000000000aa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(Sample):
    """What the decoder of these tests returns."""

    distance_metres: float | None = None
    tilted: bool | None = None


def _decode(uplink: Uplink) -> Sequence[Sample]:
    """First byte: what to do; second: decimetres."""
    kind, rest = uplink.payload[0], uplink.payload[1:]
    if not rest:
        raise Truncated
    if kind == 0xEE:
        raise ZeroDivisionError("a plugin's bug")
    if kind == 0xDD:
        return [Sample()]
    if kind == 0x00:
        return []
    live = Level(distance_metres=rest[0] / 10, tilted=kind == 2 or None)
    history = [Level(age_seconds=age * 60.0, distance_metres=value / 10) for age, value in enumerate(rest[1:], 1)]
    return [live, *history]


LEVEL: Final = Decoder(
    name="level",
    version="1",
    family="container",
    about="of these tests",
    samples=(Level,),
    decode=_decode,
    history_step_seconds=60,
)
DECODERS: Final[Mapping[str, Decoder]] = {"level": LEVEL}


def batch_decoder(namespace: str = "", **bindings: str) -> BatchDecoder:
    """A decoder of batches that knows the profile `level`, and `foreign` as one to ignore."""
    by_profile = {"level": "level", "foreign": "ignore", **bindings}
    return BatchDecoder(DECODERS, Bindings(DECODERS, by_profile), namespace=namespace)


def new_state() -> State:
    """What decode knows of a partition before its first record."""
    return State(History(HORIZON_SECONDS * 1000))


def event_json(seconds: float = 0.0, *, device: str = EUI, identity: str = "", **fields: Any) -> bytes:
    """An event as ChirpStack writes it; `data` in bytes, `profile` and `tags` of the device."""
    profile, tags = fields.pop("profile", "level"), fields.pop("tags", {})
    if "data" in fields:
        fields["data"] = base64.b64encode(fields["data"]).decode()
    content = {
        "deduplicationId": identity or f"{device}-{seconds}",
        "time": from_us(BASE_US + round(seconds * SECOND_US)).isoformat(),
        "deviceInfo": {
            "devEui": device,
            "deviceName": f"device {device[-2:]}",
            "deviceProfileName": profile,
            "tags": tags,
        },
        **fields,
    }
    return json.dumps(content).encode()


def raw(  # a record has many parts, and each test names those that it is about
    seconds: float = 0.0,
    *,
    event: str = "up",
    value: bytes | None = None,
    device: str = EUI,
    offset: int = 0,
    arrived: float | None = None,
    headers: Sequence[tuple[str, bytes]] = (),
    **fields: Any,
) -> StoredRecord:
    """A raw record. `seconds`: the event's time; `arrived`: Kafka's and the ingest time, if it is another."""
    if value is None:
        if event == "up":
            fields = {"devAddr": "01020304", "fCnt": 1, "fPort": 1, "data": b"\x01\x0a", **fields}
        value = event_json(seconds, device=device, **fields)
    at_us = BASE_US + round((seconds if arrived is None else arrived) * SECOND_US)
    return StoredRecord(
        topic=RAW,
        partition=0,
        offset=offset,
        timestamp=at_us // 1000,
        key=device.encode(),
        value=value,
        headers=((EVENT_HEADER, event.encode()), ("ingested_at", b"%d" % at_us), *headers),
    )


def raw_tick(seconds: float, *, offset: int = 0, bridge: str = "b") -> StoredRecord:
    """A tick in the raw log."""
    at_us = BASE_US + round(seconds * SECOND_US)
    value = write_tick(Tick(bridge, at_us))
    return StoredRecord(RAW, 0, offset, at_us // 1000, None, value, ((EVENT_HEADER, TICK),))


def numbered(records: Sequence[StoredRecord]) -> list[StoredRecord]:
    """The records as one log: their offsets are their places."""
    return [record._replace(offset=offset) for offset, record in enumerate(records)]


def frames_of(records: Sequence[Outgoing]) -> list[Frame]:
    """The frame records among decode's outputs; ticks left out."""
    return [Frame.FromString(r.value or b"") for r in records if r.topic.endswith("lorawan.frame.v1") and r.key]


def readings_of(records: Sequence[Outgoing]) -> list[Reading]:
    """The readings among decode's outputs; ticks left out."""
    return [Reading.FromString(r.value or b"") for r in records if "readings." in r.topic and r.key]


def stored(records: Sequence[Outgoing]) -> list[Record]:
    """What was written, as it is read again: offsets count within each topic."""
    ends: dict[str, int] = {}
    found: list[Record] = []
    for record in records:
        offset = ends[record.topic] = ends.get(record.topic, -1) + 1
        topic, partition, timestamp, key, value, headers = record
        found.append(StoredRecord(topic, partition, offset, timestamp, key, value, tuple(headers)))
    return found


def captured() -> list[tuple[str, bytes]]:
    """Real events: (MQTT topic, payload)."""
    found = []
    for line in DATA.read_text().splitlines():
        event = json.loads(line)
        text = event["payload"]
        payload = text.encode() if event["encoding"] == "json" else base64.b64decode(text)
        found.append((event["topic"], payload))
    return found
