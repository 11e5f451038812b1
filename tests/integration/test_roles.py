"""The four roles on the real TimescaleDB: what each may, what it may not, and that nothing new is readable unasked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg
import pytest
from psycopg import sql

from decoders.registry import load
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.database.catalogue import catalogue, entry_of
from pipeline.database.connection import connected
from pipeline.database.maintain import maintain
from pipeline.database.migrate import migrate
from pipeline.database.roles import Roles, printed_statements, roles_of
from pipeline.database.wide import check_wide_tables
from tests.integration.servers import as_user, changed, drop_schema, fresh_settings, rows_of
from topologies.derive.zones import derive_zones

pytestmark = pytest.mark.integration

NOW: Final = datetime.now(UTC)
FILL: Final[LiteralString] = """
    INSERT INTO site (site, valid_from, family, name, "group", class) VALUES
        ('bay-1', '2026-01-01', 'parking', 'Königstraße 1', 'north', ''),
        ('bay-2', '2026-01-01', 'parking', 'Königstraße 2', 'north', ''),
        ('bay-own', '2026-01-01', 'parking', 'Dr. Who', 'north', 'personal'),
        ('bay-staff', '2026-01-01', 'parking', 'Town hall', 'yard', 'internal'),
        ('huels-0', '2026-01-01', 'container', 'Hüls', 'huels', ''),
        ('flat', '2026-01-01', 'water', 'Flat 3', '', ''),
        ('school', '2026-01-01', 'water', 'School', '', 'internal'),
        ('sold', '2026-01-01', 'water', 'Town flat', '', 'internal'), ('sold', '2026-03-01', 'water', 'Flat 9', '', '');
    INSERT INTO assignment (device, valid_from, site) VALUES
        ('d1', '2026-01-01', 'bay-1'), ('d2', '2026-01-01', 'bay-2'), ('down', '2026-01-01', 'bay-own'),
        ('dstaff', '2026-01-01', 'bay-staff'), ('dc', '2026-01-01', 'huels-0');
    INSERT INTO device (device, name, profile, application, application_id, tenant, device_class, region, tags, family,
                        described_at, seen_at)
        SELECT device, '', '', '', '', '', '', '', '{}', 'water', now(), now()
        FROM unnest(ARRAY['wflat', 'wschool', 'wmoved', 'wsold', 'wnobody', 'wunknown']) AS device;
    INSERT INTO reading_parking (device, observed_at, event_id, f_cnt, decoder, decoder_version, ingested_at,
                                 raw_partition, raw_offset, occupied)
        SELECT device, now(), gen_random_uuid(), 1, 'x', '1', now(), 0, 1, true FROM assignment;
    INSERT INTO parking_observation (device, observed_at, event_id, reported, site, zone, occupied, since)
        SELECT device, now(), gen_random_uuid(), true, site, 'north', true, now() FROM assignment;
    INSERT INTO assignment (device, valid_from, site) VALUES
        ('wflat', '2026-01-01', 'flat'), ('wschool', '2026-01-01', 'school'), ('wschool', '2026-06-01', NULL),
        ('wmoved', '2026-01-01', 'flat'), ('wmoved', '2026-02-01', 'school'), ('wsold', '2026-01-01', 'sold'),
        ('wunknown', '2026-01-01', 'undescribed'), ('wearly', '2026-01-01', 'flat');
    INSERT INTO reading_water (device, observed_at, event_id, f_cnt, decoder, decoder_version, ingested_at,
                               raw_partition, raw_offset, water_volume_litres)
        SELECT device, now(), gen_random_uuid(), 1, 'x', '1', now(), 0, 1, 5 FROM device;
    INSERT INTO water_consumption (device, observed_at, event_id, site, used_litres)
        SELECT device, now(), gen_random_uuid(), CASE WHEN device <> 'wnobody' THEN 'x' END, 5 FROM device
        UNION ALL SELECT 'wearly', now(), gen_random_uuid(), 'flat', 5;
    INSERT INTO water_meter (device, partition, observed_at, event_id, site, volume_litres)
        SELECT device, 0, now(), gen_random_uuid(), site, 5 FROM water_consumption;
    INSERT INTO device_latest (device, channel, quantity, observed_at, number, event_id)
        SELECT device, 0, 'water_volume_litres', now(), 5, gen_random_uuid() FROM device;
    INSERT INTO alert (id, rule, family, subject, severity, status, since, opened_event, device, site, retrospective,
                       message_de, message_en, class)
        SELECT gen_random_uuid(), 'water_leak', 'water', site, 'warning', 'open', now(), gen_random_uuid(), 'w', site,
               false, '', '', class
        FROM (VALUES ('flat', 'personal'), ('school', 'internal')) AS leaking (site, class);
    INSERT INTO parking_bay (device, partition, observed_at, event_id, site, zone, occupied, since)
        SELECT device, 0, now(), gen_random_uuid(), site, 'north', true, now()
        FROM assignment WHERE device IN ('d1', 'down', 'dstaff');
    INSERT INTO container (device, partition, observed_at, event_id, site, fill_ratio)
        VALUES ('dc', 0, now(), gen_random_uuid(), 'huels-0', 0.5);
"""


@pytest.fixture
async def installed(namespace: Settings) -> AsyncIterator[Settings]:
    """Tables and roles of the test's own, with some rows."""
    await migrate(namespace, load().values())
    await execute(namespace, FILL)
    yield namespace
    await drop_schema(namespace)


def roles(settings: Settings) -> Roles:
    found = roles_of(settings)
    assert found is not None
    return found


async def execute(settings: Settings, statement: LiteralString | sql.Composed, *, role: str = "") -> list[Any]:
    """What a statement answers, as a role."""
    async with connected(settings, "test") as connection:
        if role:
            await connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        cursor = await connection.execute(statement)
        return await cursor.fetchall() if cursor.description else []


async def may(settings: Settings, role: str, statement: LiteralString) -> bool:
    """Whether the server lets a role do it."""
    try:
        await execute(settings, statement, role=role)
    except SettingsError as refused:
        if isinstance(refused.__cause__, psycopg.errors.InsufficientPrivilege):
            return False
        raise
    return True


async def test_the_public_reader_sees_what_is_open_and_nothing_else(installed: Settings) -> None:
    public = roles(installed).public
    bays = await execute(installed, "SELECT bay, zone, occupied FROM open_parking_bay ORDER BY bay", role=public)
    zones = await execute(installed, "SELECT * FROM open_parking_zone", role=public)
    levels = await execute(installed, "SELECT container, district, fill_ratio FROM open_container", role=public)

    assert bays == [("bay-1", "north", True), ("bay-2", "north", None)], "neither somebody's own nor the staff's"
    assert zones == [("north", 2, 1, 0, 1)], "counted from open bays alone"
    assert levels == [("huels-0", "huels", 0.5)]

    for relation, kind, _ in await relations(installed):
        allowed = await readable(installed, relation, public)
        assert allowed == relation.startswith("open_"), relation
        assert not allowed or kind == "v"


async def test_the_reader_sees_everything_but_what_tells_of_people(installed: Settings) -> None:
    reader = roles(installed).reader
    for relation, _, _ in await relations(installed):
        entry = entry_of(relation)
        assert entry is not None
        assert await readable(installed, relation, reader) == (entry.data_class != "personal"), relation

    for view in ("internal_parking_observation", "internal_reading_parking"):
        query = sql.SQL("SELECT device FROM {} ORDER BY device").format(sql.Identifier(view))
        seen = await execute(installed, query, role=reader)
        assert seen == [("d1",), ("d2",), ("dc",), ("dstaff",)], view
    assert not await may(installed, reader, "DELETE FROM alert")
    assert not await may(installed, reader, "INSERT INTO mark (what, subject) VALUES ('a', 'b')")


async def test_what_a_household_uses_and_whether_it_is_at_home_is_read_by_nobody(installed: Settings) -> None:
    """A meter is shown only where every site that it ever served is said to be no home."""
    reader = roles(installed).reader
    for view in ("water_meter", "water_consumption", "reading_water", "device_latest"):
        query = sql.SQL("SELECT device FROM {}").format(sql.Identifier(f"internal_{view}"))
        assert await execute(installed, query, role=reader) == [("wschool",)], view
    assert await execute(installed, "SELECT site FROM internal_alert", role=reader) == [("school",)]
    for table in ("alert", "outbox", "notification", "heard", "subject", "device_latest", "water_meter"):
        assert not await readable(installed, table, reader), table


async def test_a_bay_that_is_somebodys_own_is_in_no_count_of_its_zone(installed: Settings) -> None:
    await execute(
        installed, "INSERT INTO mark (what, subject) VALUES ('parking_zone', 'north'), ('parking_zone', 'yard')"
    )
    async with connected(installed, "test") as connection:
        assert (await derive_zones(connection, installed)).marks == 2

    zones = await rows_of(installed, "SELECT zone, bays, occupied, unknown FROM parking_zone ORDER BY zone")
    assert zones == [("north", 2, 1, 1), ("yard", 1, 1, 0)]


async def test_chunks_are_no_way_round(installed: Settings) -> None:
    chunks = await rows_of(
        installed,
        "SELECT format('%%I.%%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks"
        " WHERE hypertable_schema = %s AND hypertable_name = 'parking_observation'",
        installed.schema_name,
    )
    assert chunks
    for (chunk,) in chunks:
        for role in (roles(installed).reader, roles(installed).public):
            with pytest.raises(SettingsError, match=r"does not let us work \(permission denied for table"):
                await execute(installed, sql.SQL("SELECT * FROM {}").format(sql.SQL(chunk)), role=role)


async def test_the_writer_may_what_the_stages_do_and_changes_no_tables(installed: Settings) -> None:
    writer = roles(installed).writer
    async with connected(installed, "test") as connection:
        await connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(writer)))
        await check_wide_tables(connection, load().values())
    assert await may(installed, writer, "UPDATE parking_observation SET occupied = false WHERE device = 'd1'")
    assert await may(installed, writer, "DELETE FROM parking_zone")
    assert await may(
        installed,
        writer,
        # Into a chunk that is not there yet.
        "INSERT INTO container_level (device, observed_at, event_id) VALUES ('x', '2020-01-01', gen_random_uuid())",
    )
    assert await may(installed, writer, "LOCK TABLE site, assignment IN SHARE ROW EXCLUSIVE MODE")

    assert not await may(installed, writer, "CREATE TABLE mine (a integer)")
    assert not await may(installed, writer, "ALTER TABLE frame ADD COLUMN mine text")
    assert not await may(installed, writer, "DROP TABLE alert")
    assert not await may(installed, writer, "TRUNCATE alert")
    assert not await may(installed, writer, "DELETE FROM frame")
    assert not await may(installed, writer, "DELETE FROM reading_parking")
    assert not await may(installed, writer, "UPDATE facts_from SET facts_from = now()")
    assert not await may(installed, writer, "SELECT drop_chunks('frame', older_than => now())")


async def test_the_owner_owns_all_of_it_and_drops_chunks(installed: Settings) -> None:
    owner = roles(installed).owner
    assert {name for _, _, name in await relations(installed)} == {owner}
    assert await may(installed, owner, "ALTER TABLE alert ADD COLUMN mine text")
    assert await may(
        installed, owner, "SELECT drop_chunks('parking_observation', older_than => now() + interval '9 d')"
    )


async def test_no_role_logs_in_or_is_more_than_a_group(installed: Settings) -> None:
    found = await rows_of(
        installed,
        "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = ANY(%s)",
        list(roles(installed)),
    )
    assert found == [(False,) * 5] * 4


async def test_every_table_and_view_is_in_the_list_and_a_new_one_is_nobodys(installed: Settings) -> None:
    names = {relation for relation, _, _ in await relations(installed)}
    unknown = sorted(name for name in names if entry_of(name) is None)
    assert not unknown, f"add them to schemas/sql/tables.toml with class and rights: {unknown}"
    assert {name for name in catalogue() if "*" not in name} <= names, "the list speaks of what is not there"

    mine = roles(installed)
    await execute(installed, "CREATE TABLE new_topology (a integer)", role=mine.owner)
    await execute(installed, "GRANT SELECT ON frame, open_parking_bay TO PUBLIC", role=mine.owner)
    await migrate(installed, load().values())

    for role in (mine.writer, mine.reader, mine.public):
        assert not await readable(installed, "new_topology", role)
    assert not await readable(installed, "frame", mine.public), "what somebody granted to everybody is taken back"


async def relations(settings: Settings) -> list[tuple[str, str, str]]:
    return await rows_of(
        settings,
        "SELECT relname::text, relkind::text, pg_get_userbyid(relowner)::text FROM pg_class"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'm', 'f', 'p')",
    )


async def readable(settings: Settings, relation: str, role: str) -> bool:
    ((answer,),) = await rows_of(settings, "SELECT has_any_column_privilege(%s, %s, 'SELECT')", role, relation)
    return bool(answer)


# ── who may not make roles ──


@contextmanager
def login(settings: Settings, attributes: LiteralString = "", *, owns: bool = True) -> Iterator[Settings]:
    """Settings of a login user of the test's own, who owns the test's schema, where wanted, and is nothing else."""
    name = f"user_{settings.schema_name}"
    user, schema = sql.Identifier(name), sql.Identifier(settings.schema_name)
    with psycopg.connect(settings.database.url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE ROLE {} LOGIN").format(user) + sql.SQL(attributes))
        if owns:
            server.execute(sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(schema, user))
        server.execute("SET client_min_messages = warning")
        server.execute("CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public")
        try:
            yield as_user(settings, name)
        finally:
            server.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(user))
            server.execute(sql.SQL("DROP ROLE {}").format(user))


@pytest.fixture
async def empty(namespace: Settings) -> AsyncIterator[Settings]:
    """A namespace without anything in it."""
    yield namespace
    await drop_schema(namespace)


async def test_who_may_not_make_roles_says_so_and_goes_on_and_what_is_printed_mends_it(empty: Settings) -> None:
    with login(empty) as mine:
        told, *done = await migrate(mine, load().values())

        assert told.startswith(f"roles: user_{mine.schema_name} may not make them (")
        assert "silkstream roles" in told
        assert told.count("\n") == 0
        assert done[0] == "built the schema from nothing"
        assert len(await rows_of(mine, "SELECT * FROM migration")) > 0

        # An administrator pipes what `silkstream roles` prints into psql.
        with psycopg.connect(empty.database.url, autocommit=True) as server:
            for statement in await printed_statements(mine):
                server.execute(statement.encode())
        count = len(await relations(mine))
        assert await migrate(mine, load().values()) == [f"set the rights of {count} tables and views"]

        assert await migrate(mine, load().values()) == []
        assert {name for _, _, name in await relations(mine)} == {roles(mine).owner}
        assert await readable(mine, "open_parking_bay", roles(mine).public)


async def test_what_is_printed_is_all_that_a_user_without_any_right_needs(empty: Settings) -> None:
    with login(empty, owns=False) as mine:
        with pytest.raises(SettingsError, match=r"does not let us work \(permission denied for database"):
            await migrate(mine, load().values())

        with psycopg.connect(empty.database.url, autocommit=True) as server:
            for statement in await printed_statements(mine):
                server.execute(statement.encode())

        assert (await migrate(mine, load().values()))[0] == "built the schema from nothing"
        assert {name for _, _, name in await relations(mine)} == {roles(mine).owner}
        assert await maintain(mine, NOW) is not None


async def test_a_user_with_createrole_makes_them_and_becomes_the_owner(empty: Settings) -> None:
    with login(empty, " CREATEROLE") as mine:
        made, *_ = await migrate(mine, load().values())

        assert made == f"made the roles {', '.join(roles(mine))}"
        assert await migrate(mine, load().values()) == []
        assert {name for _, _, name in await relations(mine)} == {roles(mine).owner}


async def test_tables_of_an_earlier_version_become_the_owners_with_their_chunks(empty: Settings) -> None:
    without = changed(empty, database={"role_prefix": ""})
    await migrate(without, load().values())
    assert await rows_of(without, "SELECT * FROM pg_roles WHERE rolname = ANY(%s)", list(roles(empty))) == []
    await execute(without, FILL)

    await migrate(empty, load().values())

    assert {name for _, _, name in await relations(empty)} == {roles(empty).owner}
    assert await may(empty, roles(empty).writer, "UPDATE parking_observation SET occupied = false")
    assert await may(empty, roles(empty).reader, "SELECT * FROM internal_reading_parking")


async def test_dropping_a_namespace_takes_its_roles_along(empty: Settings) -> None:
    await migrate(empty, load().values())
    await drop_schema(empty)
    assert await rows_of(fresh_settings(), "SELECT FROM pg_roles WHERE rolname = ANY(%s)", list(roles(empty))) == []


async def test_only_the_owners_members_maintain(installed: Settings) -> None:
    with psycopg.connect(installed.database.url, autocommit=True) as server:
        name = f"writing_{installed.schema_name}"
        server.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        try:
            server.execute(
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(roles(installed).writer), sql.Identifier(name))
            )
            with pytest.raises(SettingsError, match="only a member of the owner's role may drop rows"):
                await maintain(as_user(installed, name), NOW + timedelta(days=500))
        finally:
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
