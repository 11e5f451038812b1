"""What derive does over and over: a derivation takes its marks and recomputes what they name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from pipeline.core.cloudevents import Publication
from pipeline.core.settings import Settings


class Done(NamedTuple):
    """What became of marks."""

    marks: int = 0
    beyond_retention: int = 0
    """Of them those whose facts are not whole any more, and so were not recomputed."""
    more: bool = False
    """There may be others: it is asked again without a rest, as it also is after `derive.batch_marks`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """One kind of result across devices or over time."""

    name: str
    """As which it is counted in `silkstream_sent_events_total`."""
    run: Callable[[psycopg.AsyncConnection[Any], Settings], Awaitable[Done]]
    """One transaction on a connection in autocommit: marks first, facts second."""
    publishes: tuple[Publication, ...] = ()
    rest_seconds: float = 0.0
    """How long it may leave its marks while other derivations have theirs."""
