"""Sites: the places that devices measure, and the CSV by which a city describes them.

A site outlives its devices: a sensor is exchanged and the bay stays. So the geometry of an installation belongs to
the site, in versions with a time, and a correction of the past is a version like any other.

Pure: text in, lines or all faults of the text out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from pipeline.core.clock import from_rfc3339
from pipeline.core.errors import SettingsError
from pipeline.registry.attributes import (
    MAX_LENGTH,
    Attribute,
    Choice,
    CurveText,
    Name,
    Readable,
    Value,
    Word,
    read_curve,
)

COLUMNS: Final = ("site", "family", "name", "group", "dev_eui", "valid_from")
"""Columns that every file has; attribute columns are added as needed, and the order is free."""
CLASS: Final = "class"
"""Column that a file may have: whose data a site yields. A file without it leaves each site's class as it is."""
CLASSES: Final = ("open", "internal", "personal")
MAX_FAULTS: Final = 20
YEARS: Final = range(1970, 2101)

_EUI = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a site of a family is described by. The attributes named in `rising` must rise strictly in that order."""

    attributes: Mapping[str, Readable] = field(default_factory=dict)
    rising: tuple[str, ...] = ()
    needs_group: bool = False


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        # The group is the zone whose free bays are counted.
        "parking": Kind(needs_group=True),
        # Distances from the sensor under the lid to the surface of what is inside.
        "container": Kind(
            attributes={
                "full_distance_metres": Attribute(0, 10, required=True),
                "empty_distance_metres": Attribute(0, 10, required=True),
                # What is below the surface at a distance: litres, or shares of anything, only their ratio counts.
                "volume_table": CurveText("full_distance_metres", "empty_distance_metres"),
                # Whose lorry comes: paper, glass, textile, bio, rest.
                "material": Word(),
            },
            rising=("full_distance_metres", "empty_distance_metres"),
        ),
        # The probe hangs by the suspension below the measuring point. What its pressure is relative to nobody can know
        # but who ordered it.
        "groundwater": Kind(
            attributes={
                "measuring_point_metres_nhn": Attribute(-500, 5000),
                "ground_metres_nhn": Attribute(-500, 5000),
                "suspension_metres": Attribute(0, 1000),
                "pressure_reference": Choice(("vented", "absolute", "sealed")),
                "barometer": Name(),
                "sealed_reference_hectopascals": Attribute(0, 2000),
                "water_density_kilograms_per_cubic_metre": Attribute(900, 1300),
            },
        ),
        # Power at full level; coordinates where the sun is not that of the whole city.
        "lighting": Kind(
            attributes={
                "rated_watts": Attribute(0, 5000),
                "latitude_degrees": Attribute(-90, 90),
                "longitude_degrees": Attribute(-180, 180),
            }
        ),
    }
)
"""Families with a shape of their own; a family that only a plugin knows has sites without attributes."""

_PLAIN: Final = Kind()
_ATTRIBUTES: Final = frozenset(name for kind in KINDS.values() for name in kind.attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteVersion:
    """What a site is from one time on, until its next version."""

    family: str
    name: str
    group: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    data_class: str = ""
    """One of `CLASSES`; empty = as usual in its family."""

    def facts(self) -> dict[str, str]:
        """All of it as text, by name; what is not set is not there."""
        plain = {"family": self.family, "name": self.name, "group": self.group, CLASS: self.data_class}
        values = {name: str(value) for name, value in sorted(self.attributes.items())}
        return {name: text for name, text in (plain | values).items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLine:
    """One line of the file: a version of a site and, where `device` is set, who serves it from then on."""

    site: str
    valid_from: datetime
    version: SiteVersion
    device: str | None = None
    keeps_class: bool = True
    """The file does not speak of classes."""


class Fault(NamedTuple):
    """What is wrong with a cell."""

    line: int
    column: str
    what: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.what}"


class FaultyFile(SettingsError):
    """A file that people wrote has faults; nothing of it is used."""

    def __init__(self, source: str, faults: Sequence[Fault]) -> None:
        shown = [f"  {fault}" for fault in faults[:MAX_FAULTS]]
        if len(faults) > MAX_FAULTS:
            shown.append(f"  and {len(faults) - MAX_FAULTS} more")
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n".join((f"{source} has {count}, so nothing of it was used:", *shown)))
        self.faults = tuple(faults)


def read_time(text: str) -> datetime:
    """An RFC 3339 time with its zone, in UTC.

    Raises:
        ValueError: it is none, has no zone, or is of another century.
    """
    try:
        at = from_rfc3339(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time with a zone; expected: 2026-06-01T00:00:00+02:00") from None
    if at.year not in YEARS:
        raise ValueError(f"{text!r} is not between {YEARS[0]} and {YEARS[-1]}")
    return at


def read_eui(text: str) -> str:
    """A DevEUI as it is kept: 16 lower-case hexadecimal digits.

    Raises:
        ValueError: it is none.
    """
    if not _EUI.fullmatch(text.lower()):
        raise ValueError(f"{text!r} is no DevEUI; expected: 16 hexadecimal digits")
    return text.lower()


def parse_sites(
    text: str, *, default_from: datetime, families: Collection[str] = (), source: str = "sites file"
) -> tuple[SiteLine, ...]:
    """Read a sites file: comma-separated, or semicolon-separated as office programs write it here.

    Args:
        text: the file's content.
        default_from: aware; stands for an empty `valid_from`.
        families: families that are known beside those in `KINDS`.
        source: what the message calls the file.

    Raises:
        FaultyFile: with every fault of the file.
    """
    reading = _Reading(default_from, KINDS.keys() | set(families))
    lines = tuple(reading.lines(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")))
    if reading.faults:
        raise FaultyFile(source, sorted(reading.faults))
    return lines


class _Reading:
    """One pass over a file, which notes faults and goes on."""

    def __init__(self, default_from: datetime, families: Collection[str]) -> None:
        self.faults: list[Fault] = []
        self._default_from = default_from
        self._families = families
        self._line = 1
        self._sites_seen: dict[tuple[str, datetime], int] = {}
        self._devices_seen: dict[tuple[str, datetime], int] = {}

    def _fault(self, column: str, what: object) -> None:
        self.faults.append(Fault(self._line, column, str(what)))

    def lines(self, text: str) -> Iterator[SiteLine]:
        head = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if "," not in head else ",", strict=True)
        header: list[str] | None = None
        try:
            for row in reader:
                cells = [cell.strip() for cell in row]
                if header is None:
                    header = cells
                    if not self._header(header):
                        return
                elif len(cells) != len(header) and any(cells):
                    self._fault(
                        header[min(len(cells), len(header) - 1)], f"{len(cells)} cells under {len(header)} columns"
                    )
                elif any(cells) and (line := self._site_line(dict(zip(header, cells, strict=True)))):
                    yield line
                self._line = reader.line_num + 1
        except csv.Error as broken:
            self._fault("any", f"not readable as CSV: {broken}")
        if header is None and not self.faults:
            self._fault(COLUMNS[0], "the file is empty")

    def _header(self, header: Sequence[str]) -> bool:
        for column in dict.fromkeys(header):
            if header.count(column) > 1:
                self._fault(column, "the column comes twice")
            if column not in {*COLUMNS, CLASS} and column not in _ATTRIBUTES:
                known = ", ".join((*COLUMNS, CLASS, *sorted(_ATTRIBUTES)))
                self._fault(column or "(no name)", f"unknown column; known: {known}")
        missing = [column for column in COLUMNS if column not in header]
        for column in missing:
            self._fault(column, "the column is missing")
        return not missing

    def _site_line(self, cells: Mapping[str, str]) -> SiteLine | None:
        before = len(self.faults)
        site, family, group = cells["site"], cells["family"], cells["group"]
        for column in ("site", "name", "group"):
            if not cells[column].isprintable() or len(cells[column]) > MAX_LENGTH:
                self._fault(column, f"expected: at most {MAX_LENGTH} printable characters")
        if not site:
            self._fault("site", "is empty")
        if family not in self._families:
            self._fault("family", f"{family!r} is unknown; known: {', '.join(sorted(self._families))}")
        kind = KINDS.get(family, _PLAIN)
        if kind.needs_group and not group:
            self._fault("group", f"is empty; a site of family {family} needs one")
        data_class = cells.get(CLASS, "")
        if data_class and data_class not in CLASSES:
            self._fault(CLASS, f"{data_class!r} is unknown; known: {', '.join(CLASSES)}; empty: as usual in its family")
        attributes = self._attributes(cells, family) if family in self._families else {}
        valid_from = self._valid_from(cells["valid_from"])
        device = self._device(cells["dev_eui"])
        if valid_from is None:
            return None
        if site and (line := self._sites_seen.setdefault((site, valid_from), self._line)) != self._line:
            self._fault("site", f"{site!r} from {valid_from.isoformat()} is described on line {line} already")
        if device and (line := self._devices_seen.setdefault((device, valid_from), self._line)) != self._line:
            self._fault("dev_eui", f"{device} from {valid_from.isoformat()} serves the site of line {line} already")
        if len(self.faults) > before:
            return None
        version = SiteVersion(
            family=family, name=cells["name"] or site, group=group, attributes=attributes, data_class=data_class
        )
        return SiteLine(
            site=site, valid_from=valid_from, version=version, device=device, keeps_class=CLASS not in cells
        )

    def _attributes(self, cells: Mapping[str, str], family: str) -> dict[str, Value]:
        kind = KINDS.get(family, _PLAIN)
        found: dict[str, Value] = {}
        for column in sorted(_ATTRIBUTES):
            text = cells.get(column, "")
            attribute = kind.attributes.get(column)
            if attribute is None:
                if text:
                    self._fault(column, f"a site of family {family} has no such attribute")
            elif not text:
                if attribute.required:
                    self._fault(column, f"is empty; a site of family {family} needs it")
            else:
                try:
                    found[column] = attribute.read(text)
                except ValueError as wrong:
                    self._fault(column, wrong)
        numbers = {name: value for name, value in found.items() if isinstance(value, float)}
        for lower, higher in zip(kind.rising, kind.rising[1:], strict=False):
            if lower in numbers and higher in numbers and numbers[higher] <= numbers[lower]:
                self._fault(higher, f"{numbers[higher]} is not greater than {lower} {numbers[lower]}")
        self._curves(kind, found, numbers)
        return found

    def _curves(self, kind: Kind, found: Mapping[str, Value], numbers: Mapping[str, float]) -> None:
        """A curve that ends too early would say nothing of what is beyond."""
        for column, attribute in kind.attributes.items():
            if not isinstance(attribute, CurveText) or column not in found:
                continue
            curve = read_curve(str(found[column]))
            least, most = numbers.get(attribute.least), numbers.get(attribute.most)
            if least is not None and curve[0].distance > least:
                self._fault(column, f"begins at {curve[0].distance:g}; expected: at most {attribute.least} {least:g}")
            if most is not None and curve[-1].distance < most:
                self._fault(column, f"ends at {curve[-1].distance:g}; expected: at least {attribute.most} {most:g}")

    def _valid_from(self, text: str) -> datetime | None:
        try:
            return read_time(text) if text else self._default_from
        except ValueError as wrong:
            self._fault("valid_from", wrong)
            return None

    def _device(self, text: str) -> str | None:
        try:
            return read_eui(text) if text else None
        except ValueError as wrong:
            self._fault("dev_eui", wrong)
            return None
