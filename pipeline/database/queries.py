"""Named queries from `.sql` files: SQL stays SQL, and each query has a name and a sentence.

A file is a sequence of `-- name --` heads, each followed by the query; comments below the head say what it is for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

_HEAD = re.compile(r"^-- ([a-z_][a-z0-9_]*) --$", re.MULTILINE)


def load_queries(package: str, file: str = "queries.sql") -> Mapping[str, bytes]:
    """The queries of a package's file, by name.

    Raises:
        ValueError: two queries have one name.
    """
    return read_queries(resources.files(package).joinpath(file).read_text())


def read_queries(text: str) -> Mapping[str, bytes]:
    """Split the text of a queries file."""
    parts = _HEAD.split(text)
    names, bodies = parts[1::2], parts[2::2]
    if len(set(names)) != len(names):
        raise ValueError(f"two queries have one name: {min(n for n in names if names.count(n) > 1)}")
    return MappingProxyType({name: body.strip().encode() for name, body in zip(names, bodies, strict=True)})
