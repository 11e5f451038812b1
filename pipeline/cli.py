"""The command line: `silkstream COMMAND`.

Stages come in through the entry-point group `silkstream.stages` and some groups of commands through
`silkstream.commands`, so that topologies are started without being imported here. An operator's mistake is one
sentence and exit status 78, never a traceback.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from decoders.registry import RegistryError, load
from pipeline.city.command import city_app
from pipeline.contract.command import contract_command
from pipeline.core import clock, ticks, topics
from pipeline.core.errors import EXIT_SETTINGS, EXIT_STALLED, SettingsError, Transient
from pipeline.core.logs import configure_logs
from pipeline.core.model import Partition
from pipeline.core.settings import Settings
from pipeline.core.settings import load as load_settings
from pipeline.database import ledger
from pipeline.database.connection import connected
from pipeline.database.migrate import migrate
from pipeline.demo.command import demo_command
from pipeline.devices import devices_command
from pipeline.ingest.translate import tick_records
from pipeline.installed import configured_stages, declared_topics, installed_commands, installed_stages
from pipeline.kafka.consumer import open_log
from pipeline.kafka.producer import open_sink
from pipeline.kafka.provision import provision
from pipeline.maintenance import maintain_command, roles_command
from pipeline.packaging import check_packages
from pipeline.plugins import decoders_app
from pipeline.registry.command import sites_app
from pipeline.service import run_stage
from pipeline.simulator.command import simulate_command
from pipeline.supervisor import Supervisor, free_ports
from pipeline.watch import records_of, shown

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="LoRaWAN sensor frames of a city: from ChirpStack through Kafka to TimescaleDB rows and alert topics.",
)
ledger_app = typer.Typer(no_args_is_help=True, help="How far each consumer is; let one begin again.")
app.add_typer(ledger_app, name="ledger")
app.add_typer(sites_app, name="sites")
app.add_typer(city_app, name="city")
app.add_typer(decoders_app, name="decoders")
app.command("contract")(contract_command)
app.command("devices")(devices_command)
app.command("maintain")(maintain_command)
app.command("roles")(roles_command)
app.command("simulate")(simulate_command)
app.command("demo")(demo_command)

out = Console(highlight=False)


@app.command("topics")
def topics_command(
    *, check: Annotated[bool, typer.Option("--check", help="Change nothing; fail where something differs.")] = False
) -> None:
    """Create or check every topic."""
    settings = load_settings()
    table = Table("topic", "partitions", "kept", "what it holds", "", box=None, pad_edge=False)
    for topic, outcome in asyncio.run(provision(settings, declared_topics(settings), check_only=check)):
        kept = "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms // topics.DAY_MS} d"
        table.add_row(topic.name, str(topic.partitions), kept, topic.about, outcome)
    out.print(table)


@app.command("migrate")
def migrate_command() -> None:
    """Build the database, or bring it to this version."""
    for line in asyncio.run(migrate(load_settings(), load().values())) or ["nothing to do"]:
        out.print(line)


@ledger_app.command("show")
def ledger_show() -> None:
    """Where each consumer stands, by partition."""

    async def work(settings: Settings) -> None:
        table = Table("consumer", "topic", "partition", "epoch", "next offset", "as of", "moved", box=None)
        async with connected(settings, "ledger") as connection:
            for consumer, topic, partition, epoch, next_offset, _raw, as_of, moved in await ledger.show(connection):
                begun = "not begun" if next_offset < 0 else str(next_offset)
                table.add_row(consumer, topic, str(partition), str(epoch), begun, str(as_of or ""), str(moved))
        out.print(table)

    asyncio.run(work(load_settings()))


@ledger_app.command("reset")
def ledger_reset(
    consumer: Annotated[str, typer.Option(help="store, topology-container, …: see `silkstream ledger show`.")],
    topic: Annotated[str | None, typer.Option(help="Only this topic; else all of the consumer's.")] = None,
    to: Annotated[str, typer.Option(help="Only `beginning` is possible.")] = "beginning",
) -> None:
    """Let a consumer begin again at the beginning of its log: repeating changes nothing, what is gone stays gone."""
    if to != "beginning":
        raise SettingsError(f"--to {to!r}: only `beginning` is possible")

    async def work(settings: Settings) -> tuple[int, int]:
        async with connected(settings, "ledger") as connection, open_log(settings) as log:
            stood = {
                Partition(str(row[1]), int(row[2])): int(row[4])
                for row in await ledger.show(connection)
                if row[0] == consumer and topic in (None, row[1])
            }
            bounds = await log.bounds(list(stood)) if stood else {}
            gone = sum(max(bounds[p].beginning - max(at, 0), 0) for p, at in stood.items())
            return await ledger.reset(connection, consumer, topic), gone

    count, gone = asyncio.run(work(load_settings()))
    if not count:
        raise SettingsError(f"nothing to reset: no consumer {consumer!r} with that topic; see `silkstream ledger show`")
    out.print(
        f"{consumer}: {count} partitions begin again; retention took {gone:,} records that were never processed; "
        "every later event's sequence leaps by 1,000,000"
    )


bridge_app = typer.Typer(help="Carry ChirpStack's events from MQTT into the raw log.")
app.add_typer(bridge_app, name="bridge")


@bridge_app.callback(invoke_without_command=True)
def bridge_command(context: typer.Context) -> None:
    """Carry ChirpStack's events from MQTT into the raw log."""
    if context.invoked_subcommand is None:
        _run("bridge")


@bridge_app.command("retire")
def bridge_retire(bridge: Annotated[str, typer.Argument(help="The id of a bridge that will not come back.")]) -> None:
    """Say goodbye for a bridge: its word on how far the stream is complete is no longer waited for."""

    async def work(settings: Settings) -> None:
        now_us = clock.now_us()
        tick = ticks.Tick(bridge, now_us, retired=True)
        raw = settings.namespace + topics.RAW
        async with open_sink(settings) as sink:
            await sink.send(tick_records(tick, raw, partitions=settings.topics.partitions, now_us=now_us))

    asyncio.run(work(load_settings()))
    out.print(f"bridge {bridge} is retired")


@app.command("run")
def run_command(
    stage: Annotated[list[str] | None, typer.Option(help="Only these stages; else all that are configured.")] = None,
) -> None:
    """Run every stage that is configured as its own supervised process."""
    settings = load_settings()
    configure_logs(settings.log_level)
    stages = installed_stages()
    if unknown := sorted(set(stage or ()) - stages.keys()):
        raise SettingsError(f"--stage {unknown[0]}: no such stage; installed: {', '.join(stages)}")
    chosen = [stages[name] for name in stages if name in stage] if stage else [*configured_stages(settings).values()]

    async def work() -> int:
        base = settings.http.port
        ports = [base + number for number in range(len(chosen))] if base else free_ports(len(chosen))
        supervisor = Supervisor(chosen, {}, ports=ports)
        for child in supervisor.children:
            out.print(f"{child.stage.name:<20} http://{settings.http.host}:{child.port}/metrics")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, supervisor.stop)
        return await supervisor.run()

    raise typer.Exit(asyncio.run(work()))


@app.command("watch")
def watch_command(
    topic: Annotated[str, typer.Argument(help="A topic, with its namespace.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes.")] = False,
) -> None:
    """Print the records of a topic from its beginning: CloudEvents as they are, frames and readings as JSON."""
    settings = load_settings()

    async def work() -> None:
        async with open_log(settings) as log:
            async for record in records_of(log, topic, partitions=settings.topics.partitions, follow=follow):
                out.print(shown(record), soft_wrap=True)

    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        raise typer.Exit from None


def _run(name: str) -> None:
    stage = installed_stages()[name]
    raise typer.Exit(run_stage(stage, load_settings()))


def _add_installed_commands() -> None:
    for stage in installed_stages().values():
        if stage.name != "bridge":
            app.command(stage.name, help=stage.about)(_command_of(stage.name))
    for name, commands in installed_commands().items():
        app.add_typer(commands, name=name)


def _command_of(name: str) -> Callable[[], None]:
    return lambda: _run(name)


def main() -> None:
    """The console script `silkstream`."""
    try:
        check_packages()
        _add_installed_commands()
        app()
    except (SettingsError, RegistryError) as mistake:
        sys.stderr.write(f"silkstream: {mistake}\n")
        sys.exit(EXIT_SETTINGS)
    except Transient as away:
        sys.stderr.write(f"silkstream: {away}\n")
        sys.exit(EXIT_STALLED)


if __name__ == "__main__":
    main()
