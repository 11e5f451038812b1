"""Which site a device served at which time: a snapshot of the tables `assignment` and `site`, looked up in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pipeline.core.clock import to_us
from topologies.runtime.model import Place


class Segment(NamedTuple):
    """From when on a device's place is so; until the next one."""

    from_us: int
    place: Place | None


class _Version(NamedTuple):
    """How a site is described from a time on."""

    from_us: int
    name: str
    group: str
    attributes: Mapping[str, Any]
    site_class: str


class Places:
    """Every device's places over time."""

    def __init__(self, segments: Mapping[str, list[Segment]]) -> None:
        self._segments = segments

    def at(self, device: str, at_us: int) -> Place | None:
        """The place that the device served, None where it served none."""
        segments = self._segments.get(device)
        if segments is None:
            return None
        place: Place | None
        for from_us, place in reversed(segments):
            if from_us <= at_us:
                return place
        return None


def build_places(assignments: Iterable[tuple[Any, ...]], sites: Iterable[tuple[Any, ...]]) -> Places:
    """Lay the versions of sites over the assignments.

    Args:
        assignments: rows (device, valid_from, site or None).
        sites: rows (site, valid_from, name, group, attributes, class).
    """
    versions: dict[str, list[_Version]] = {}
    for site, valid_from, name, group, attributes, site_class in sites:
        versions.setdefault(site, []).append(_Version(to_us(valid_from), name, group, attributes, site_class))
    for each in versions.values():
        each.sort(key=lambda version: version.from_us)
    turns: dict[str, list[tuple[int, str | None]]] = {}
    for device, valid_from, site in assignments:
        turns.setdefault(device, []).append((to_us(valid_from), site))
    return Places(
        {device: _segments(sorted(each, key=lambda turn: turn[0]), versions) for device, each in turns.items()}
    )


def _segments(turns: list[tuple[int, str | None]], versions: Mapping[str, list[_Version]]) -> list[Segment]:
    segments: list[Segment] = []
    # An assignment that says again what holds already does not end it.
    turns = [turn for index, turn in enumerate(turns) if index == 0 or turns[index - 1][1] != turn[1]]
    for index, (begin_us, site) in enumerate(turns):
        end_us = turns[index + 1][0] if index + 1 < len(turns) else None
        if site is None:
            segments.append(Segment(begin_us, None))
            continue
        known = versions.get(site, [])
        # A device may be at work before its site is described: the oldest description holds from the beginning.
        first = max((i for i, version in enumerate(known) if version.from_us <= begin_us), default=0)
        for order, (from_us, name, group, attributes, site_class) in enumerate(known[first:]):
            if end_us is not None and from_us >= end_us:
                break
            place = Place(site, name, group, attributes, begin_us, end_us, site_class)
            segments.append(Segment(begin_us if order == 0 else from_us, place))
        if not known:
            segments.append(Segment(begin_us, Place(site, site, "", {}, begin_us, end_us)))
    return segments
