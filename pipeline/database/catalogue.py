"""What each table is to operations and auditors: whose data, what the stages may do with it, how long it is kept.

One list, `schemas/sql/tables.toml`, decides rights and retention, so that a table cannot have one and lack the other.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

DataClass = Literal["open", "internal", "personal"]
CLASSES: Final[tuple[DataClass, ...]] = ("open", "internal", "personal")


class Relation(NamedTuple):
    """A table or view, or a pattern for several."""

    data_class: DataClass
    writer: frozenset[str] = frozenset()
    """Privileges of the stages."""
    kept: str | None = None
    """The setting of section `retention`; None = for ever."""
    by: str = ""
    """The column of time that retention goes by."""
    class_by: str = ""
    """The column with the class of a row, where it is a row's own: personal ones are kept `personal_days`."""


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Relation]:
    """All entries of the list by name or pattern, in its order."""
    entries = tomllib.loads(resources.files("schemas").joinpath("sql/tables.toml").read_text())
    return MappingProxyType(
        {
            name: Relation(
                entry["class"],
                frozenset(entry.get("writer", ())),
                entry.get("kept"),
                by=str(entry.get("by", "")),
                class_by=str(entry.get("class_by", "")),
            )
            for name, entry in entries.items()
        }
    )


def entry_of(name: str) -> Relation | None:
    """What a table or view is; None where the list does not know it."""
    known = catalogue()
    exact = known.get(name)
    if exact is not None:
        return exact
    return next((entry for pattern, entry in known.items() if fnmatchcase(name, pattern)), None)


def is_personal(name: str) -> bool:
    """Whether a table tells of people."""
    entry = entry_of(name)
    return entry is not None and entry.data_class == "personal"
