"""Dips: measurements by hand, and the CSV in which people note them; pure.

A dip is how far the water stands below the measuring point. What a file says is added or corrected; a line without a
distance takes a dip back. What the file does not speak of stays.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from pipeline.registry.attributes import MAX_LENGTH, read_number
from pipeline.registry.sites import Fault, FaultyFile, read_time

COLUMNS: Final = ("site", "dipped_at", "distance_metres")
NOTE: Final = "note"
LOWEST_METRES: Final = -20.0
"""Of a well that overflows the water stands above its measuring point."""
DEEPEST_METRES: Final = 1000.0


class Key(NamedTuple):
    """Which dip."""

    site: str
    dipped_at: datetime


class Dip(NamedTuple):
    """What was measured."""

    distance_metres: float
    note: str = ""


Dips = Mapping[Key, Dip]
Lines = Mapping[Key, Dip | None]
"""None takes one back."""


class Change(NamedTuple):
    """A row to write, or to delete where there is no `new`."""

    key: Key
    old: Dip | None
    new: Dip | None

    @property
    def kind(self) -> str:
        """For people."""
        return "dip added" if self.old is None else "dip taken back" if self.new is None else "dip changed"

    @property
    def detail(self) -> str:
        """What it is, old -> new."""
        return " -> ".join(f"{dip.distance_metres:g} m {dip.note}".strip() for dip in (self.old, self.new) if dip)


def difference(known: Dips, said: Lines) -> list[Change]:
    """What has to change, in order."""
    changes = [Change(key, known.get(key), dip) for key, dip in sorted(said.items(), key=lambda item: item[0])]
    return [change for change in changes if change.old != change.new]


def parse_dips(text: str, *, sites: Collection[str], source: str = "dips file") -> Lines:
    """Read a file of dips: comma-separated, or semicolon-separated as office programs write it here.

    Args:
        text: its content.
        sites: the wells that there are.
        source: what the message calls the file.

    Raises:
        FaultyFile: with every fault of the file; nothing of it is used.
    """
    faults: list[Fault] = []
    found = dict(_lines(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), sites, faults))
    if faults:
        raise FaultyFile(source, sorted(faults))
    return found


def _lines(text: str, sites: Collection[str], faults: list[Fault]) -> Iterator[tuple[Key, Dip | None]]:
    head = text.partition("\n")[0]
    delimiter = ";" if "," not in head else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    seen: dict[Key, int] = {}
    number = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if header is None:
                header = cells
                if wrong := list(_header_faults(header)):
                    faults += wrong
                    return
            elif any(cells) and len(cells) != len(header):
                faults.append(Fault(number, header[0], f"{len(cells)} cells under {len(header)} columns"))
            elif any(cells):
                named = dict(zip(header, cells, strict=True))
                if (line := _line(named, number, sites, faults)) is not None:
                    if (other := seen.setdefault(line[0], number)) != number:
                        faults.append(Fault(number, "dipped_at", f"the same well and time as on line {other}"))
                    yield line
            number = reader.line_num + 1
    except csv.Error as broken:
        faults.append(Fault(number, "any", f"not readable as CSV: {broken}"))
    if header is None and not faults:
        faults.append(Fault(1, COLUMNS[0], "the file is empty"))


def _header_faults(header: Sequence[str]) -> Iterator[Fault]:
    for column in dict.fromkeys(header):
        if header.count(column) > 1:
            yield Fault(1, column, "the column comes twice")
        if column not in {*COLUMNS, NOTE}:
            yield Fault(1, column or "(no name)", f"unknown column; known: {', '.join((*COLUMNS, NOTE))}")
    for column in COLUMNS:
        if column not in header:
            yield Fault(1, column, "the column is missing")


def _line(
    cells: Mapping[str, str], number: int, sites: Collection[str], faults: list[Fault]
) -> tuple[Key, Dip | None] | None:
    before = len(faults)
    site, note, text = cells["site"], cells.get(NOTE, ""), cells["distance_metres"]
    if site not in sites:
        faults.append(Fault(number, "site", f"there is no well {site!r}; see `silkstream sites list`"))
    if not note.isprintable() or len(note) > MAX_LENGTH:
        faults.append(Fault(number, NOTE, f"expected: at most {MAX_LENGTH} printable characters"))
    dipped_at: datetime | None = None
    try:
        dipped_at = read_time(cells["dipped_at"])
    except ValueError as wrong:
        faults.append(Fault(number, "dipped_at", str(wrong)))
    distance = read_number(text) if text else None
    if text and distance is None:
        faults.append(Fault(number, "distance_metres", f"{text!r} is no number; expected: digits and a decimal point"))
    elif distance is not None and not LOWEST_METRES <= distance <= DEEPEST_METRES:
        faults.append(
            Fault(number, "distance_metres", f"{text} is not between {LOWEST_METRES:g} and {DEEPEST_METRES:g}")
        )
    if len(faults) > before or dipped_at is None:
        return None
    return Key(site, dipped_at), None if distance is None else Dip(distance, note)
