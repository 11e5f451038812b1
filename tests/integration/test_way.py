"""The whole way on real servers: what a real ChirpStack published becomes exactly the rows that it should.

The answers are in tests/data/chirpstack-events-answers.jsonl; make_answers.py beside it says how they were found.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from pipeline.core.settings import Settings
from pipeline.core.topics import DEAD_LETTER, FRAME, RAW
from pipeline.database.families import IDENTITY
from pipeline.decode.worker import STAGE_DECODE
from pipeline.ingest.bridge import STAGE_BRIDGE
from pipeline.store.worker import STAGE_STORE
from tests.integration.servers import (
    DATA,
    FAMILIES,
    Running,
    captured,
    eventually,
    log_of,
    publish,
    readings_of,
    rows_of,
    running,
)

pytestmark = pytest.mark.integration

AHEAD_US = 300_000_000
ANSWERS = {
    answer["event_id"]: answer
    for answer in map(json.loads, (DATA / "chirpstack-events-answers.jsonl").read_text().splitlines())
}


async def test_every_captured_event_in_both_encodings_becomes_what_its_answer_says(settings: Settings) -> None:
    messages = captured(settings)
    assert len(messages) == len(ANSWERS) == 304

    async with (
        running(STAGE_BRIDGE, settings) as bridge,
        running(STAGE_DECODE, settings) as decode,
        running(STAGE_STORE, settings) as store,
    ):
        await eventually(lambda: _connected(bridge), "the bridge has its session")
        await publish(settings, messages)
        await eventually(lambda: _all_stored(settings), "every event is stored")

    assert await _frames(settings) == {event_id: _expected(answer) for event_id, answer in ANSWERS.items()}
    assert await _samples(settings) == {
        event_id: _comparable(answer.get("samples", []), await _ahead(settings))
        for event_id, answer in ANSWERS.items()
        if answer.get("samples")
    }
    assert await _links(settings) == {key: answer["gateways"] for key, answer in ANSWERS.items() if answer["gateways"]}
    assert await log_of(settings, DEAD_LETTER) == []
    await _check_sums(settings, bridge=bridge, decode=decode, store=store)


async def _connected(bridge: Running) -> bool:
    return bridge.count("sent_events", to=RAW) > 0  # its first tick came back


async def _all_stored(settings: Settings) -> bool:
    (frames,) = await rows_of(settings, "SELECT count(*) FROM frame")
    samples = sum(len(answer.get("samples", ())) for answer in ANSWERS.values())
    stored = len(await readings_of(settings))
    return frames[0] >= len(ANSWERS) and stored >= samples


def _expected(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "device": answer["device"],
        "event": answer["event"],
        "verdict": answer["verdict"],
        "decoder": answer.get("decoder"),
        "f_cnt": answer.get("f_cnt"),
    }


async def _frames(settings: Settings) -> dict[str, dict[str, Any]]:
    """What the frame table says, by event id; its times are checked on the way."""
    found = {}
    for (row,) in await rows_of(
        settings,
        "SELECT to_jsonb(frame) || jsonb_build_object("
        " 'observed_us', (extract(epoch FROM observed_at) * 1000000)::bigint,"
        " 'ingested_us', (extract(epoch FROM ingested_at) * 1000000)::bigint) FROM frame",
    ):
        event_id = row["event_id"].replace("-", "")
        answer = ANSWERS[event_id]
        # On a machine whose clock is behind the capture's, the ingest time takes the place of the event's.
        ahead = answer["observed_at_us"] > row["ingested_us"] + AHEAD_US
        assert row["observed_us"] == (row["ingested_us"] if ahead else answer["observed_at_us"])
        assert row["flags"] == (["clock_ahead"] if ahead else [])
        found[event_id] = {name: row[name] for name in _expected(answer)}
    return found


async def _ahead(settings: Settings) -> bool:
    return bool(await rows_of(settings, "SELECT FROM frame WHERE flags <> '{}' LIMIT 1"))


async def _samples(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """What the wide tables say, by event id: channel, flags and the quantities that are there."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in await readings_of(settings):
        sample = {name: value for name, value in row.items() if name not in IDENTITY}
        sample |= {"channel": row["channel"], "flags": row["flags"]}
        found.setdefault(row["event_id"].replace("-", ""), []).append(sample)
    return {event_id: _comparable(samples, ahead=False) for event_id, samples in found.items()}


def _comparable(samples: list[dict[str, Any]], ahead: bool) -> list[dict[str, Any]]:  # noqa: FBT001  # one word to say
    first = ["clock_ahead"] if ahead else []
    return sorted(
        (
            {name: round(value, 9) if isinstance(value, float) else value for name, value in sample.items()}
            | {"channel": sample.get("channel", 0), "flags": first + list(sample.get("flags", ()))}
            for sample in samples
        ),
        key=lambda sample: int(sample["channel"]),
    )


async def _links(settings: Settings) -> dict[str, list[str]]:
    rows = await rows_of(
        settings, "SELECT event_id::text, array_agg(gateway ORDER BY gateway) FROM link_quality GROUP BY 1"
    )
    return {event_id.replace("-", ""): gateways for event_id, gateways in rows}


async def _check_sums(settings: Settings, *, bridge: Running, decode: Running, store: Running) -> None:
    """Received = passed on + discarded, at each stage; and everybody knows how far the stream is complete."""
    raw = await log_of(settings, RAW)
    events = [record for record in raw if record.key is not None]
    assert len(events) == bridge.count("received_events") - (len(raw) - len(events)) / settings.topics.partitions
    verdicts = Counter(answer["verdict"] for answer in ANSWERS.values())
    assert {name: decode.count("sent_events", to=name) for name in ("accepted", "event")} == {
        "accepted": verdicts["accepted"],
        "event": verdicts["event"],
    }
    assert decode.discarded() == {}
    assert store.discarded() == {}
    frames = await log_of(settings, FRAME)
    assert sum(frame.key is not None for frame in frames) == len(ANSWERS)
    ledger = await rows_of(
        settings, "SELECT topic, count(as_of) FROM ledger WHERE topic NOT LIKE %s GROUP BY 1", "%dead%"
    )
    assert {count for _, count in ledger} == {settings.topics.partitions}
    assert len(ledger) == 1 + len(FAMILIES)
