"""`silkstream maintain` and `silkstream roles`: what an administrator runs, by a timer or once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from pipeline.core.clock import from_us, now_us
from pipeline.core.errors import SettingsError, Transient
from pipeline.core.settings import load as load_settings
from pipeline.database.maintain import Dropped, maintain
from pipeline.database.roles import printed_statements

PIPED_WIDTH: Final = 240


def maintain_command(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; change nothing.")] = False
) -> None:
    """Drop what is older than section `retention` of the settings says; for a timer, once a day."""
    found = asyncio.run(maintain(load_settings(), from_us(now_us()), dry_run=dry_run))
    out = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    if found is None:
        out.print("another one is at work: nothing was done")
        return
    table = Table("table", "kept", "older than", "chunks", "rows", "size", "", box=None, pad_edge=False)
    for each in found:
        table.add_row(*_described(each))
    out.print(table)
    out.print("dry run: nothing was changed" if dry_run else "done")
    if busy := [each.limit.table for each in found if each.busy]:
        raise Transient(f"{', '.join(busy)}: somebody uses what should go; the next run drops it")


def _described(each: Dropped) -> Sequence[str]:
    limit, chunks = each.limit, each.chunks
    what = f"{chunks[0].begin:%Y-%m-%d} to {chunks[-1].end:%Y-%m-%d}" if chunks else ""
    return (
        limit.table,
        f"{limit.days} d",
        f"{limit.before:%Y-%m-%d %H:%M}",
        str(len(chunks)) if limit.chunked else "",
        "" if limit.chunked else str(each.rows),
        decimal(each.size_bytes) if chunks else "",
        f"{what} in use" if each.busy else what,
    )


def roles_command() -> None:
    """Print the SQL that makes the group roles, for an administrator where `migrate` may not make them."""
    settings = load_settings()
    if not settings.database.role_prefix:
        raise SettingsError("setting database.role_prefix: it is empty, so there are no roles")
    for line in asyncio.run(printed_statements(settings)):
        # As it is: it is piped into psql.
        sys.stdout.write(f"{line}\n")
