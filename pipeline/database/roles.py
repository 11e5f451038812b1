"""Who may do what: four group roles without login, which an administrator grants to his own login users.

The owner migrates and maintains, the writer is what the stages need, the reader is Grafana's, the public reader sees
views of open data. Nothing is granted by default: a table has the rights that the catalogue gives it, and no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from pipeline.core.settings import Settings
from pipeline.database.catalogue import Relation, entry_of
from pipeline.database.connection import connected
from pipeline.database.queries import load_queries

_QUERIES = load_queries("pipeline.database", "roles.sql")
EVERYBODY: Final = "PUBLIC"
_NAMED: Final = 3
Rights = Mapping[tuple[str, str], frozenset[str]]
"""(table, role) -> privileges."""


class Roles(NamedTuple):
    """Names of roles; roles belong to the whole server, so a namespace has its own."""

    owner: str
    writer: str
    reader: str
    public: str


def roles_of(settings: Settings) -> Roles | None:
    """The roles of an installation; None where the settings want none."""
    if not settings.database.role_prefix:
        return None
    stem = "_".join(filter(None, (settings.database.role_prefix, settings.namespace.rstrip("."))))
    return Roles(*(f"{stem}_{kind}" for kind in Roles._fields))


def making(roles: Roles, schema: str, user: str) -> list[sql.Composed]:
    """The statements of an administrator; safe to repeat. The rest follows from them by `silkstream migrate`."""
    owner, writer, reader, public, within, connecting = map(sql.Identifier, (*roles, schema, user))
    return [
        *(
            sql.SQL(
                "DO $$ BEGIN CREATE ROLE {} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;"
                " END $$"
            ).format(sql.Identifier(role))
            for role in roles
        ),
        sql.SQL("GRANT {} TO {}").format(owner, connecting),
        sql.SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}").format(within, owner),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}, {}, {}").format(within, writer, reader, public),
    ]


def wanted_rights(relations: Iterable[str], roles: Roles) -> Rights:
    """What each role shall be allowed on each table and view that the catalogue knows."""
    rights: dict[tuple[str, str], frozenset[str]] = {}
    for name in relations:
        entry = entry_of(name)
        if entry is not None:
            rights[name, roles.writer] = entry.writer
            rights[name, roles.reader] = _reading(entry, "open", "internal")
            rights[name, roles.public] = _reading(entry, "open")
            rights[name, EVERYBODY] = frozenset()
    return rights


def _reading(entry: Relation, *classes: str) -> frozenset[str]:
    return frozenset({"SELECT"} if entry.data_class in classes else ())


async def printed_statements(settings: Settings) -> list[str]:
    """What an administrator runs in the installation's database, with the connecting user as the owner's member."""
    roles = roles_of(settings)
    if roles is None:
        return []
    async with connected(settings, "roles") as connection:
        cursor = await connection.execute("SELECT session_user::text")
        ((user,),) = await cursor.fetchall()
        before = [
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(settings.schema_name)),
            sql.SQL("CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public"),
        ]
        return [f"{each.as_string(connection)};" for each in (*before, *making(roles, settings.schema_name, user))]


async def become_owner(connection: psycopg.AsyncConnection[Any], settings: Settings) -> tuple[bool, list[str]]:
    """Make the roles that are missing, and work as the owner from here on.

    Returns:
        Whether there are roles to work with, and what is to be told of it, a line each.
    """
    roles = roles_of(settings)
    if roles is None:
        return False, []
    cursor = await connection.execute(_QUERIES["who"], {"roles": list(roles), "schema": settings.schema_name})
    row = await cursor.fetchone()
    assert row is not None, "a query without a table has a row"  # noqa: S101  # for the type checker
    user, present, ready = row
    try:
        async with connection.transaction():
            if not ready:
                # The narrower right first: who may create no roles may still be a member of those that are there.
                for statement in making(roles, settings.schema_name, user):
                    await connection.execute(statement)
            await _take_over(connection, roles)
            await connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(roles.owner)))
    except psycopg.errors.InsufficientPrivilege as refused:
        said = refused.diag.message_primary or str(refused)
        sentence = (
            f"roles: {user} may not make them ({said}), so the tables are for their owner alone; "
            "an administrator runs what `silkstream roles` prints, then migrate again"
        )
        return False, [sentence]
    made = [role for role in roles if role not in present]
    return True, [f"made the roles {', '.join(made)}"] if made else []


async def _take_over(connection: psycopg.AsyncConnection[Any], roles: Roles) -> None:
    """Let the owner own what an earlier version or another user made."""
    for name, kind, owner in await _relations(connection):
        if owner != roles.owner and entry_of(name) is not None:
            what = sql.SQL("ALTER VIEW {} OWNER TO {}" if kind == "v" else "ALTER TABLE {} OWNER TO {}")
            await connection.execute(what.format(sql.Identifier(name), sql.Identifier(roles.owner)))


async def grant_rights(connection: psycopg.AsyncConnection[Any], settings: Settings) -> list[str]:
    """Give and take rights until they are those of the catalogue; says which tables that concerned."""
    roles = roles_of(settings)
    assert roles is not None, "the caller became the owner"  # noqa: S101  # for the type checker
    wanted = wanted_rights((name for name, _, _ in await _relations(connection)), roles)
    cursor = await connection.execute(_QUERIES["rights"], {"roles": list(roles)})
    present: Rights = {(table, role): frozenset(held) for table, role, held in await cursor.fetchall()}
    concerned = set()
    async with connection.transaction():
        for (table, role), privileges in wanted.items():
            held = present.get((table, role), frozenset())
            whom = sql.SQL(EVERYBODY) if role == EVERYBODY else sql.Identifier(role)
            if too_much := held - privileges:
                await connection.execute(_right("REVOKE {} ON {} FROM {}", too_much, table, whom))
            if too_little := privileges - held:
                await connection.execute(_right("GRANT {} ON {} TO {}", too_little, table, whom))
            if held != privileges:
                concerned.add(table)
    if not concerned:
        return []
    named = ", ".join(sorted(concerned)) if len(concerned) <= _NAMED else f"{len(concerned)} tables and views"
    return [f"set the rights of {named}"]


def _right(text: str, privileges: frozenset[str], table: str, whom: sql.Composable) -> sql.Composed:
    listed = sql.SQL(", ").join(map(sql.SQL, sorted(privileges)))
    return sql.SQL(text).format(listed, sql.Identifier(table), whom)


async def _relations(connection: psycopg.AsyncConnection[Any]) -> list[tuple[str, str, str]]:
    """Tables and views of the schema: name, kind (r, v), owner."""
    cursor = await connection.execute(_QUERIES["relations"])
    return list(await cursor.fetchall())


async def drop_roles(connection: psycopg.AsyncConnection[Any], settings: Settings) -> None:
    """Take the roles of a dropped namespace away; one that others still hold, or that is not ours to drop, stays."""
    for role in roles_of(settings) or ():
        try:
            async with connection.transaction():
                await connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
        except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.InsufficientPrivilege):
            continue
