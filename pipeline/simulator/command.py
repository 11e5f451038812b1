"""`silkstream simulate`: plays a city to the MQTT broker."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from pipeline.core.clock import from_rfc3339
from pipeline.core.errors import SettingsError
from pipeline.core.settings import load
from pipeline.simulator.city import CityPlan
from pipeline.simulator.ledger import Ledger
from pipeline.simulator.publish import simulate
from pipeline.simulator.sites import sites_csv

_OWN_OPTIONS: Final = frozenset({"start", "duration", "bridges"})


def plan_of(changes: list[str], **given: Any) -> CityPlan:
    """The default city but for `name=value` changes.

    Raises:
        SettingsError: names the field and what it takes.
    """
    kinds = {field.name: type(getattr(CityPlan(), field.name)) for field in fields(CityPlan)}
    kinds = {name: kind for name, kind in kinds.items() if name not in _OWN_OPTIONS}
    for change in changes:
        name, separator, text = change.partition("=")
        if not separator or name not in kinds:
            raise SettingsError(f"--set {change!r}: expected NAME=VALUE with a NAME out of: {', '.join(sorted(kinds))}")
        try:
            given[name] = _read(text, kinds[name])
        except ValueError as wrong:
            raise SettingsError(f"--set {change!r}: expected a value of type {kinds[name].__name__}") from wrong
    try:
        return CityPlan(**given)
    except ValueError as wrong:
        raise SettingsError(f"--set {wrong}") from wrong


def _read(text: str, kind: type) -> Any:
    if kind is bool:
        return text.lower() in {"1", "true", "yes"}
    if kind is tuple:
        return tuple(part.strip() for part in text.split(","))
    return kind(text)


def simulate_command(
    *,
    hours: Annotated[float, typer.Option(help="How long a piece of the city's time to play.")] = 24.0,
    start: Annotated[str | None, typer.Option(help="When it begins (RFC 3339); default: so that it ends now.")] = None,
    speed: Annotated[float, typer.Option(help="Simulated seconds per second; 0 = as fast as it goes.")] = 0.0,
    rate: Annotated[float | None, typer.Option(help="At most so many messages per second.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="Keep the account of what was published in this file.")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE: a count, a rate or models (A,B,C) of the city.")
    ] = None,
    sites: Annotated[bool, typer.Option("--sites", help="Print the city's sites as CSV, and play nothing.")] = False,
) -> None:
    """Play a city like Krefeld to the MQTT broker: frames as ChirpStack publishes them, with ticks of its own.

    The bridge that hears it needs SILKSTREAM_BRIDGE_TICKS=stream.
    """
    settings = load()
    duration = timedelta(hours=hours)
    try:
        begins = from_rfc3339(start) if start else datetime.now(UTC) - duration
    except ValueError as wrong:
        raise SettingsError(f"--start {start!r}: expected an RFC 3339 time with its zone: {wrong}") from wrong
    plan = plan_of(change or [], start=begins, duration=duration, bridges=(settings.bridge.id,))
    if sites:
        typer.echo(sites_csv(plan), nl=False)
        return

    async def work() -> Ledger:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        return await simulate(
            plan,
            host=settings.mqtt.host,
            port=settings.mqtt.port,
            ledger_path=ledger,
            speed=speed,
            max_rate=rate,
            stop=stop,
        )

    account = asyncio.run(work())
    table = Table("event", "fate", "number", box=None, pad_edge=False)
    for event, fates in sorted(account.counts.items()):
        for fate, number in sorted(fates.items()):
            table.add_row(event, fate, f"{number:,}")
    Console(highlight=False).print(table, f"published {account.published:,}, ticks {account.ticks:,}")
