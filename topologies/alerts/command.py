"""`silkstream alerts`: what is wrong now, who knows of it, and whether anybody was told."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple

import orjson
import psycopg
import typer
from rich.console import Console
from rich.table import Table

from pipeline.core.clock import from_us, now_us
from pipeline.core.errors import SettingsError
from pipeline.core.settings import load as load_settings
from pipeline.database.connection import connected
from topologies.alerts.acknowledge import QUERIES, Alert, Outcome, acknowledge, range_of

SHOWN: Final = 200
PIPED_WIDTH: Final = 240
"""Where nobody watches, lines are not broken at a screen's edge, so that they can be searched."""
_SHORT: Final = 8

alerts_app = typer.Typer(no_args_is_help=True, help="What is wrong, who knows of it, and whether people were told.")


class Listed(NamedTuple):
    """An alert, and its notifications as the database tells them."""

    alert: Alert
    notifications: Sequence[Mapping[str, Any]]


@alerts_app.callback()
def _alerts() -> None:
    """What is wrong, who knows of it, and whether people were told."""


@alerts_app.command("list")
def list_command(
    *,
    every: Annotated[bool, typer.Option("--all/--open", help="Those that are over, too; else the open ones.")] = False,
    family: Annotated[str | None, typer.Option(help="Only alerts of this family.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only alerts of this rule.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest first.")] = SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="Whole, for programs: one array.")] = False,
) -> None:
    """List alerts, the newest first."""
    found = asyncio.run(_list(every=every, family=family, rule=rule, most=limit + 1))
    shown = found[:limit]
    if as_json:
        typer.echo(orjson.dumps([_json(each) for each in shown], option=orjson.OPT_INDENT_2).decode())
        return
    out = _out()
    if shown:
        out.print(_table(shown))
    out.print(summary(shown, is_cut=len(found) > limit))


@alerts_app.command("ack")
def ack_command(
    alert: Annotated[str, typer.Argument(metavar="ID", help="An alert's id, or the digits that it begins with.")],
    *,
    by: Annotated[str | None, typer.Option(help="Who acknowledges it; else the user of this terminal.")] = None,
    note: Annotated[str | None, typer.Option(help="A word for the others.")] = None,
) -> None:
    """Say that you know of an alert, so that others need not look after it."""
    outcome = asyncio.run(_acknowledge(alert, by=_name(by), note=note or None))
    _out().print(answer(outcome))


def answer(outcome: Outcome) -> str:
    """What is said to who acknowledged."""
    alert = outcome.alert
    if not outcome.is_new:
        first = f"{alert.acknowledged_by} at {_time(alert.acknowledged_at)}"
        return f"{alert.id} was acknowledged by {first}: nothing changed"
    over = f" (resolved at {_time(alert.resolved_at)})" if alert.resolved_at is not None else ""
    return f"{alert.id} is acknowledged by {alert.acknowledged_by}: {alert.message_en}{over}"


def summary(shown: Sequence[Listed], *, is_cut: bool) -> str:
    """The line below the table."""
    is_open = sum(each.alert.status == "open" for each in shown)
    given_up = sum(bool(note["given_up_at"]) for each in shown for note in each.notifications)
    parts = [f"{len(shown)} alerts, {is_open} open"]
    if given_up:
        parts.append(f"{given_up} notifications GIVEN UP: nobody was told by them")
    if is_cut:
        parts.append("there are older ones; --limit shows more")
    return "; ".join(parts)


def told(notifications: Sequence[Mapping[str, Any]]) -> str:
    """Who was told, channel by channel: the worst of each comes first to the eye."""
    by_channel: dict[str, list[Mapping[str, Any]]] = {}
    for each in notifications:
        by_channel.setdefault(each["channel"], []).append(each)
    return ", ".join(_told_by(channel, mine) for channel, mine in by_channel.items())


def _told_by(channel: str, notifications: Sequence[Mapping[str, Any]]) -> str:
    for each in notifications:
        if each["given_up_at"]:
            return f"{channel} GIVEN UP ({each['last_error'] or 'too late'})"
    for each in notifications:
        if not each["sent_at"]:
            failed = f" ({each['attempts']} attempts: {each['last_error']})" if each["attempts"] else ""
            return f"{channel} waits{failed}"
    return channel


def status(alert: Alert) -> str:
    """In one cell: what it is, and who knows of it."""
    words = [alert.status]
    if alert.resolved_at is not None:
        words[0] = f"resolved {_time(alert.resolved_at)}"
    if alert.retrospective:
        words.append("retrospective")
    if alert.acknowledged_at is not None:
        words.append(f"known to {alert.acknowledged_by}")
    return ", ".join(words)


def _table(shown: Sequence[Listed]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("alert", "since", "severity", "rule", "subject", "status", "told", "message"):
        table.add_column(column, overflow="fold", no_wrap=column in {"alert", "since"})
    for alert, notifications in shown:
        table.add_row(
            str(alert.id)[:_SHORT],
            _time(alert.since),
            alert.severity,
            alert.rule,
            alert.subject,
            status(alert),
            told(notifications),
            alert.message_en,
        )
    return table


def _json(listed: Listed) -> Mapping[str, Any]:
    return {**listed.alert._asdict(), "notifications": listed.notifications}


async def _list(*, every: bool, family: str | None, rule: str | None, most: int) -> list[Listed]:
    async with connected(load_settings(), "alerts") as connection:
        try:
            cursor = await connection.execute(
                QUERIES["list_alerts"], {"every": every, "family": family, "rule": rule, "most": most}
            )
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as missing:
            raise SettingsError("the database has no such table; run `silkstream migrate` first") from missing
        return [Listed(Alert(*row[:-1]), row[-1]) for row in await cursor.fetchall()]


async def _acknowledge(prefix: str, *, by: str, note: str | None) -> Outcome:
    settings = load_settings()
    # What is no id is told also where the database is away.
    range_of(prefix)
    async with connected(settings, "alerts") as connection:
        await connection.set_autocommit(True)
        at = from_us(now_us()).replace(microsecond=0)
        return await acknowledge(connection, settings, prefix, by=by, note=note, at=at)


def _name(by: str | None) -> str:
    if by is not None and by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError) as nobody:
        raise SettingsError("this terminal has no user's name; say who you are with --by NAME") from nobody


def _time(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _out() -> Console:
    # Names of sites are a city's own words: no brackets or colons in them are ours to interpret.
    out = Console(highlight=False, markup=False, emoji=False)
    if not out.is_terminal:
        out.width = PIPED_WIDTH
    return out
