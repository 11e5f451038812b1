"""Where one local stack keeps its things, and which ports it listens on.

Everything follows from one number, so that two stacks never meet and a person can work out an address by heart.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
HIGHEST_STACK = 9
EXIT_SETTING = 78
"""Exit status for a setting that cannot work (`EX_CONFIG` of sysexits.h)."""


class StackError(Exception):
    """A sentence for the person at the terminal; `exit_status` is what the command ends with."""

    def __init__(self, sentence: str, *, exit_status: int = 1) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders and ports of stack `number` (0 to 9)."""

    number: int
    root: Path
    """The folder of all stacks, by default `.stack` in the repository."""

    @property
    def folder(self) -> Path:
        """All that this stack keeps."""
        return self.root / str(self.number)

    @property
    def cache(self) -> Path:
        """Downloads, shared by all stacks."""
        return self.root / "cache"

    @property
    def logs(self) -> Path:
        """One file for each server."""
        return self.folder / "log"

    @property
    def pid_files(self) -> Path:
        """One file for each server that was started."""
        return self.folder / "run"

    @property
    def base_port(self) -> int:
        """The first of the stack's hundred ports; +0 to +31 are for the metrics of silkstream's processes."""
        return 19000 + 100 * self.number

    @property
    def second_port(self) -> int:
        """The first of those for a second system on the same stack, a replay for instance; +40 to +71."""
        return self.base_port + 40

    @property
    def postgresql_port(self) -> int:
        """PostgreSQL."""
        return self.base_port + 32

    @property
    def mqtt_port(self) -> int:
        """Mosquitto."""
        return self.base_port + 83

    @property
    def kafka_port(self) -> int:
        """Kafka, for clients."""
        return self.base_port + 92

    @property
    def kafka_controller_port(self) -> int:
        """Kafka's controller, which only the broker speaks to."""
        return self.base_port + 93

    @property
    def database_url(self) -> str:
        """The stack's database, as its owner."""
        return f"postgresql://silkstream@{HOST}:{self.postgresql_port}/silkstream"

    def environment(self) -> dict[str, str]:
        """The settings by which silkstream's processes find this stack."""
        return {
            "SILKSTREAM_KAFKA_BOOTSTRAP": f"{HOST}:{self.kafka_port}",
            "SILKSTREAM_DATABASE_URL": self.database_url,
            "SILKSTREAM_MQTT_HOST": HOST,
            "SILKSTREAM_MQTT_PORT": str(self.mqtt_port),
        }


def chosen(number: str | None = None) -> Layout:
    """The layout for `number`, else for the environment variable `STACK`, else for stack 0.

    Raises:
        StackError: it is not an integer from 0 to 9.
    """
    given = number if number is not None else os.environ.get("STACK") or "0"
    if not (given.isdecimal() and given.isascii() and int(given) <= HIGHEST_STACK):
        raise StackError(
            f"STACK is {given!r}, but a stack is a number from 0 to {HIGHEST_STACK}.", exit_status=EXIT_SETTING
        )
    root = os.environ.get("SILKSTREAM_STACK_ROOT")
    return Layout(number=int(given), root=Path(root).resolve() if root else REPOSITORY / ".stack")
