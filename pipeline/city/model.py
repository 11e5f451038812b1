"""Parameters by family, group, site and time, and maintenance windows; pure.

Which value holds is a function of the place and of the time of the measurement. So a limit that is changed from a
date on leaves history as it is, and a replay judges each reading by the rules of its day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

EVER_US: Final = -1
"""Before every time."""
BUILT_IN: Final = "built in"


class Parameters(BaseModel):
    """What a family's rules are counted with: every field has a default, so that no file is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def contradiction(self) -> str | None:
        """Why these values cannot hold together, in a sentence that begins with a name."""
        return None


P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Some parameters of a family, for all of it, a group or a site, from a time on."""

    family: str
    group: str
    """Empty: of all groups."""
    site: str
    """Empty: of all sites."""
    valid_from_us: int
    values: Mapping[str, Any]
    source: str
    """Which entry of the file it is: `container entry 2`."""

    def concerns(self, group: str, site: str) -> bool:
        """Whether it speaks of such a place."""
        return self.group in ("", group) and self.site in ("", site)

    @property
    def rank(self) -> tuple[int, int]:
        """What comes later beats what comes before: a site its group, a group the family, then the newer the older."""
        return (2 if self.site else 1 if self.group else 0, self.valid_from_us)


class Since(NamedTuple, Generic[P]):
    """Parameters from a time on."""

    from_us: int
    parameters: P


class Timeline(Generic[P]):
    """The parameters of one place over time."""

    __slots__ = ("only", "turns")

    def __init__(self, turns: Sequence[Since[P]]) -> None:
        self.turns = turns
        self.only: P | None = turns[0].parameters if len(turns) == 1 else None
        """Where they never change."""

    def at(self, at_us: int) -> P:
        """Those that hold at a time."""
        if self.only is not None:
            return self.only
        found = self.turns[0].parameters
        for turn in self.turns:
            if turn.from_us > at_us:
                break
            found = turn.parameters
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A maintenance window: what goes wrong there until its end is told to nobody."""

    group: str
    site: str
    from_us: int
    until_us: int
    reason: str


class Maintenance:
    """All maintenance windows."""

    def __init__(self, works: Sequence[Work] = ()) -> None:
        self.works = sorted(works, key=lambda work: work.from_us)

    def __bool__(self) -> bool:
        return bool(self.works)

    def after(self, group: str, site: str, at_us: int) -> int:
        """The first time from one on that is in none of the place's windows."""
        for work in self.works:
            mine = work.site == site if work.site else work.group == group
            if mine and work.from_us <= at_us < work.until_us:
                at_us = work.until_us
        return at_us


class City:
    """Everything that a city file says, over what is built in."""

    def __init__(
        self,
        entries: Sequence[Entry] = (),
        *,
        maintenance: Maintenance | None = None,
        late_hours: Mapping[str, int] | None = None,
    ) -> None:
        self.entries = sorted(entries, key=lambda entry: entry.rank)
        self.maintenance = maintenance or Maintenance()
        self._late_hours = late_hours or {}

    def late_hours(self, family: str, otherwise: int) -> int:
        """How late a reading of a family may be."""
        return self._late_hours.get(family, otherwise)

    def timeline(self, model: type[P], family: str, *, group: str = "", site: str = "") -> Timeline[P]:
        """The parameters of a place over time.

        Args:
            model: the family's parameters.
            family: whose.
            group: of the site; empty where it has none.
            site: its name.
        """
        mine = [each for each in self.entries if each.family == family and each.concerns(group, site)]
        times = sorted({EVER_US, *(entry.valid_from_us for entry in mine)})
        return Timeline([Since(at_us, model(**_merged(mine, at_us))) for at_us in times])

    def explain(
        self, model: type[P], family: str, *, group: str = "", site: str = "", at_us: int
    ) -> Iterator[tuple[str, Any, str]]:
        """Name, value and source of each parameter that holds for a place at a time."""
        parameters = self.timeline(model, family, group=group, site=site).at(at_us)
        for name in model.model_fields:
            source = BUILT_IN
            for entry in self.entries:
                here = entry.family == family and entry.concerns(group, site) and entry.valid_from_us <= at_us
                if here and name in entry.values:
                    source = entry.source
            yield name, getattr(parameters, name), source

    def contradictions(self, models: Mapping[str, type[Parameters]]) -> Iterator[str]:
        """What cannot hold together, for every place and time that the entries make a difference for."""
        for family, model in models.items():
            mine = [entry for entry in self.entries if entry.family == family]
            for group in _named(entry.group for entry in mine):
                for site in _named(entry.site for entry in mine):
                    for turn in self.timeline(model, family, group=group, site=site).turns:
                        if (wrong := turn.parameters.contradiction()) is not None:
                            last = [e for e in mine if e.concerns(group, site) and e.valid_from_us <= turn.from_us]
                            yield f"{last[-1].source if last else family}: {wrong}"


def _merged(entries: Sequence[Entry], at_us: int) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for entry in entries:
        if entry.valid_from_us <= at_us:
            merged |= entry.values
    return merged


def _named(names: Iterator[str]) -> Collection[str]:
    return sorted({"", *names})
