"""`silkstream devices`: what has spoken, and which decoder it has."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from decoders.registry import load as load_decoders
from pipeline.core.errors import Reject
from pipeline.core.settings import load as load_settings
from pipeline.database.connection import connected
from pipeline.database.queries import load_queries
from pipeline.decode.binding import IGNORE, Bindings
from pipeline.event.model import DeviceInfo

PIPED_WIDTH: Final = 240
_QUERIES = load_queries("pipeline.database")


class Heard(NamedTuple):
    """A device as its newest events describe it, and when it last spoke."""

    info: DeviceInfo
    seen_at: datetime


class Binding(NamedTuple):
    """A device and its decoder, or why it has none."""

    heard: Heard
    decoder: str
    """A name, `ignore`, or empty."""
    complaint: str


def bindings_of(devices: Iterable[Heard], bindings: Bindings) -> list[Binding]:
    """Who decodes each device, as decode itself would choose."""
    found = []
    for heard in devices:
        try:
            decoder = bindings.of(heard.info).decoder
            found.append(Binding(heard, decoder.name if decoder else IGNORE, ""))
        except Reject as reject:
            found.append(Binding(heard, "", str(reject)))
    return found


def devices_command(
    *,
    unbound: Annotated[
        bool, typer.Option("--unbound", help="Only those that nobody decodes, with the reason.")
    ] = False,
) -> None:
    """List the devices that have spoken and the decoder of each."""
    settings = load_settings()
    bindings = Bindings(load_decoders(), settings.decode.bindings)

    async def heard() -> list[Heard]:
        async with connected(settings, "devices") as connection:
            cursor = await connection.execute(_QUERIES["list_devices"])
            return [Heard(DeviceInfo(*row[:-1]), row[-1]) for row in await cursor.fetchall()]

    found = [each for each in bindings_of(asyncio.run(heard()), bindings) if not unbound or each.complaint]
    out = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    if not found:
        out.print("every device that has spoken has a decoder" if unbound else "no device has spoken yet")
        return
    table = Table("device", "name", "profile", "application", "last seen", "decoder", box=None, pad_edge=False)
    for (info, seen_at), decoder, complaint in found:
        seen = f"{seen_at:%Y-%m-%d %H:%M}"
        table.add_row(info.dev_eui, info.name, info.profile, info.application, seen, decoder or complaint)
    out.print(table)
