"""On what was measured. Neither names nor paths of the machine: they say nothing to a reader."""

from __future__ import annotations

import os
import platform
import re
import timeit
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import paho.mqtt.subscribe
import psycopg

from infra.local.layout import REPOSITORY
from pipeline.core.settings import Settings

_LIBRARIES = ("aiokafka", "faust-streaming", "msgspec", "paho-mqtt", "protobuf", "psycopg")
_ADDITIONS = 1_000_000


def described(settings: Settings) -> Mapping[str, str]:
    """Processor, versions and how busy the machine was before."""
    load = ", ".join(f"{minutes:.1f}" for minutes in os.getloadavg())
    return {
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores for servers, stages and measuring together",
        "load average before": load,
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
        "Apache Kafka": f"{_kafka()} (one node)",
        **_database(settings),
        "Mosquitto": _mosquitto(settings),
    }


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _kafka() -> str:
    pom = (REPOSITORY / "infra/local/kafka/pom.xml").read_text()
    found = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([^<]+)</version>", pom)
    return found[1] if found else "unknown"


def _database(settings: Settings) -> dict[str, str]:
    with psycopg.connect(settings.database.url) as connection:
        (server,) = connection.execute("SHOW server_version").fetchone() or ("unknown",)
        extension = connection.execute(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'"
        ).fetchone()
    return {"PostgreSQL": server.split()[0], "TimescaleDB": extension[0] if extension else "unknown"}


def _mosquitto(settings: Settings) -> str:
    simple: Any = paho.mqtt.subscribe.simple
    message = simple("$SYS/broker/version", hostname=settings.mqtt.host, port=settings.mqtt.port)
    return str(message.payload.decode().removeprefix("mosquitto version "))


def peak_bytes(pid: int | None = None) -> int:
    """The most memory that a process (default: this one) has had resident."""
    status = Path(f"/proc/{pid or 'self'}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def addition_ns() -> float:
    """How long an addition in a bare loop takes this Python now: what the machine is worth at this moment."""
    return 1e9 * min(timeit.repeat("total += 1", "total = 0", number=_ADDITIONS, repeat=5)) / _ADDITIONS


def queued_seconds() -> float:
    """How long this process's main thread was ready to run and had no core."""
    return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
