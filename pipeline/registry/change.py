"""From what the database knows and what is said to what it shall know, and the difference of the two.

At any time a device serves one site at most, and a site is served by one device at most: who is put where another
one is, replaces it from then on, so that a site's history continues with the new sensor and no bay counts twice.
Nothing is forgotten: rows are added or corrected, never taken away.

Pure. Times are aware. A timeline maps the time from which something holds to what holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, TypeVar

from pipeline.registry.sites import SiteLine, SiteVersion

V = TypeVar("V")
Timeline = Mapping[datetime, V]


@dataclass(frozen=True, slots=True)
class State:
    """All versions of all sites, and each device's sites over time (None: it serves none from then on)."""

    sites: Mapping[str, Timeline[SiteVersion]]
    assignments: Mapping[str, Timeline[str | None]]

    def version(self, site: str, at: datetime) -> SiteVersion | None:
        """What a site is at a time. Before it is described, its oldest description holds."""
        timeline = self.sites.get(site, {})
        return in_force(timeline, at) or (timeline[min(timeline)] if timeline else None)

    def place(self, device: str, at: datetime) -> tuple[str, SiteVersion | None] | None:
        """The site that a device serves at a time, and what it is then."""
        site = in_force(self.assignments.get(device, {}), at)
        return None if site is None else (site, self.version(site, at))


class Turn(NamedTuple):
    """Somebody says: from then on the device serves this site."""

    at: datetime
    device: str
    site: str


class VersionChange(NamedTuple):
    """A row of `site` to write. `old` is what it corrects or follows on; None where the site is new."""

    site: str
    valid_from: datetime
    old: SiteVersion | None
    new: SiteVersion

    @property
    def kind(self) -> str:
        """For people."""
        return "site added" if self.old is None else "site changed"

    @property
    def detail(self) -> str:
        """Name by name, old -> new; of a new site, all it is."""
        new = self.new.facts()
        if self.old is None:
            plain = (text if name in {"family", "name"} else f"{name} {text}" for name, text in new.items())
            return ", ".join(plain)
        old = self.old.facts()
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        return ", ".join(f"{name}: {old.get(name, 'not set')} -> {new.get(name, 'not set')}" for name in names)


class AssignmentChange(NamedTuple):
    """A row of `assignment` to write. `old` is what it corrects or follows on."""

    device: str
    valid_from: datetime
    old: str | None
    new: str | None

    @property
    def kind(self) -> str:
        """For people."""
        if self.new is None:
            return "assignment ended"
        return "assignment begun" if self.old is None else "assignment moved"

    @property
    def detail(self) -> str:
        """Where it was and where it is now."""
        return " -> ".join(site for site in (self.old, self.new) if site is not None)


class Recompute(NamedTuple):
    """A device whose place is another one than was thought, from a time on."""

    device: str
    from_at: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """What to write; empty where all is as it was said."""

    versions: tuple[VersionChange, ...] = ()
    assignments: tuple[AssignmentChange, ...] = ()
    recompute: tuple[Recompute, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.versions or self.assignments)


class Listed(NamedTuple):
    """A site at a time."""

    site: str
    version: SiteVersion
    device: str | None


def in_force(timeline: Timeline[V], at: datetime) -> V | None:
    """What holds at a time."""
    begun = [begin for begin in timeline if begin <= at]
    return timeline[max(begun)] if begun else None


def importing(state: State, lines: Iterable[SiteLine]) -> State:
    """The state after a file was taken in; what the file does not speak of stays."""
    lines = tuple(lines)
    sites = {site: dict(timeline) for site, timeline in state.sites.items()}
    for line in lines:
        sites.setdefault(line.site, {})[line.valid_from] = _classed(state, line)
    for site in {line.site for line in lines}:
        old, timeline = state.sites.get(site, {}), sites[site]
        _drop_repetitions(timeline, old)
        # The oldest description holds from the beginning: an older one that says the same adds nothing.
        while len(timeline) > 1:
            first, second = sorted(timeline)[:2]
            if first in old or timeline[first] != timeline[second]:
                break
            del timeline[first]
    turns = (Turn(line.valid_from, line.device, line.site) for line in lines if line.device is not None)
    return State(sites, assigning(state, turns).assignments)


def _classed(state: State, line: SiteLine) -> SiteVersion:
    """A file that does not speak of classes takes none away: a bay that is somebody's own stays so."""
    known = state.version(line.site, line.valid_from) if line.keeps_class else None
    return line.version if known is None else replace(line.version, data_class=known.data_class)


def assigning(state: State, turns: Iterable[Turn]) -> State:
    """The state after devices were given sites.

    Each turn holds at its time whatever the database says; it ends where a later one, said or known, begins. No two
    turns may be of one device and time, or of one site and time.
    """
    turns = sorted(turns)
    after = {device: dict(timeline) for device, timeline in state.assignments.items()}
    said: dict[str, set[datetime]] = {}
    for at, device, _site in turns:
        said.setdefault(device, set()).add(at)
    for at, device, site in turns:
        _continue_as(after.setdefault(device, {}), at, site, fixed=said[device])

    servers: dict[str, set[str]] = {site: set() for _at, _device, site in turns}
    for device, timeline in after.items():
        for served in timeline.values():
            if served is not None and served in servers:
                servers[served].add(device)
    for at, device, site in turns:
        for other in sorted(servers[site] - {device}):
            if in_force(after[other], at) == site:
                _continue_as(after[other], at, None, fixed=said.get(other, ()))
    for site, devices in servers.items():
        _one_after_the_other(site, {device: after[device] for device in devices}, said)

    for device, timeline in after.items():
        _drop_repetitions(timeline, state.assignments.get(device, {}))
    return State(state.sites, {device: timeline for device, timeline in after.items() if timeline})


def releasing(state: State, device: str, at: datetime) -> State:
    """The state after a device was taken off its site; what it does from a later time on stays."""
    before = state.assignments.get(device, {})
    if in_force(before, at) is None:
        return state
    timeline = dict(before)
    _continue_as(timeline, at, None, fixed=())
    return State(state.sites, {**state.assignments, device: timeline})


def difference(before: State, after: State) -> Difference:
    """What to write so that the database says `after`, and which devices it concerns from when on."""
    versions = [
        VersionChange(site, at, _corrected(old, timeline, at) or before.version(site, at), version)
        for site, timeline in sorted(after.sites.items())
        for old in (before.sites.get(site, {}),)
        for at, version in sorted(timeline.items())
        if old.get(at) != version
    ]
    assignments = [
        AssignmentChange(device, at, _corrected(turns, timeline, at), site)
        for device, timeline in sorted(after.assignments.items())
        for turns in (before.assignments.get(device, {}),)
        for at, site in sorted(timeline.items())
        if at not in turns or turns[at] != site
    ]
    concerned = (_first_change(device, before, after) for device in sorted(after.assignments))
    return Difference(tuple(versions), tuple(assignments), tuple(each for each in concerned if each is not None))


def listing(state: State, at: datetime, *, family: str | None = None) -> list[Listed]:
    """The sites that are described at a time, or served all the same, in the order of family, group and name."""
    serving = {site: device for device, each in state.assignments.items() if (site := in_force(each, at)) is not None}
    found = [
        Listed(site, version, serving.get(site))
        for site, timeline in state.sites.items()
        if (min(timeline) <= at or site in serving)
        and (version := state.version(site, at)) is not None
        and family in (None, version.family)
    ]
    return sorted(found, key=lambda each: (each.version.family, each.version.group, each.site))


def _continue_as(
    timeline: dict[datetime, str | None], at: datetime, site: str | None, *, fixed: Collection[datetime]
) -> None:
    """Let a device's turn that holds at `at` go on at another site, also where later rows only repeat it."""
    held = in_force(timeline, at)
    timeline[at] = site
    for later in sorted(each for each in timeline if each > at):
        if timeline[later] != held or later in fixed:
            break
        timeline[later] = site


def _one_after_the_other(
    site: str, timelines: Mapping[str, dict[datetime, str | None]], said: Mapping[str, Collection[datetime]]
) -> None:
    """End each device's turn at a site where the next one's begins."""
    begins = sorted((at, device) for device, timeline in timelines.items() for at in timeline if timeline[at] == site)
    holder: str | None = None
    for at, device in begins:
        if timelines[device][at] != site:
            continue  # it has been ended by an earlier step
        if holder is not None and holder != device and in_force(timelines[holder], at) == site:
            _continue_as(timelines[holder], at, None, fixed=said.get(holder, ()))
        holder = device


def _drop_repetitions(timeline: dict[datetime, V], known: Timeline[V]) -> None:
    """Leave out new rows that say what holds already: else importing a file again would write."""
    held: V | None = None
    for at in sorted(timeline):
        if at not in known and timeline[at] == held:
            del timeline[at]
        else:
            held = timeline[at]


def _corrected(old: Timeline[V], new: Timeline[V], at: datetime) -> V | None:
    """What a row is shown against: what stood in its place, else what it follows."""
    if at in old:
        return old[at]
    return in_force({begin: value for begin, value in new.items() if begin < at}, at)


def _first_change(device: str, before: State, after: State) -> Recompute | None:
    """The earliest time from which the place of a device is another one."""
    times: set[datetime] = set()
    sites: set[str] = set()
    for state in (before, after):
        timeline = state.assignments.get(device, {})
        times.update(timeline)
        sites.update(site for site in timeline.values() if site is not None)
    for site in sites:
        times.update(before.sites.get(site, ()), after.sites.get(site, ()))
    for at in sorted(times):
        if before.place(device, at) != after.place(device, at):
            return Recompute(device, at)
    return None
