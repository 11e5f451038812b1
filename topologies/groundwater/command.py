"""`silkstream groundwater`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.core.settings import Settings
from pipeline.core.settings import load as load_settings
from pipeline.database.connection import Connection, connected
from pipeline.database.queries import load_queries
from pipeline.registry.command import SHOWN, console, table_of, text_of
from topologies.groundwater.dips import Change, Dip, Dips, Key, difference, parse_dips

_QUERIES = load_queries("topologies.groundwater", "dips.sql")

groundwater_app = typer.Typer(no_args_is_help=True, help="Wells.")
dips_app = typer.Typer(no_args_is_help=True, help="Measurements by hand, which put a probe right.")
groundwater_app.add_typer(dips_app, name="dips")


@groundwater_app.callback()
def _groundwater() -> None:
    """Wells."""


@dips_app.callback()
def _dips() -> None:
    """Measurements by hand, which put a probe right."""


@dips_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV: site, dipped_at, distance_metres, note.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")] = False,
) -> None:
    """Take in dips: what the file says is added or corrected, a line without a distance takes a dip back."""
    text = text_of(file, "dips file")
    changes, devices = asyncio.run(import_dips(load_settings(), text, source=str(file), dry_run=dry_run))
    out = console()
    if not changes:
        out.print("nothing to change")
        return
    table = table_of("change", "of", "at", "what")
    for change in changes[:SHOWN]:
        at = change.key.dipped_at.isoformat().replace("+00:00", "Z")
        table.add_row(change.kind.removeprefix("dip "), change.key.site, at, change.detail)
    out.print(table)
    if len(changes) > SHOWN:
        out.print(f"… and {len(changes) - SHOWN} more")
    out.print(f"dips: {len(changes)}; devices to recompute: {devices}")
    out.print("dry run: nothing was changed" if dry_run else "done")


async def import_dips(settings: Settings, text: str, *, source: str, dry_run: bool) -> tuple[list[Change], int]:
    """Bring the dips to what a file says, in one transaction with the requests to recompute what follows from them.

    Returns:
        What changed, or would; and how many devices are computed anew.

    Raises:
        FaultyFile: the file has faults.
    """
    async with connected(settings, "dips") as connection, connection.transaction():
        if not dry_run:
            await connection.execute(_QUERIES["lock"])
        wells = {site for (site,) in await _rows(connection, "read_wells")}
        changes = difference(await _known(connection), parse_dips(text, sites=wells, source=source))
        if dry_run or not changes:
            concerned = await _rows(connection, "read_concerned", _concerned(changes)) if changes else []
            return changes, len(concerned)
        await connection.execute(_QUERIES["write_dips"], _columns([(c.key, c.new) for c in changes if c.new]))
        await connection.execute(_QUERIES["delete_dips"], _concerned([c for c in changes if c.new is None]))
        concerned = await _rows(connection, "write_recompute", _concerned(changes))
        return changes, len(concerned)


async def _known(connection: Connection) -> Dips:
    return {
        Key(site, dipped_at): Dip(distance, note)
        for site, dipped_at, distance, note in await _rows(connection, "read_dips")
    }


async def _rows(connection: Connection, query: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(_QUERIES[query], values)
    return list(await cursor.fetchall())


def _columns(dips: list[tuple[Key, Dip]]) -> dict[str, Any]:
    return {
        "sites": [key.site for key, _ in dips],
        "times": [key.dipped_at for key, _ in dips],
        "distances": [dip.distance_metres for _, dip in dips],
        "notes": [dip.note for _, dip in dips],
    }


def _concerned(changes: list[Change]) -> dict[str, Any]:
    return {"sites": [change.key.site for change in changes], "times": [change.key.dipped_at for change in changes]}
