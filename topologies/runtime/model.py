"""What a topology is made of: inputs, facts, what is shown now, and the functions between them.

A fact keeps its input beside its result. That is why late data and corrected sites are no special case: the facts
behind them are folded again from their own inputs, and the result is a function of the inputs alone, whatever the
order or the batches they came in. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from pipeline.city.model import Maintenance
from pipeline.core import topics
from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from pipeline.core.topics import INTERNAL, PERSONAL
from schemas.silkstream.v1.reading_view_pb2 import ReadingView
from topologies.runtime.alarms import Alarms


class Place(NamedTuple):
    """A site as a device served it at some time."""

    site: str
    name: str
    group: str
    attributes: Mapping[str, Any]
    since_us: int
    """Begin of the assignment: state and alerts belong to one assignment."""
    until_us: int | None
    """Its end; None while nobody has named one."""
    site_class: str = ""
    """Whose data it yields: `open`, `internal`, `personal`; empty: as usual in its family."""


class Message(Protocol):
    """What a topology is handed: a `ReadingView`, or a `Frame`; times in microseconds since 1970."""

    event_id: bytes
    dev_eui: str
    observed_at_us: int
    raw_offset: int

    @classmethod
    def FromString(cls, s: bytes) -> Self:  # noqa: N802  # protobuf's name
        """Parse it."""
        ...


class Input(Protocol):
    """What a topology keeps of one sample: a NamedTuple that begins so."""

    @property
    def device(self) -> DevEui:
        """Whose."""
        ...

    @property
    def observed_at_us(self) -> int:
        """When it was measured."""
        ...

    @property
    def event_id(self) -> Id:
        """The event it came with."""
        ...


class Fact(Input, Protocol):
    """An input with what follows from it, and all that the next fact needs to know of the past."""


class Opened(NamedTuple):
    """Why an alert was opened."""

    value: float | None
    limit: float | None
    message_de: str
    message_en: str


class Mark(NamedTuple):
    """What derive has to recompute."""

    what: str
    subject: str
    bucket_us: int | None = None
    """Begin of the stretch of time that it concerns; None = the state now."""
    onward: bool = False
    """It concerns everything from there on: of several of a subject the earliest says all."""

    @property
    def order(self) -> tuple[str, str, int]:
        """In which marks are written."""
        return self.what, self.subject, self.bucket_us or 0


I = TypeVar("I", bound=Input)  # noqa: E741  # Input, Fact, Shown: the three letters that a topology is made of
F = TypeVar("F", bound=Fact)
S = TypeVar("S")


class Logic(Protocol[I, F, S]):
    """The reasoning of one topology; pure."""

    def read(self, message: Any, /) -> Sequence[I]:
        """What concerns this topology, of a message of its topic; empty where it does not speak of it."""
        ...

    def step(self, before: F | None, given: I, place: Place | None) -> F:
        """The fact that follows from the one before it (None: the first of its assignment) and the input."""
        ...

    def given(self, fact: F) -> I:
        """The input that a fact keeps."""
        ...

    def deadline_us(self, fact: F) -> int | tuple[int, ...] | None:
        """When time alone changes what is shown, if no other fact comes; several where it does so several times."""
        ...

    def show(self, fact: F, place: Place | None, as_of_us: int | None) -> S:
        """What is so now.

        Args:
            fact: the newest one.
            place: what the device serves now, None where the fact's assignment has ended.
            as_of_us: up to when everything was handed over; None while no tick has come.
        """
        ...

    def marks(self, before: S | None, after: S) -> Collection[Mark]:
        """What has to be recomputed elsewhere since this changed."""
        ...

    def marks_of(self, before: F | None, after: F) -> Collection[Mark]:
        """What has to be recomputed elsewhere since a fact is new (`before` is None), or another than it was."""
        ...

    def alarms(self, fact: F) -> Alarms:
        """The conditions that are on or have just ended; one may be still to come, if nothing else comes before it."""
        ...

    def opened(self, rule: Rule, fact: F, place: Place) -> Opened:
        """What an alert says for whose opening this fact was the last one."""
        ...


class Rule(NamedTuple):
    """What all alerts of one kind have in common."""

    name: str
    severity: str
    topic: str
    """Where its events go, without the namespace."""
    personal_topic: str | None = None
    """Where they go about a site that is somebody's own; None: they are told to nobody."""
    usual_class: str = INTERNAL
    """Of alerts about a site that does not say whose data it yields."""

    def class_at(self, site_class: str) -> str:
        """`internal` or `personal`, for a site of a class."""
        return PERSONAL if (site_class or self.usual_class) == PERSONAL else INTERNAL

    def topic_of(self, alert_class: str) -> str | None:
        """Where events of an alert of a class go."""
        return self.personal_topic if alert_class == PERSONAL else self.topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings(Generic[I, F, S]):
    """What a logic looks up beside inputs and places: values that others write, who ask to recompute when they do.

    It has to be a function of the set of values, so that it does not matter when each came.
    """

    queries: tuple[str, ...]
    """Names of queries, whose rows it is made of. They may leave out what is older than `from`."""
    bind: Callable[[Mapping[str, Sequence[Sequence[Any]]]], Logic[I, F, S]]
    """The logic among what these queries found."""
    reach_us: int
    """How far before a measurement what it looks up may lie, where it is loaded by `from`."""


def stage_name(topology: str) -> str:
    """What the stage of a topology is called, its group and its ledger."""
    return f"topology-{topology}"


class Table(NamedTuple):
    """A table that a topology's rows are written to, whole."""

    name: str
    columns: tuple[str, ...]
    """In the order of the fields; the first three are `device`, `observed_at`, `event_id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology(Generic[I, F, S]):
    """A logic, and how its facts and rows are written."""

    name: str
    family: str
    """Whose readings it consumes, and whose alerts it raises."""
    logic: Logic[I, F, S]
    queries: Mapping[str, bytes]
    """`load_facts`, `load_now`, `load_recompute`; `delete_recompute` where its requests have a table of their own;
    `store_beside` where something follows from facts."""
    facts: Table
    """One row for each device and time."""
    fact_row: Callable[[F], bytes]
    """A row of COPY's binary format for it."""
    now: Table
    """One row for each device."""
    now_row: Callable[[int, F, S], bytes]
    """A row for it, from the partition, the newest fact and what is shown."""
    read_fact: Callable[[Sequence[Any]], F]
    """A fact from a row of `load_facts`."""
    read_now: Callable[[Sequence[Any]], tuple[F, S]]
    """The newest fact and what is shown, from a row of `load_now`."""
    beside: Callable[[Sequence[F]], Mapping[str, Any]] | None = None
    """What else follows from new and changed facts, as the parameters of `store_beside`."""
    rules: tuple[Rule, ...] = ()
    """In the order in which they are told where several open at once."""
    maintenance: Maintenance = field(default_factory=Maintenance)
    surroundings: Surroundings[I, F, S] | None = None
    topic: str = ""
    """What it consumes, without the namespace; empty: the readings of its family."""
    message: type[Message] = ReadingView
    """What is in that topic."""
    late_hours: int = 48
    """How much older than its device's newest fact a reading may be."""

    @property
    def stage(self) -> str:
        """The name of its stage, group and ledger."""
        return stage_name(self.name)

    @property
    def consumes(self) -> str:
        """Its topic, without the namespace."""
        return self.topic or topics.readings(self.family)
