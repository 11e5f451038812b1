"""The container topology: its logic, its tables, its stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pipeline.core import topics
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.container.logic import ContainerLogic, Level, Measurement, Now
from topologies.runtime import alert_events, rows
from topologies.runtime.model import Rule, Topology
from topologies.runtime.rows import flag, number, text, texts
from topologies.runtime.stage import stage_of

NAME: Final = "container"
RULE: Final = Rule("container_full", "warning", topics.alerts("container"))


def build(settings: Settings) -> Topology[Measurement, Level, Now]:
    """The topology with an installation's limits."""
    return Topology(
        name=NAME,
        family="container",
        logic=ContainerLogic(
            full_ratio=settings.topology.container_full_ratio,
            resolved_ratio=settings.topology.container_resolved_ratio,
        ),
        queries=load_queries("topologies.container"),
        fact_line=fact_line,
        now_line=now_line,
        read_fact=read_fact,
        read_now=read_now,
        rule=RULE,
    )


def fact_line(fact: Level) -> str:
    """A level for `stage_facts`."""
    return (
        f"{fact.device}\t{fact.observed_at_us}\t{fact.event_id.hex()}\t{number(fact.distance_metres)}\t"
        f"{flag(fact.tilted)}\t{text(fact.site)}\t{number(fact.fill_ratio)}\t{flag(fact.is_full)}\t"
        f"{number(fact.since_us)}\t{texts(fact.flags)}\n"
    )


def now_line(partition: int, fact: Level, shown: Now) -> str:
    """A container for `stage_now`."""
    return (
        f"{fact.device}\t{partition}\t{fact.observed_at_us}\t{fact.event_id.hex()}\t{text(shown.site)}\t"
        f"{number(shown.fill_ratio)}\t{number(shown.distance_metres)}\t{flag(shown.tilted)}\t{flag(shown.is_full)}\t"
        f"{number(shown.since_us)}\n"
    )


def read_fact(row: Sequence[Any]) -> Level:
    """A level from a row."""
    device, observed_at, event_id, distance, tilted, site, fill, is_full, since, flags = row[:10]
    return Level(
        DevEui(device),
        rows.known_us(observed_at),
        rows.identity(event_id),
        distance,
        tilted,
        site,
        fill,
        is_full,
        rows.time_us(since),
        rows.names(flags),
    )


def read_now(row: Sequence[Any]) -> tuple[Level, Now]:
    """The newest level and what is shown, from a row."""
    site, fill, distance, tilted, is_full, since = row[10:16]
    return read_fact(row), Now(site, fill, distance, tilted, is_full, rows.time_us(since))


STAGE: Final = stage_of(
    NAME,
    "Fill levels of containers and their alerts.",
    build,
    publishes=(alert_events.publication(RULE.topic),),
)
