"""Whether a stage lives and whether it gets on.

Libraries hang in silence (traps of aiokafka and Faust are many), so readiness is not "the process is up" but "there
was nothing to do, or something was done, within a minute"; after five minutes of neither the process ends itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Progress:
    """What the loop last managed; written by the loop, read by /readyz and the watchdog."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moved_at = clock()
        self._waiting_for: str | None = "its start"

    def moved(self) -> None:
        """Something was done, or there was nothing to do."""
        self._moved_at = self._clock()
        self._waiting_for = None

    def waits_for(self, what: str) -> None:
        """Name what the stage waits for: it is in the answer of /readyz."""
        self._waiting_for = what

    @property
    def still_seconds(self) -> float:
        """Since when nothing has moved."""
        return self._clock() - self._moved_at

    def trouble(self, *, limit_seconds: float = 60.0) -> str | None:
        """None where the stage gets on, else a sentence for the operator."""
        if self._waiting_for is not None:
            return f"waiting for {self._waiting_for} ({self.still_seconds:.0f} s)"
        if self.still_seconds > limit_seconds:
            return f"no progress for {self.still_seconds:.0f} s"
        return None
