"""Reads a city file; every fault is one sentence that names the key, what was given and what is expected.

Families bring their parameters through the entry-point group `silkstream.parameters`, so that the file is checked as
a whole wherever it is read, and a plugin's family has a place in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from pipeline.city.model import EVER_US, City, Entry, Maintenance, Parameters, Work
from pipeline.core.clock import to_us
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings

GROUP: Final = "silkstream.parameters"
VERSION: Final = 1
_LATE_HOURS: Final = range(1, 721)
_SCOPE: Final = ("valid_from", "group", "site")
_WORK: Final = ("group", "site", "from", "until", "reason")
_TIME: Final = "a time with a zone such as 2026-07-01T00:00:00+02:00"


def installed_parameters() -> dict[str, type[Parameters]]:
    """The parameters of every family that has rules.

    Raises:
        SettingsError: an entry point cannot be imported or is none.
    """
    found: dict[str, type[Parameters]] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            model = entry.load()
        except Exception as broken:
            raise SettingsError(f"parameters {entry.name} cannot be imported: {broken}") from broken
        if not (isinstance(model, type) and issubclass(model, Parameters)):
            raise SettingsError(f"entry point {entry.name} of group {GROUP} is no Parameters")
        found[entry.name] = model
    return found


def load_city(settings: Settings) -> City:
    """The city of an installation; what is built in where the settings name no file.

    Raises:
        SettingsError: the file cannot be read or has a fault.
    """
    return city_at(settings.topology.city)


def city_at(file: str) -> City:
    """The city of a file with the parameters that are installed; what is built in where it is none (empty).

    Raises:
        SettingsError: the file cannot be read or has a fault.
    """
    return read_city(Path(file), installed_parameters()) if file else City()


def read_city(file: Path, models: Mapping[str, type[Parameters]]) -> City:
    """Read a city file.

    Raises:
        SettingsError: it cannot be read or has a fault.
    """
    try:
        text = file.read_text()
    except OSError as missing:
        raise SettingsError(f"city file {file}: {missing.strerror}") from missing
    except UnicodeDecodeError as wrong:
        raise SettingsError(f"city file {file} is not TOML: {wrong}") from wrong
    try:
        return parse_city(text, models)
    except SettingsError as wrong:
        raise SettingsError(f"city file {file}: {wrong}") from wrong


def parse_city(text: str, models: Mapping[str, type[Parameters]]) -> City:
    """Read the text of a city file; pure.

    Raises:
        SettingsError: it has a fault.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise SettingsError(f"is not TOML: {wrong}") from wrong
    return city_of(content, models)


def city_of(content: Mapping[str, Any], models: Mapping[str, type[Parameters]]) -> City:
    """Make a city of a file's content; pure.

    Raises:
        SettingsError: it has a fault.
    """
    rest = dict(content)
    version = rest.pop("version", None)
    if version != VERSION:
        raise SettingsError(f"version: expected {VERSION}; given: {version!r}")
    late_hours = _late_hours(rest.pop("late_hours", {}))
    maintenance = _tables("maintenance", rest.pop("maintenance", []))
    works = [_work(f"maintenance entry {number}", each) for number, each in maintenance]
    entries: list[Entry] = []
    for family, tables in rest.items():
        if family not in models:
            known = ", ".join(("version", "late_hours", "maintenance", *models))
            raise SettingsError(f"{family}: there is no such key, expected one of {known}; given: {tables!r}")
        entries += [
            _entry(family, models[family], f"{family} entry {number}", each) for number, each in _tables(family, tables)
        ]
    _check_distinct(entries)
    city = City(entries, maintenance=Maintenance(works), late_hours=late_hours)
    for contradiction in city.contradictions(models):
        raise SettingsError(contradiction)
    return city


def _tables(key: str, given: Any) -> list[tuple[int, dict[str, Any]]]:
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise SettingsError(f"{key}: expected entries that begin with [[{key}]]; given: {given!r}")
    return list(enumerate(given, start=1))


def _entry(family: str, model: type[Parameters], source: str, table: Mapping[str, Any]) -> Entry:
    values = {name: value for name, value in table.items() if name not in _SCOPE}
    group, site = _text(source, table, "group"), _text(source, table, "site")
    if group and site:
        raise SettingsError(f"{source}, group: expected either group or site; given: {group!r} and site {site!r}")
    try:
        checked = model.model_validate(values)
    except ValidationError as wrong:
        raise SettingsError(f"{source}, {_sentence(model, wrong)}") from wrong
    if not values:
        raise SettingsError(f"{source}: expected at least one of {', '.join(model.model_fields)}; given: none")
    return Entry(
        family=family,
        group=group,
        site=site,
        valid_from_us=_time(source, table, "valid_from") if "valid_from" in table else EVER_US,
        values={name: getattr(checked, name) for name in values},
        source=source,
    )


def _sentence(model: type[Parameters], wrong: ValidationError) -> str:
    first = wrong.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"][0].lower() + first["msg"][1:]
    if first["type"] == "extra_forbidden":
        message = f"there is no such parameter, expected one of {', '.join((*_SCOPE, *model.model_fields))}"
    return f"{name}: {message}; given: {first['input']!r}"


def _work(source: str, table: Mapping[str, Any]) -> Work:
    for name in table:
        if name not in _WORK:
            raise SettingsError(
                f"{source}, {name}: there is no such key, expected one of {', '.join(_WORK)}; given: {table[name]!r}"
            )
    group, site = _text(source, table, "group"), _text(source, table, "site")
    if bool(group) == bool(site):
        raise SettingsError(f"{source}, site: expected either group or site; given: {'both' if group else 'neither'}")
    from_us, until_us = _time(source, table, "from"), _time(source, table, "until")
    if until_us <= from_us:
        raise SettingsError(f"{source}, until: expected a time after from; given: {table['until']}")
    return Work(group=group, site=site, from_us=from_us, until_us=until_us, reason=_text(source, table, "reason"))


def _late_hours(given: Any) -> dict[str, int]:
    if not isinstance(given, dict):
        raise SettingsError(f"late_hours: expected a table such as {{ container = 72 }}; given: {given!r}")
    for family, hours in given.items():
        if isinstance(hours, bool) or not isinstance(hours, int) or hours not in _LATE_HOURS:
            raise SettingsError(f"late_hours.{family}: expected whole hours from 1 to 720; given: {hours!r}")
    return given


def _text(source: str, table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str) or (key in table and not value):
        raise SettingsError(f"{source}, {key}: expected a text that is not empty; given: {value!r}")
    return value


def _time(source: str, table: Mapping[str, Any], key: str) -> int:
    value = table.get(key)
    if not isinstance(value, datetime) or value.tzinfo is None:
        given = "nothing" if value is None else str(value)
        raise SettingsError(f"{source}, {key}: expected {_TIME}, without quotation marks; given: {given}")
    return to_us(value)


def _check_distinct(entries: list[Entry]) -> None:
    seen: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        for name in entry.values:
            key = (entry.family, entry.group, entry.site, entry.valid_from_us, name)
            if (other := seen.setdefault(key, entry)) is not entry:
                raise SettingsError(
                    f"{entry.source}, {name}: expected one value for a place and time; given: "
                    f"{entry.values[name]!r}, and {other.values[name]!r} in {other.source}"
                )
