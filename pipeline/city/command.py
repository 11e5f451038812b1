"""`silkstream city`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipeline.city.read import installed_parameters, read_city
from pipeline.core.clock import from_rfc3339, from_us, now_us, to_us
from pipeline.core.errors import SettingsError

city_app = typer.Typer(no_args_is_help=True, help="The city's rules and parameters.")


@city_app.callback()
def _city() -> None:
    """The city's rules and parameters."""


@city_app.command("check")
def check_command(
    file: Annotated[Path, typer.Argument(help="A city file; see the parameters of each topology in its README.")],
    *,
    family: Annotated[str, typer.Option(help="Only this family; else all.")] = "",
    site: Annotated[str, typer.Option(help="What holds for this site …")] = "",
    group: Annotated[str, typer.Option(help="… which is of this group: its zone, district, segment.")] = "",
    at: Annotated[str, typer.Option(metavar="TIME", help="As 2026-07-01T00:00:00+02:00; else now.")] = "",
) -> None:
    """Check a city file, and print what holds for a site at a time, and by which of its entries."""
    models = installed_parameters()
    if family and family not in models:
        raise SettingsError(f"--family {family}: no family with rules; known: {', '.join(models)}")
    try:
        at_us = to_us(from_rfc3339(at)) if at else now_us()
    except ValueError as wrong:
        raise SettingsError(f"--at {at}: expected a time such as 2026-07-01T00:00:00+02:00") from wrong
    city = read_city(file, models)
    out = Console(highlight=False)
    place = f"site {site}" if site else f"group {group}" if group else "all sites without an entry of their own"
    out.print(f"{file} is right. {place}, {from_us(at_us).isoformat()}:")
    table = Table("family", "parameter", "value", "from", box=None, pad_edge=False)
    for name, model in models.items():
        if family in ("", name):
            for parameter, value, source in city.explain(model, name, group=group, site=site, at_us=at_us):
                table.add_row(name, parameter, str(value), source)
    out.print(table)
    quiet_until_us = city.maintenance.after(group, site, at_us)
    if quiet_until_us > at_us:
        out.print(f"In maintenance until {from_us(quiet_until_us).isoformat()}: alerts are kept, and told then.")
