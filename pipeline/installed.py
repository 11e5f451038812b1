"""What is installed: the stages that entry points name, and the topics that the decoders' families need."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

from decoders.registry import load
from pipeline.core import topics
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.core.stage import Stage

GROUP: Final = "silkstream.stages"


def installed_stages(*, of: str = "") -> dict[str, Stage]:
    """Every installed stage by name, in the order of a frame's way.

    Args:
        of: only those of this distribution.

    Raises:
        SettingsError: an entry cannot be imported or is no stage.
    """
    found: list[Stage] = []
    for entry in entry_points(group=GROUP):
        if of and (entry.dist is None or entry.dist.name != of):
            continue
        try:
            stage = entry.load()
        except Exception as broken:
            package = entry.dist.name if entry.dist else "?"
            raise SettingsError(f"stage {entry.name} of {package} cannot be imported: {broken}") from broken
        if not isinstance(stage, Stage) or stage.name != entry.name:
            raise SettingsError(f"entry point {entry.name} of group {GROUP} is no stage of that name")
        found.append(stage)
    return {stage.name: stage for stage in sorted(found, key=lambda stage: (stage.order, stage.name))}


def declared_topics(settings: Settings) -> tuple[topics.Topic, ...]:
    """All topics of this installation."""
    return topics.declared(
        {decoder.family for decoder in load().values()},
        partitions=settings.topics.partitions,
        raw_retention_days=settings.topics.raw_retention_days,
        namespace=settings.namespace,
    )
