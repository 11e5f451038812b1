"""Makes a stage of a topology.

Faust is imported when the stage is run, not when the command line lists it: that costs a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pipeline.core.cloudevents import Publication
from pipeline.core.settings import Settings
from pipeline.core.stage import Context, Stage
from topologies.runtime.model import Topology, stage_name

ORDER: Final = 40


def stage_of(
    name: str,
    about: str,
    build: Callable[[Settings], Topology[Any, Any, Any]],
    *,
    publishes: tuple[Publication, ...] = (),
) -> Stage:
    """The stage `topology-<name>`, with the events that it has to tell."""

    async def run(context: Context) -> None:
        from topologies.runtime.service import run_topology  # noqa: PLC0415  # see the module's docstring

        await run_topology(build(context.settings), context)

    return Stage(name=stage_name(name), about=about, run=run, order=ORDER, publishes=publishes)
