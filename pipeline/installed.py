"""What is installed: the stages and commands that entry points name, and the topics of the decoders' families."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Final

import typer

from decoders.registry import load
from pipeline.core import topics
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.core.stage import Stage

GROUP: Final = "silkstream.stages"
COMMANDS: Final = "silkstream.commands"


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
        stage = _imported("stage", entry)
        if not isinstance(stage, Stage) or stage.name != entry.name:
            raise SettingsError(f"entry point {entry.name} of group {GROUP} is no stage of that name")
        found.append(stage)
    return {stage.name: stage for stage in sorted(found, key=lambda stage: (stage.order, stage.name))}


def configured_stages(settings: Settings) -> dict[str, Stage]:
    """The installed stages that have something to do with these settings."""
    return {name: stage for name, stage in installed_stages().items() if stage.configured(settings)}


def installed_commands() -> dict[str, typer.Typer]:
    """Groups of commands that stand above this package: `silkstream alerts`.

    Raises:
        SettingsError: an entry cannot be imported or is no group of commands.
    """
    found: dict[str, typer.Typer] = {}
    for entry in entry_points(group=COMMANDS):
        commands = _imported("command", entry)
        if not isinstance(commands, typer.Typer):
            raise SettingsError(f"entry point {entry.name} of group {COMMANDS} is no group of commands")
        found[entry.name] = commands
    return dict(sorted(found.items()))


def declared_topics(settings: Settings) -> tuple[topics.Topic, ...]:
    """All topics of this installation."""
    return topics.declared(
        {decoder.family for decoder in load().values()},
        partitions=settings.topics.partitions,
        raw_retention_days=settings.topics.raw_retention_days,
        namespace=settings.namespace,
    )


def _imported(what: str, entry: EntryPoint) -> object:
    try:
        return entry.load()
    except Exception as broken:
        package = entry.dist.name if entry.dist else "?"
        raise SettingsError(f"{what} {entry.name} of {package} cannot be imported: {broken}") from broken
