"""Runs one stage as its own process, exactly as the service does, until it has done so many records.

    python -m tests.benchmark.stage NAME RECORDS [--profile]

The settings come from the environment. The metrics note when each batch was finished; the rate counts from the end of
the first one to the end of the last one. Prints one line of JSON.
"""

from __future__ import annotations

import cProfile
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import orjson

from pipeline import service
from pipeline.core.metrics import StageMetrics
from pipeline.core.settings import load
from pipeline.core.topics import RAW
from pipeline.installed import installed_stages
from tests.benchmark.hotspots import sentence_of
from tests.benchmark.machine import peak_bytes, queued_seconds


class Notes:
    """When the first batch was finished, and what was done since."""

    def __init__(self, records: int, profile: cProfile.Profile | None) -> None:
        self._left = records
        self._profile = profile
        self._began: tuple[float, float, float] | None = None
        self._counted = 0
        self._rows = 0.0

    def finished(self, records: int, rows: float) -> None:
        """A batch was finished; at the last one, tell and stop."""
        self._left -= records
        now = (time.perf_counter(), time.process_time(), queued_seconds())
        if self._began is None:
            self._began, self._rows = now, rows
            if self._profile is not None:
                self._profile.enable()
        else:
            self._counted += records
        if self._left <= 0:
            if self._profile is not None:
                self._profile.disable()
            answer: dict[str, Any] = {
                "records": self._counted,
                "wall_seconds": now[0] - self._began[0],
                "cpu_seconds": now[1] - self._began[1],
                "queued_seconds": now[2] - self._began[2],
                "peak_bytes": peak_bytes(),
                "rows": rows - self._rows,
                "profile": sentence_of(self._profile) if self._profile is not None else "",
            }
            sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGTERM)


def noting(notes: Notes, stage: str) -> type[StageMetrics]:
    """Metrics that note finished batches: of the bridge's what was acknowledged, of the others what was committed."""

    class NotingMetrics(StageMetrics):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self._rows = 0

        def observe_batch(self, *, events: int, started: float) -> None:
            super().observe_batch(events=events, started=started)
            if stage != "bridge":
                notes.finished(events, self._rows)

        def add_sent(self, to: str, count: int = 1) -> None:
            super().add_sent(to, count)
            if to in {"database", "facts"}:
                self._rows += count
            if stage == "bridge" and to == RAW:
                notes.finished(count, 0)

    return NotingMetrics


def main(arguments: Sequence[str]) -> int:
    """Run the stage."""
    name, records, *options = arguments
    stage = installed_stages()[name]
    profile = cProfile.Profile() if "--profile" in options else None
    with patch.object(service, "StageMetrics", noting(Notes(int(records), profile), name)):
        return service.run_stage(stage, load())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
