"""What the stack asks of each of its servers."""

from __future__ import annotations

from typing import Protocol


class NotReadyError(Exception):
    """The server does not answer yet; the text says what it said instead."""


class Server(Protocol):
    """One local server. `start` may follow any end of it, also a `kill -9`."""

    name: str
    port: int

    @property
    def address(self) -> str:
        """What a client is told."""

    def pid(self) -> int | None:
        """The running server's process, if this stack started it."""

    def prepare(self) -> None:
        """Fetch it and write its configuration; quick when that is done."""

    def start(self) -> None:
        """Start it; returns before it answers."""

    def probe(self) -> None:
        """Use it once as a client does.

        Raises:
            NotReadyError: it did not answer, or not as it should.
        """

    def stop(self, *, kill: bool) -> None:
        """End it in good order, or with `kill` at once with all its processes, as a power cut would."""

    def why(self) -> str:
        """The end of its log."""
