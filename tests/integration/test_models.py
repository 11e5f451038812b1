"""Every vector of every installed decoder goes the whole way: from MQTT to its rows, or to the dead letters."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson
import pytest

from decoders.api import Decoder
from decoders.registry import load
from decoders.vectors import Vector, load_vectors
from pipeline.core import clock
from pipeline.core.deadletter import read_verdict
from pipeline.core.settings import Settings
from pipeline.core.topics import DEAD_LETTER, RAW
from pipeline.database.families import IDENTITY
from pipeline.decode.reading import AHEAD_US, HISTORY_AHEAD
from pipeline.decode.worker import STAGE_DECODE
from pipeline.ingest.bridge import STAGE_BRIDGE
from pipeline.store.worker import STAGE_STORE
from tests.integration.servers import (
    Running,
    event_topic,
    eventually,
    log_of,
    publish,
    readings_of,
    rows_of,
    running,
)

pytestmark = pytest.mark.integration

SENT: Final = datetime.now(UTC).replace(microsecond=0)


class Sent(NamedTuple):
    """A vector as the frame of a device of its own."""

    decoder: Decoder
    vector: Vector
    dev_eui: str

    @property
    def has_payload(self) -> bool:
        """Without one, or on port 0, no decoder is asked."""
        return bool(self.vector.payload) and self.vector.port != 0

    def event(self) -> bytes:
        """The uplink as ChirpStack publishes it."""
        return orjson.dumps(
            {
                "deduplicationId": f"models-{self.dev_eui}",
                "time": SENT.isoformat(),
                "deviceInfo": {
                    "devEui": self.dev_eui,
                    "deviceProfileName": self.decoder.about,
                    "tags": {"decoder": self.decoder.name, **self.vector.attributes},
                },
                "devAddr": "01020304",
                "fCnt": 1,
                "fPort": self.vector.port,
                "data": base64.b64encode(self.vector.payload).decode(),
            }
        )


ALL: Final = [
    Sent(decoder, vector, f"{number:016x}")
    for number, (decoder, vector) in enumerate(
        (decoder, vector) for decoder in load().values() for vector in load_vectors(decoder)
    )
]


async def test_every_vector_becomes_its_rows_or_a_dead_letter(settings: Settings) -> None:
    rejected = [each for each in ALL if each.has_payload and each.vector.reject]

    async with (
        running(STAGE_BRIDGE, settings) as bridge,
        running(STAGE_DECODE, settings),
        running(STAGE_STORE, settings),
    ):
        await eventually(lambda: _connected(bridge), "the bridge has its session")
        await publish(settings, [(event_topic(settings, each.dev_eui), each.event()) for each in ALL])
        await eventually(lambda: _stored(settings, letters=len(rejected)), "every frame and dead letter is stored")

    assert {verdict for verdict, _ in await _verdicts(settings)} == {"accepted", "rejected", "no_payload"}
    rows = await _rows(settings)
    for each in ALL:
        assert sorted(rows.get(each.dev_eui, []), key=_order) == sorted(_expected(each), key=_order), each
    letters = {str(letter.key, "ascii"): letter for letter in await log_of(settings, DEAD_LETTER) if letter.key}
    assert {eui: read_verdict(letter).reason for eui, letter in letters.items()} == {
        each.dev_eui: each.vector.reject for each in rejected
    }
    assert {eui: letter.value for eui, letter in letters.items()} == {each.dev_eui: each.event() for each in rejected}
    assert {name for (name,) in await rows_of(settings, "SELECT DISTINCT decoder FROM device")} >= set(load())


async def _connected(bridge: Running) -> bool:
    return bridge.count("sent_events", to=RAW) > 0


async def _stored(settings: Settings, *, letters: int) -> bool:
    ((frames,),) = await rows_of(settings, "SELECT count(*) FROM frame")
    ((dead,),) = await rows_of(settings, "SELECT count(*) FROM dead_letter")
    return bool(frames >= len(ALL) and dead >= letters)


async def _verdicts(settings: Settings) -> Counter[tuple[str, str | None]]:
    return Counter(await rows_of(settings, "SELECT verdict, reason FROM frame"))


def _expected(sent: Sent) -> list[dict[str, Any]]:
    """The rows of an accepted frame. History that a wrong clock puts into the future is left out, and said so."""
    if not sent.has_payload or sent.vector.expect is None:
        return []
    ahead = clock.to_us(SENT) + AHEAD_US
    placed = [each for each in sent.vector.expect if each.get("taken_unix_seconds", 0) * 1_000_000 <= ahead]
    flags = [HISTORY_AHEAD] if len(placed) < len(sent.vector.expect) else []
    by_key: dict[tuple[float, int], dict[str, Any]] = {}
    for sample in placed:
        row = _row(sent, sample, flags)
        by_key[row["at"], row["channel"]] = {**by_key.get((row["at"], row["channel"]), {}), **row}
    return list(by_key.values())


def _row(sent: Sent, sample: Mapping[str, Any], flags: list[str]) -> dict[str, Any]:
    at = SENT.timestamp() - sample.get("age_seconds", 0)
    at = float(sample.get("taken_unix_seconds", at))
    if (step := sent.decoder.history_step_seconds) and at != SENT.timestamp():
        at = (at + step // 2) // step * step
    values = {name: value for name, value in sample.items() if name not in {"age_seconds", "taken_unix_seconds"}}
    return {**values, "at": at, "channel": sample.get("channel", 0), "flags": [*flags, *sample.get("flags", ())]}


async def _rows(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """What the wide tables say, by device."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in await readings_of(settings):
        values = {name: value for name, value in row.items() if name not in IDENTITY}
        at = datetime.fromisoformat(row["observed_at"]).timestamp()
        found.setdefault(row["device"], []).append(
            {**values, "at": at, "channel": row["channel"], "flags": row["flags"]}
        )
    return found


def _order(row: Mapping[str, Any]) -> tuple[float, int]:
    return row["at"], row["channel"]
