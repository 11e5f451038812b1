"""Starts, stops and asks after the three servers that silkstream needs, without a container engine.

    stack.py [--stack N] up | down [--data] | clean | status | env
    stack.py [--stack N] start NAME | stop NAME [--signal TERM|KILL]
    stack.py [--stack N] psql [ARGUMENT ...]

A stack is a number from 0 to 9 (`--stack`, else the variable STACK, else 0) and owns a folder and a hundred ports, so
that tests do not disturb a running demonstration.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Run as a script, Python looks beside this file first; the repository is meant.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from infra.local.downloads import remove  # noqa: E402  # needs the path set above
from infra.local.kafka_server import KafkaServer  # noqa: E402  # as above
from infra.local.layout import HOST, Layout, StackError, chosen  # noqa: E402  # as above
from infra.local.mosquitto_server import MosquittoServer  # noqa: E402  # as above
from infra.local.postgresql_server import PostgresqlServer  # noqa: E402  # as above
from infra.local.process import only_one  # noqa: E402  # as above
from infra.local.server import NotReadyError, Server  # noqa: E402  # as above

READY_SECONDS = 120.0
RETRY_SECONDS = 0.1
EXIT_NOT_RUNNING = 3
NAMES = (KafkaServer.name, PostgresqlServer.name, MosquittoServer.name)


def servers_of(layout: Layout) -> dict[str, Server]:
    """The stack's servers by name."""
    servers: tuple[Server, ...] = (KafkaServer(layout), PostgresqlServer(layout), MosquittoServer(layout))
    return {server.name: server for server in servers}


def bring_up(server: Server) -> str:
    """Start `server` if it does not run and wait until it answers; returns one line about it."""
    began = time.monotonic()
    running = server.pid() is not None
    if not running:
        _refuse_a_taken_port(server)
        server.prepare()
        server.start()
    _wait_until_ready(server)
    what = "already running" if running else "started"
    return f"{server.name:<12} {server.address:<52} {what}, answers ({time.monotonic() - began:.1f} s)"


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            server.probe()
        except NotReadyError as answer:
            if server.pid() is None:
                raise StackError(f"{server.name} ended instead of starting. Its log ends:\n{server.why()}") from answer
            if time.monotonic() > deadline:
                late = f"{server.name} does not answer after {READY_SECONDS:.0f} s: {answer}."
                raise StackError(f"{late} Its log ends:\n{server.why()}") from answer
            time.sleep(RETRY_SECONDS)
        else:
            return


def _refuse_a_taken_port(server: Server) -> None:
    with socket.socket() as probe:
        taken = probe.connect_ex((HOST, server.port)) == 0
    if taken:
        raise StackError(
            f"Port {server.port} for {server.name} is taken by a process that this stack did not start; "
            "end that one or choose another stack by STACK=0 to 9."
        )


def at_once(work: Callable[[Server], str], servers: Sequence[Server]) -> Iterator[str]:
    """Do `work` for all servers at the same time; yields each line, then raises the first error."""
    with ThreadPoolExecutor(max_workers=len(servers)) as pool:
        pending = [pool.submit(work, server) for server in servers]
        failures: list[StackError] = []
        for future in pending:
            try:
                yield future.result()
            except StackError as failure:
                failures.append(failure)
    if failures:
        raise failures[0]


def take_down(server: Server, *, kill: bool = False) -> str:
    """End `server` if this stack runs it; returns one line about it."""
    running = server.pid() is not None
    server.stop(kill=kill)
    return f"{server.name:<12} {'stopped' if running else 'was not running'}"


def status(layout: Layout) -> int:
    """Print a line for each server; the exit status is 0 if all run and 3 otherwise."""
    running = []
    for server in servers_of(layout).values():
        pid = server.pid()
        running.append(pid is not None)
        print(f"{server.name:<12} {server.address:<52} {'stopped' if pid is None else f'running, pid {pid}'}")
    return 0 if all(running) else EXIT_NOT_RUNNING


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(prog="stack.py", description="Kafka, TimescaleDB and Mosquitto on this machine.")
    parser.add_argument("--stack", metavar="N", help="which stack, 0 to 9 (default: the variable STACK, else 0)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start what does not run, wait until all answer, print the addresses")
    down = commands.add_parser("down", help="stop what this stack started")
    down.add_argument("--data", action="store_true", help="and delete its data")
    clean = commands.add_parser("clean", help="down --data")
    clean.add_argument("--downloads", action="store_true", help="and delete the downloads that all stacks share")
    commands.add_parser("status", help="what runs; exit status 3 if something does not")
    commands.add_parser("env", help="the settings for silkstream's processes, one a line")
    start = commands.add_parser("start", help="start one server and wait until it answers")
    start.add_argument("name", choices=NAMES)
    stop = commands.add_parser("stop", help="stop one server")
    stop.add_argument("name", choices=NAMES)
    stop.add_argument("--signal", choices=("TERM", "KILL"), default="TERM", help="KILL is a power cut")
    psql = commands.add_parser("psql", help="open the stack's database", add_help=False, prefix_chars="\0")
    psql.add_argument("rest", nargs="*")
    return parser.parse_args(given)


def execute(wanted: argparse.Namespace) -> int:
    """Do what the command line says; returns the exit status."""
    layout = chosen(wanted.stack)
    servers = servers_of(layout)
    if wanted.command == "env":
        for name, value in layout.environment().items():
            print(f"{name}={value}")
        return 0
    if wanted.command == "status":
        return status(layout)
    if wanted.command == "psql":
        command = PostgresqlServer(layout).psql(wanted.rest)
        os.execvp(command[0], command)  # noqa: S606  # psql takes over the terminal, and no shell is wanted
    with only_one(layout.root / f"{layout.number}.lock"):
        if wanted.command == "up":
            lines = at_once(bring_up, list(servers.values()))
        elif wanted.command == "start":
            lines = at_once(bring_up, [servers[wanted.name]])
        elif wanted.command == "stop":
            kill = wanted.signal == "KILL"
            lines = iter([take_down(servers[wanted.name], kill=kill)])
        else:
            lines = at_once(take_down, list(servers.values()))
        for line in lines:
            print(line, flush=True)
        deleting = wanted.command == "clean" or (wanted.command == "down" and wanted.data)
        if deleting and layout.folder.exists():
            remove(layout.folder)
            print(f"data of stack {layout.number} deleted")
        if wanted.command == "clean" and wanted.downloads and layout.cache.exists():
            remove(layout.cache)
            print("downloads deleted")
    return 0


def main() -> int:
    """Run one command."""
    # A server that does not answer yet is what the probes wait for, not news.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return execute(arguments(sys.argv[1:]))
    except StackError as error:
        print(f"stack: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            print("stack: interrupted; what was started keeps running, `stack.py down` ends it.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
