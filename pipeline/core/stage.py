"""What a stage is to the command line: a name, a sentence, and something to run.

Stages register under the entry-point group `silkstream.stages`, so the command line starts the topologies
without importing them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from pipeline.core.cloudevents import Publication
from pipeline.core.health import Progress
from pipeline.core.metrics import StageMetrics
from pipeline.core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a running stage is handed."""

    settings: Settings
    metrics: StageMetrics
    registry: CollectorRegistry
    progress: Progress
    stop: asyncio.Event
    """Set when the stage should finish its batch and return."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One long-running process."""

    name: str
    about: str
    run: Callable[[Context], Awaitable[None]]
    """Returns after `stop`; raises `Transient` where the other side is away and it should be run again."""
    order: int = 50
    """Position on the frame's way; `silkstream run` starts and lists stages in this order."""
    publishes: tuple[Publication, ...] = ()
    """The CloudEvents that it has to tell, by topic; what is not named here is not in the contract."""
    configured: Callable[[Settings], bool] = lambda _: True
    """Whether there is anything to do for it with these settings; where not, it is left out. Asked for by its name, a
    stage that is not configured says what is missing instead."""
