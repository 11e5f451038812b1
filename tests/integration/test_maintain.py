"""Retention on the real TimescaleDB: what goes, what stays, and that nothing is recomputed from what is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final, LiteralString

import pytest

from decoders.registry import load
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.database import maintain as maintaining
from pipeline.database.connection import Connection, connected
from pipeline.database.facts_from import ALWAYS, facts_from
from pipeline.database.maintain import Dropped, maintain
from pipeline.database.migrate import migrate
from tests.integration.servers import Running, drop_schema, eventually, rows_of, running
from topologies.derive.hours import derive_hours
from topologies.derive.worker import STAGE as DERIVE

pytestmark = pytest.mark.integration

NOW: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAYS: Final = 500
HOURS: Final = 50
FILL: Final[LiteralString] = """
    INSERT INTO reading_weather (device, observed_at, event_id, f_cnt, decoder, decoder_version, ingested_at,
                               raw_partition, raw_offset, rain_frames_count)
    SELECT 'w' || device, at, gen_random_uuid(), 1, 'x', '1', at, 0, 1, 1
    FROM generate_series(1, 2) AS device,
         generate_series(timestamptz '2026-11-24 12:00+00' - interval '500 d', '2026-11-24 11:00+00', '1 day') AS at;
    INSERT INTO parking_observation (device, observed_at, event_id, reported)
    SELECT 'b', at, gen_random_uuid(), true
    FROM generate_series(timestamptz '2026-11-24 12:00+00' - interval '60 d', '2026-11-24 11:00+00', '1 day') AS at;
    INSERT INTO dead_letter (id, stage, reason, detail, origin_topic, dead_partition, dead_offset, received_at)
    SELECT gen_random_uuid(), 's', 'r', 'd', 't', 0, number, timestamptz '2026-11-24 12:00+00' - number * interval '1 h'
    FROM generate_series(1, 3000) AS number;
    INSERT INTO mark (what, subject, bucket)
    SELECT 'reading_hour', 'weather', at
    FROM generate_series(timestamptz '2026-11-24 12:00+00' - interval '500 d', '2026-11-24 11:00+00', '10 days') AS at;
"""


@pytest.fixture
async def filled(namespace: Settings) -> AsyncIterator[Settings]:
    """A city of 500 days; one hour of every ten days is counted."""
    await migrate(namespace, load().values())
    async with connected(namespace, "test") as connection:
        await connection.execute(FILL)
        await connection.commit()
        await connection.set_autocommit(True)
        done = await derive_hours(connection, namespace)
        assert (done.marks, done.beyond_retention) == (HOURS, 0)
    yield namespace
    await drop_schema(namespace)


async def oldest(settings: Settings, query: LiteralString) -> datetime:
    ((at,),) = await rows_of(settings, query)
    return at  # type: ignore[no-any-return]  # the query's only column is a timestamp


LATE: Final[LiteralString] = """
    INSERT INTO reading_weather (device, observed_at, event_id, f_cnt, decoder, decoder_version, ingested_at,
                               raw_partition, raw_offset)
    VALUES ('late', %s, gen_random_uuid(), 1, 'x', '1', now(), 0, 1)"""
MARK: Final[LiteralString] = "INSERT INTO mark (what, subject, bucket) VALUES ('reading_hour', 'weather', %s)"
WEATHER: Final[LiteralString] = "SELECT min(observed_at) FROM reading_weather"
BAYS: Final[LiteralString] = "SELECT min(observed_at) FROM parking_observation"


async def kept(settings: Settings) -> dict[str, int]:
    rows = await rows_of(
        settings,
        "SELECT (SELECT count(*) FROM reading_weather), (SELECT count(*) FROM parking_observation),"
        " (SELECT count(*) FROM dead_letter), (SELECT count(*) FROM reading_hour), (SELECT count(*) FROM facts_from)",
    )
    return dict(zip(("weather", "bays", "dead", "hours", "facts_from"), rows[0], strict=True))


def by_table(found: list[Dropped] | None) -> dict[str, Dropped]:
    assert found is not None
    return {each.limit.table: each for each in found}


async def test_what_is_older_goes_by_whole_chunks_and_results_stay(filled: Settings) -> None:
    before = await kept(filled)
    would = by_table(await maintain(filled, NOW, dry_run=True))
    assert await kept(filled) == before, "a dry run changes nothing"

    found = by_table(await maintain(filled, NOW))

    assert found == would
    assert timedelta(days=400) <= NOW - await oldest(filled, WEATHER) < timedelta(days=408)
    assert timedelta(days=30) <= NOW - await oldest(filled, BAYS) < timedelta(days=32), "to the day: it tells of people"
    after = await kept(filled)
    assert (after["dead"], found["dead_letter"].rows) == (90 * 24, 3000 - 90 * 24)
    assert after["hours"] == before["hours"] == HOURS
    assert found["reading_weather"].size_bytes > 0
    raised = dict(await rows_of(filled, "SELECT fact_table, facts_from FROM facts_from"))
    assert raised == {table: found[table].chunks[-1].end for table in ("reading_weather", "parking_observation")}
    assert raised["reading_weather"] <= await oldest(filled, WEATHER)


async def test_again_it_finds_nothing_and_beside_another_one_it_does_nothing(filled: Settings) -> None:
    both = await asyncio.gather(maintain(filled, NOW), maintain(filled, NOW))
    assert None in both or not all(each and by_table(each)["reading_weather"].chunks for each in both)
    after = await kept(filled)

    again = by_table(await maintain(filled, NOW))

    assert all(not each.chunks and not each.rows and not each.busy for each in again.values())
    assert await kept(filled) == after


async def test_another_one_at_work_is_not_waited_for(filled: Settings) -> None:
    async with connected(filled, "test") as other:
        await other.execute("SELECT pg_advisory_lock(hashtext(current_schema() || '.maintain'))")
        assert await maintain(filled, NOW) is None
        assert await maintain(filled, NOW, dry_run=True) is not None


async def test_killed_between_saying_and_dropping_it_is_finished_by_the_next(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):  # it is what happens
        pass

    async def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as here:
        here.setattr(maintaining, "wait_for_readers", kill)
        with pytest.raises(Killed):
            await maintain(filled, NOW)
    assert (await kept(filled))["facts_from"] == 1, "said before the first chunk went"
    assert NOW - await oldest(filled, BAYS) > timedelta(days=59)

    await maintain(filled, NOW)
    assert NOW - await oldest(filled, BAYS) < timedelta(days=32)


async def test_an_hour_that_lost_readings_is_not_recomputed_and_its_mark_is_counted(filled: Settings) -> None:
    await maintain(filled, NOW)
    hours: LiteralString = "SELECT bucket, readings, devices FROM reading_hour ORDER BY bucket"
    before = await rows_of(filled, hours)
    old, young = NOW - timedelta(days=450), NOW - timedelta(days=10)
    async with connected(filled, "test") as connection:
        # Fresh facts: one of a time that has been dropped, one of a time that is whole.
        for at in (old, young):
            await connection.execute(LATE, [at])
            await connection.execute(MARK, [at])
        await connection.commit()

    async with running(DERIVE, filled) as derive:
        await eventually(lambda: _no_marks(filled), "derive is done")
        await eventually(lambda: _discarded(derive, {"beyond_retention": 1.0}), "derive has counted")

    after = await rows_of(filled, hours)
    assert [row for row in after if row not in before] == [(young, 3, 3)]
    assert len(after) == len(before), "the old hour stays as it was when all was there"
    # The old fact itself was stored, and goes with the next run.
    assert await oldest(filled, WEATHER) == old
    raised = "SELECT facts_from FROM facts_from WHERE fact_table = 'reading_weather'"
    said = await rows_of(filled, raised)
    await maintain(filled, NOW)
    assert NOW - await oldest(filled, WEATHER) < timedelta(days=408)
    assert await rows_of(filled, raised) == said, "never lowered"


async def _no_marks(settings: Settings) -> bool:
    return await rows_of(settings, "SELECT count(*) FROM mark WHERE what = 'reading_hour'") == [(0,)]


async def _discarded(stage: Running, wanted: dict[str, float]) -> bool:
    return stage.discarded() == wanted


async def test_who_recomputes_is_waited_for(filled: Settings) -> None:
    """The time is read, then the facts: what is dropped in between would make a result too small."""
    async with connected(filled, "test") as reader:
        async with reader.transaction(), reader.cursor() as cursor:
            began = await facts_from(cursor, ["reading_weather"])
            assert began == {"reading_weather": ALWAYS}
            work = asyncio.create_task(maintain(filled, NOW))
            await eventually(lambda: _waits(filled), "maintain waits for us")
            await cursor.execute("SELECT count(*) FROM reading_weather")
            assert await cursor.fetchone() == (2 * DAYS,), "all of them are still there"
        await work
        async with reader.transaction(), reader.cursor() as cursor:
            ((_, begin),) = (await facts_from(cursor, ["reading_weather"])).items()
            await cursor.execute("SELECT min(observed_at) >= %s FROM reading_weather", [begin])
            assert await cursor.fetchone() == (True,)


async def _waits(settings: Settings) -> bool:
    return bool(
        await rows_of(
            settings,
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid IN"
            " (SELECT pid FROM pg_stat_activity WHERE application_name = 'silkstream-maintain')",
        )
    )


async def test_who_reads_for_long_is_not_pushed_aside(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that reads an old chunk: this table is left for the next run, the others are done."""
    monkeypatch.setattr(maintaining, "LOCK_TIMEOUT", "100ms")
    async with connected(filled, "test") as reader:
        await _read(reader)
        found = by_table(await maintain(filled, NOW))
        assert found["reading_weather"].busy
        assert found["parking_observation"].chunks
        assert not found["parking_observation"].busy
    assert by_table(await maintain(filled, NOW))["reading_weather"].chunks


async def _read(connection: Connection) -> None:
    await connection.execute("SELECT count(*) FROM reading_weather")  # the transaction stays open


async def test_a_replay_and_a_database_of_an_earlier_version_are_refused(namespace: Settings) -> None:
    with pytest.raises(SettingsError, match="setting replay: a replay's rows are of the past"):
        await maintain(namespace.model_copy(update={"replay": True}), NOW)
    await migrate(namespace, load().values(), upto="0003_hours")
    try:
        with pytest.raises(SettingsError, match="lacks facts_from; the remedy: silkstream migrate"):
            await maintain(namespace, NOW)
    finally:
        await drop_schema(namespace)


async def test_alerts_about_homes_go_earlier_than_others_and_open_ones_stay(filled: Settings) -> None:
    async with connected(filled, "test") as connection:
        await connection.execute(
            "INSERT INTO alert (id, rule, family, subject, severity, status, since, resolved_at, opened_event, device,"
            " site, retrospective, message_de, message_en, class)"
            " SELECT gen_random_uuid(), 'r', 'water', '', 'warning', '', %(now)s - interval '90 d',"
            " %(now)s - days * interval '1 d', gen_random_uuid(), '', '', false, '', '', class"
            " FROM unnest(ARRAY[29, 31, NULL]) AS days, unnest(ARRAY['internal', 'personal']) AS class",
            {"now": NOW},
        )
        await connection.commit()

    assert by_table(await maintain(filled, NOW, dry_run=True))["alert"].rows == 1
    assert by_table(await maintain(filled, NOW))["alert"].rows == 1

    left = "SELECT class, extract(epoch FROM %s - resolved_at) / 86400 FROM alert ORDER BY class, resolved_at"
    days = [(kind, None if gone is None else round(gone)) for kind, gone in await rows_of(filled, left, NOW)]
    assert days == [("internal", 31), ("internal", 29), ("internal", None), ("personal", 29), ("personal", None)]
