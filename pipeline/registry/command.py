"""`silkstream sites`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from decoders.registry import load as load_decoders
from pipeline.core.clock import from_us, now_us
from pipeline.core.errors import SettingsError
from pipeline.core.settings import load as load_settings
from pipeline.database.connection import connected
from pipeline.registry import store
from pipeline.registry.change import Difference, State, Turn, assigning, importing, listing, releasing
from pipeline.registry.sites import parse_sites, read_eui, read_time

SHOWN: Final = 40
"""Changes that are printed one by one; the first import of a city has thousands."""
PIPED_WIDTH: Final = 240
"""Where nobody watches, lines are not broken at a screen's edge, so that they can be searched."""

sites_app = typer.Typer(no_args_is_help=True, help="Places and the devices that serve them.")

FromOption = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="From when on, as 2026-06-01T00:00:00+02:00; else now.")
]


@sites_app.callback()
def _sites() -> None:
    """Places and the devices that serve them."""


@sites_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV: site, family, name, group, dev_eui, valid_from, attributes.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")] = False,
    from_: FromOption = None,
    every: Annotated[bool, typer.Option("--all", help=f"Print every change, not the first {SHOWN}.")] = False,
) -> None:
    """Take in a sites file: what it says is added or corrected, what it does not speak of stays."""
    families = {decoder.family for decoder in load_decoders().values()}
    lines = parse_sites(text_of(file, "sites file"), default_from=_time(from_), families=families, source=str(file))
    found = asyncio.run(_change(lambda state: importing(state, lines), dry_run=dry_run))
    _print(found, dry_run=dry_run, limit=None if every else SHOWN)


@sites_app.command("assign")
def assign_command(
    site: Annotated[str | None, typer.Argument(help="The site.")] = None,
    device: Annotated[str | None, typer.Argument(metavar="EUI", help="The device that serves it.")] = None,
    *,
    none: Annotated[str | None, typer.Option("--none", metavar="EUI", help="Take this device off its site.")] = None,
    from_: FromOption = None,
) -> None:
    """Give a site a device, which replaces the one before it; or take a device off its site."""
    if none is None and (site is None or device is None):
        raise SettingsError("expected: `sites assign SITE EUI`, or `sites assign --none EUI`")
    if none is not None and (site is not None or device is not None):
        raise SettingsError("--none EUI takes a device off whichever site it serves; name no site beside it")
    at = _time(from_)
    eui = _eui(none or device or "")

    def alter(state: State) -> State:
        if site is None:
            return releasing(state, eui, at)
        if site not in state.sites:
            raise SettingsError(f"there is no site {site!r}; see `silkstream sites list`")
        return assigning(state, [Turn(at, eui, site)])

    _print(asyncio.run(_change(alter, dry_run=False)), dry_run=False, limit=None)


@sites_app.command("list")
def list_command(
    family: Annotated[str | None, typer.Option(help="Only sites of this family.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="As it was then; else as it is now.")] = None,
) -> None:
    """List the sites with group, attributes and device."""
    state = asyncio.run(_read())
    table = table_of("site", "family", "class", "group", "name", "device", "attributes")
    listed = listing(state, _time(at, option="--at"), family=family)
    for site, version, device in listed:
        attributes = ", ".join(f"{name} {value}" for name, value in sorted(version.attributes.items()))
        described = (version.family, version.data_class, version.group, version.name)
        table.add_row(site, *described, device or "none", attributes)
    console().print(table)
    console().print(f"{len(listed)} sites")


async def _change(alter: Callable[[State], State], *, dry_run: bool) -> Difference:
    async with connected(load_settings(), "sites") as connection:
        return await store.change(connection, alter, dry_run=dry_run)


async def _read() -> State:
    async with connected(load_settings(), "sites") as connection:
        return await store.read(connection)


def _print(found: Difference, *, dry_run: bool, limit: int | None) -> None:
    rows = [
        *((each.kind, each.site, each.valid_from, each.detail) for each in found.versions),
        *((each.kind, each.device, each.valid_from, each.detail) for each in found.assignments),
    ]
    out = console()
    if not rows:
        out.print("nothing to change")
        return
    table = table_of("change", "of", "from", "what")
    for kind, subject, valid_from, detail in rows[:limit]:
        table.add_row(kind.removeprefix("assignment "), subject, valid_from.isoformat().replace("+00:00", "Z"), detail)
    out.print(table)
    if limit is not None and len(rows) > limit:
        out.print(f"… and {len(rows) - limit} more; --all prints them")
    kinds = [kind for kind, *_ in rows]
    counts = ", ".join(f"{kind}: {kinds.count(kind)}" for kind in dict.fromkeys(kinds))
    out.print(f"{counts}; devices to recompute: {len(found.recompute)}")
    out.print("dry run: nothing was changed" if dry_run else "done")


def console() -> Console:
    """Where people and scripts read: lines are not broken at a screen's edge where there is none."""
    # Names of sites are a city's own words: no brackets or colons in them are ours to interpret.
    out = Console(highlight=False, markup=False, emoji=False)
    if not out.is_terminal:
        out.width = PIPED_WIDTH
    return out


def table_of(*columns: str) -> Table:
    """A plain table."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in {"change", "of", "site", "device", "from"})
    return table


def text_of(file: Path, what: str) -> str:
    """A file's text.

    Raises:
        SettingsError: it is not there, or not UTF-8.
    """
    try:
        return file.read_bytes().decode()
    except OSError as missing:
        raise SettingsError(f"{what} {file}: {missing.strerror}") from missing
    except UnicodeDecodeError as wrong:
        raise SettingsError(f"{what} {file} is not UTF-8 (byte {wrong.start}); save it as UTF-8") from wrong


def _time(text: str | None, *, option: str = "--from") -> datetime:
    if text is None:
        return from_us(now_us()).replace(microsecond=0)
    try:
        return read_time(text)
    except ValueError as wrong:
        raise SettingsError(f"{option}: {wrong}") from wrong


def _eui(text: str) -> str:
    try:
        return read_eui(text)
    except ValueError as wrong:
        raise SettingsError(str(wrong)) from wrong
