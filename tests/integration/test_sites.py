"""`silkstream sites` on a real database: import, import again, correct, assign, list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from decoders.registry import load as load_decoders
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.database.connection import connected
from pipeline.database.migrate import migrate
from pipeline.registry.command import sites_app
from pipeline.simulator import CityPlan, sites_csv
from tests.integration.servers import drop_schema, fresh_settings

pytestmark = pytest.mark.integration

BAY = "3094effe07000000"
CONTAINER = "5415c15a2a000000"
SPARE = "5415c15a2a0000ff"

CITY = f"""\
site,family,name,group,dev_eui,valid_from,empty_distance_metres,full_distance_metres
bay-1,parking,Königstraße 1,koenigstrasse,{BAY},2026-06-01T00:00:00+00:00,,
huels-0,container,Hüls [0],huels,{CONTAINER},2026-06-01T00:00:00+00:00,1.8,0.3
"""

Rows = Callable[[str], Awaitable[list[tuple[object, ...]]]]


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A namespace of the test's own, which the command finds in the environment; it has no tables yet."""
    settings = fresh_settings()
    monkeypatch.setenv("SILKSTREAM_NAMESPACE", settings.namespace)
    return settings


@pytest.fixture
async def built(empty: Settings) -> AsyncIterator[Settings]:
    """The same with its tables: nothing but the database is needed here."""
    await migrate(empty, load_decoders().values())
    yield empty
    await drop_schema(empty)


@pytest.fixture
def rows(built: Settings) -> Rows:
    """The rows of a query in the test's own schema."""

    async def run(query: str) -> list[tuple[object, ...]]:
        async with connected(built, "test") as connection:
            return list(await (await connection.execute(query.encode())).fetchall())

    return run


async def sites(*words: str | Path) -> str:
    """What `silkstream sites …` prints."""
    # The command brings an event loop of its own.
    result = await asyncio.to_thread(CliRunner().invoke, sites_app, [str(word) for word in words])
    if result.exception is not None:
        raise result.exception
    return result.output


ASSIGNMENTS = "SELECT device, (valid_from AT TIME ZONE 'UTC')::date::text, site FROM assignment ORDER BY 1, 2"
RECOMPUTE = "SELECT device, (from_at AT TIME ZONE 'UTC')::date::text FROM recompute ORDER BY id"


async def test_a_file_is_taken_in_once(rows: Rows, tmp_path: Path) -> None:
    file = tmp_path / "city.csv"
    file.write_text(CITY)

    shown = await sites("import", file, "--dry-run")
    assert "dry run: nothing was changed" in shown
    assert await rows("SELECT site FROM site") == await rows(ASSIGNMENTS) == await rows(RECOMPUTE) == []

    first = await sites("import", file)
    assert first.replace("done", "") == shown.replace("dry run: nothing was changed", "")
    assert "site added: 2, assignment begun: 2; devices to recompute: 2" in first
    assert await rows('SELECT site, family, name, "group", attributes FROM site ORDER BY site') == [
        ("bay-1", "parking", "Königstraße 1", "koenigstrasse", {}),
        (
            "huels-0",
            "container",
            "Hüls [0]",
            "huels",
            {"empty_distance_metres": 1.8, "full_distance_metres": 0.3},
        ),
    ]
    assert await rows(ASSIGNMENTS) == [(BAY, "2026-06-01", "bay-1"), (CONTAINER, "2026-06-01", "huels-0")]
    assert await rows(RECOMPUTE) == [(BAY, "2026-06-01"), (CONTAINER, "2026-06-01")]

    again = await sites("import", file)
    assert again == "nothing to change\n"
    assert len(await rows(RECOMPUTE)) == 2


async def test_a_correction_is_told_and_has_the_device_run_again(rows: Rows, tmp_path: Path) -> None:
    file = tmp_path / "city.csv"
    file.write_text(CITY)
    await sites("import", file)

    file.write_text(CITY.replace("2026-06-01T00:00:00+00:00,1.8", ",2.1"))
    changed = await sites("import", file, "--from", "2026-06-05T00:00:00Z")

    assert "empty_distance_metres: 1.8 -> 2.1" in changed
    assert "site changed: 1; devices to recompute: 1" in changed
    assert (await rows(RECOMPUTE))[2:] == [(CONTAINER, "2026-06-05")]
    assert await rows(
        "SELECT valid_from::date::text, attributes -> 'empty_distance_metres' FROM site"
        " WHERE site = 'huels-0' ORDER BY valid_from"
    ) == [("2026-06-01", 1.8), ("2026-06-05", 2.1)]
    assert await sites("import", file) == "nothing to change\n"


async def test_a_sensor_is_exchanged_taken_off_and_listed(rows: Rows, tmp_path: Path) -> None:
    file = tmp_path / "city.csv"
    file.write_text(CITY)
    await sites("import", file)

    exchanged = await sites("assign", "huels-0", SPARE.upper(), "--from", "2026-06-05T00:00:00Z")
    assert "assignment ended: 1, assignment begun: 1" in exchanged
    ended = await sites("assign", "--none", BAY, "--from", "2026-06-06T00:00:00Z")
    assert "assignment ended: 1; devices to recompute: 1" in ended

    assert await rows(ASSIGNMENTS) == [
        (BAY, "2026-06-01", "bay-1"),
        (BAY, "2026-06-06", None),
        (CONTAINER, "2026-06-01", "huels-0"),
        (CONTAINER, "2026-06-05", None),
        (SPARE, "2026-06-05", "huels-0"),
    ]
    assert (await rows(RECOMPUTE))[2:] == [(CONTAINER, "2026-06-05"), (SPARE, "2026-06-05"), (BAY, "2026-06-06")]

    now = (await sites("list", "--at", "2026-06-07T00:00:00Z")).splitlines()
    assert [line.split()[0] for line in now] == ["site", "huels-0", "bay-1", "2"]
    assert SPARE in now[1]
    assert "Hüls [0]" in now[1]
    assert "empty_distance_metres 1.8, full_distance_metres 0.3" in now[1]
    assert "none" in now[2]
    then = await sites("list", "--family", "parking", "--at", "2026-06-02T00:00:00Z")
    assert BAY in then
    assert then.endswith("\n1 sites\n")


async def test_a_whole_city_is_taken_in(rows: Rows, tmp_path: Path) -> None:
    file = tmp_path / "city.csv"
    file.write_text(sites_csv(CityPlan()))

    output = await sites("import", file)

    assert "site added: 1083, assignment begun: 1083; devices to recompute: 1083" in output
    assert len(output.splitlines()) < 50
    assert await rows("SELECT count(*), count(DISTINCT site) FROM assignment") == [(1083, 1083)]
    assert await sites("import", file) == "nothing to change\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["assign", "nowhere", BAY], "there is no site 'nowhere'"),
        (["assign", "bay-1"], "expected: `sites assign SITE EUI`"),
        (["assign", "bay-1", "--none", BAY], "name no site beside it"),
        (["assign", "bay-1", "xyz"], "'xyz' is no DevEUI"),
        (["assign", "bay-1", BAY, "--from", "today"], "--from: 'today' is no time with a zone"),
        (["import", "no-such.csv"], "sites file no-such.csv: No such file"),
    ],
)
async def test_a_mistake_is_one_sentence(built: Settings, words: list[str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        await sites(*words)


async def test_without_tables_the_remedy_is_named(empty: Settings) -> None:
    with pytest.raises(SettingsError, match="run `silkstream migrate` first"):
        await sites("list")


async def test_a_faulty_file_changes_nothing(rows: Rows, tmp_path: Path) -> None:
    file = tmp_path / "city.csv"
    file.write_text(CITY + "bay-2,parking,,,,,,\n")

    with pytest.raises(SettingsError, match="line 4, column group: is empty"):
        await sites("import", file)

    assert await rows("SELECT site FROM site") == []
