"""`silkstream demo`: plays the last 24 hours of a city through the whole system, and settles the account.

It works in a namespace of its own, which it empties first, so that it disturbs nothing and can be run again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Final

import aiohttp
import typer
from rich.console import Console
from rich.live import Live

from decoders.registry import load as load_decoders
from pipeline.core.channels import Notify
from pipeline.core.errors import EXIT_BUG, SettingsError
from pipeline.core.logs import configure_logs
from pipeline.core.settings import Settings
from pipeline.core.settings import load as load_settings
from pipeline.database.connection import Connection, connected
from pipeline.database.migrate import drop, migrate
from pipeline.demo.account import account, table
from pipeline.demo.look import View, ask, look, unfinished
from pipeline.demo.rules import city_file
from pipeline.demo.screen import line, screen
from pipeline.demo.story import tell_city, tell_frame
from pipeline.installed import configured_stages, declared_topics
from pipeline.kafka.consumer import KafkaLog, open_log
from pipeline.kafka.provision import delete_topics, provision
from pipeline.registry.change import importing
from pipeline.registry.sites import parse_sites
from pipeline.registry.store import change
from pipeline.simulator.city import CityPlan
from pipeline.simulator.ledger import Ledger
from pipeline.simulator.publish import simulate
from pipeline.simulator.sites import sites_csv
from pipeline.supervisor import Supervisor, free_ports

NAMESPACE: Final = "demo."
BRIDGE: Final = "demo"
KILLED: Final = ("decode", "store")
_PATIENCE_SECONDS: Final = 240.0


def demo_command(
    *,
    hours: Annotated[float, typer.Option(help="How long a piece of the city's time to play, ending now.")] = 24.0,
    seed: Annotated[str, typer.Option(help="Another seed is another day.")] = "krefeld",
) -> None:
    """Play a simulated day through every stage, kill two of them halfway, and settle the account.

    Needs the servers that `make up` starts. Exit status 0 only if nothing was lost and nothing counted twice.
    """
    settings = load_settings().model_copy(update={"namespace": NAMESPACE})
    configure_logs("ERROR")
    plan = CityPlan(
        seed=seed,
        start=datetime.now(UTC) - timedelta(hours=hours),
        duration=timedelta(hours=hours),
        encoding="both",
        bridges=(BRIDGE,),
        tick_seconds=60,
        join_at_start=True,
        dead_device_share=0.005,
        gateway_outages_per_day=0.1,
    )
    raise typer.Exit(asyncio.run(Demo(settings, plan).run()))


class Demo:
    """One run."""

    def __init__(self, settings: Settings, plan: CityPlan) -> None:
        self._settings = settings
        self._plan = plan
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = 120
        self._published = 0
        self._note = ""
        self._said = ""
        self._rates: dict[str, float] = {}
        self._before: tuple[float, dict[str, float]] = (time.monotonic(), {})
        # Nobody is to be told of a simulated city, whatever channels this installation has.
        stages = list(configured_stages(settings.model_copy(update={"notify": Notify()})).values())
        self._logs = Path(mkdtemp(prefix="silkstream-demo-"))
        self._city = self._logs / "city.toml"
        self._city.write_text(city_file(plan))
        self._supervisor = Supervisor(stages, self._environment(), ports=free_ports(len(stages)), logs=self._logs)

    def _environment(self) -> dict[str, str]:
        return {
            "SILKSTREAM_NAMESPACE": NAMESPACE,
            "SILKSTREAM_BRIDGE_ID": BRIDGE,
            "SILKSTREAM_BRIDGE_TICKS": "stream",
            "SILKSTREAM_LOG_LEVEL": "ERROR",
            "SILKSTREAM_DERIVE_LONGEST_REST_SECONDS": "1",
            "SILKSTREAM_TOPOLOGY_CITY": str(self._city),
        }

    async def run(self) -> int:
        """Prepare, play, wait, tell; returns the exit status."""
        say = self._console.print
        started = time.monotonic()
        say("[bold]topics, database, sites[/bold] … ", end="")
        await self._prepare()
        say(f"ready after {time.monotonic() - started:.0f} s")
        settings = self._settings
        async with (
            connected(settings, "demo") as connection,
            open_log(settings) as log,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
            self._supervised() as supervised,
        ):
            await self._wait_until_alive(session, supervised)
            ledger = await self._play(session, connection, log, supervised)
            if supervised.done():
                say(f"[bold red]a stage cannot live[/]; what it said is in {self._logs}")
                return supervised.result() or EXIT_BUG
            found = await account(settings, ledger, log, connection)
            # Its times stand beside sentences, which tell legal time. A zone that is none has stopped derive by now.
            await ask(connection, "legal_time", zone=settings.derive.time_zone)
            now = datetime.now(UTC)
            await tell_city(self._console, connection, now)
            await tell_frame(self._console, settings, log, connection)
        self._console.rule("the account")
        say(table(found))
        verdict = "[bold green]The ledger is even.[/]" if found.is_even else "[bold red]The ledger is NOT even.[/]"
        say(f"\n{verdict} {time.monotonic() - started:.0f} s in all.\n")
        self._farewell()
        return 0 if found.is_even else 1

    async def _prepare(self) -> None:
        settings = self._settings
        declared = declared_topics(settings)
        await delete_topics(settings, [topic.name for topic in declared])
        await provision(settings, declared)
        await drop(settings)
        await migrate(settings, load_decoders().values())
        lines = parse_sites(sites_csv(self._plan), default_from=self._plan.start - timedelta(days=1))
        async with connected(settings, "demo") as connection:
            await change(connection, lambda state: importing(state, lines))

    @asynccontextmanager
    async def _supervised(self) -> AsyncIterator[asyncio.Task[int]]:
        task = asyncio.create_task(self._supervisor.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._supervisor.stop)
        try:
            yield task
        finally:
            self._supervisor.stop()
            with suppress(asyncio.CancelledError):
                await task

    async def _wait_until_alive(self, session: aiohttp.ClientSession, supervised: asyncio.Task[int]) -> None:
        """The bridge must have its session before the first message: a broker keeps nothing for strangers."""
        for child in self._supervisor.children:
            while not supervised.done():
                try:
                    async with session.get(f"http://127.0.0.1:{child.port}/readyz") as answer:
                        if answer.status == 200 or child.stage.name != "bridge":  # HTTP OK
                            break
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.1)

    async def _play(
        self, session: aiohttp.ClientSession, connection: Connection, log: KafkaLog, supervised: asyncio.Task[int]
    ) -> Ledger:
        settings = self._settings
        stop = asyncio.Event()

        def progress(published: int) -> None:
            self._published = published

        city = asyncio.create_task(
            simulate(
                self._plan,
                host=settings.mqtt.host,
                port=settings.mqtt.port,
                ledger_path=None,
                speed=0,
                max_rate=None,
                stop=stop,
                progress=progress,
            )
        )
        planned = round(self._plan.duration / timedelta(hours=24) * 78_000)
        killed = False
        deadline = None
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while not supervised.done():
                view = await look(self._supervisor.children, session, connection)
                self._measure(view)
                if live.is_started and self._console.is_terminal:
                    live.update(
                        screen(view, published=self._published, planned=planned, rates=self._rates, note=self._note),
                        refresh=True,
                    )
                else:
                    said, self._said = self._said, self._note
                    note = self._note if self._note != said else ""
                    self._console.print(line(view, published=self._published, note=note), soft_wrap=True)
                if not killed and self._published > planned / 2:
                    killed = True
                    self._kill()
                if city.done():
                    deadline = deadline or time.monotonic() + _PATIENCE_SECONDS
                    waiting = await unfinished(settings, log, connection)
                    self._note = f"the day is played; waiting for {waiting}"
                    if not waiting:
                        break
                    if time.monotonic() > deadline:
                        raise SettingsError(
                            f"after {_PATIENCE_SECONDS:.0f} s the demo still waits for {waiting}; what the stages "
                            f"said is in {self._logs}"
                        )
                await asyncio.sleep(0.5 if self._console.is_terminal else 3)
        stop.set()
        return await city

    def _kill(self) -> None:
        """Kill two stages the hard way, in the middle of their work."""
        words = []
        for child in self._supervisor.children:
            if child.stage.name in KILLED and child.pid is not None:
                words.append(f"{child.stage.name} (pid {child.pid})")
                os.kill(child.pid, signal.SIGKILL)
        self._note = f"kill -9 {' and '.join(words)}: they come back and go on where they were"
        self._console.print(f"[bold red]{self._note}[/]")
        self._said = self._note

    def _measure(self, view: View) -> None:
        before_at, before = self._before
        now = time.monotonic()
        received = {stage.name: stage.received for stage in view.stages}
        self._rates = {
            name: max(count - before.get(name, 0.0), 0.0) / (now - before_at) for name, count in received.items()
        }
        self._before = (now, received)

    def _farewell(self) -> None:
        self._console.print(
            "The servers stay up. To look further:\n"
            "  make psql                                          then: SET search_path = demo, public;\n"
            "                                                     and: TABLE parking_zone;\n"
            f"  make watch TOPIC={NAMESPACE}alerts.container.v1         the alerts, from the first one on\n"
            f"  make run NAMESPACE={NAMESPACE}                           the stages again, each with a /metrics page\n"
            "  make down                                          stops the servers",
            soft_wrap=True,
        )
