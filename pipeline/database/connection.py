"""Connections to TimescaleDB, and what their errors mean.

One connection per worker: a stage works on one batch at a time, so a pool would only hide which transaction is whose.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from pipeline.core.errors import SettingsError, Transient
from pipeline.core.settings import Settings

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

REFUSED_CLASSES = ("22", "23")
"""SQLSTATE classes that speak of the row (data exception, constraint violation). Anything else speaks of the
server, and holds the batch."""


async def connect(settings: Settings, application: str) -> Connection:
    """Open a connection that works in the namespace's schema.

    Raises:
        Transient: the server is away or starting.
        SettingsError: it is there and refuses us.
    """
    try:
        return await psycopg.AsyncConnection.connect(
            settings.database.url,
            application_name=f"silkstream-{application}",
            options=f"-c search_path={settings.schema_name},public -c timezone=UTC",
            connect_timeout=10,
            # A server that vanished without a word must not hold a batch for the kernel's two hours.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=20_000,
        )
    except psycopg.OperationalError as away:
        raise _meaning(away) from away
    except psycopg.ProgrammingError as wrong:
        said = " ".join(str(wrong).split())
        raise SettingsError(f"setting database.url: {said}; expected: postgresql://user@host:port/name") from wrong


def _meaning(error: psycopg.OperationalError) -> Exception:
    text = " ".join(str(error).split())
    for refusal in ("password authentication failed", "does not exist", "no pg_hba.conf entry", "permission denied"):
        if refusal in text:
            return SettingsError(f"setting database.url: the server refuses us: {text}")
    return Transient(f"database: {text}")


@asynccontextmanager
async def connected(settings: Settings, application: str) -> AsyncIterator[Connection]:
    """A connection for the time of a block.

    Raises:
        Transient: the server did something wrong inside it.
        SettingsError: it does not let this user do what was asked.
    """
    connection = await connect(settings, application)
    try:
        async with connection:
            yield connection
    except psycopg.errors.InsufficientPrivilege as refused:
        said = refused.diag.message_primary or " ".join(str(refused).split())
        raise SettingsError(
            f"the database does not let us work ({said}); the remedy: a role of `silkstream roles` for this user"
        ) from refused
    except psycopg.Error as fault:
        if is_about_the_server(fault):
            raise Transient(f"database: {' '.join(str(fault).split())}") from fault
        raise


def is_about_the_server(fault: psycopg.Error) -> bool:
    """Whether trying again can help: the server went away, is full, was busy; not our SQL."""
    if isinstance(fault, (psycopg.OperationalError, psycopg.InterfaceError)):
        return True
    return (fault.sqlstate or "")[:2] in {"08", "25", "40", "53", "55", "57", "58"}


def is_about_the_row(fault: psycopg.Error) -> bool:
    """Whether the database refuses what the row says."""
    # A text with a NUL is refused by psycopg itself, which gives no SQLSTATE.
    return isinstance(fault, psycopg.DataError) or (fault.sqlstate or "")[:2] in REFUSED_CLASSES
