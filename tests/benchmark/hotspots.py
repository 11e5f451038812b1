"""Where a process spends its CPU, in a sentence."""

from __future__ import annotations

import cProfile
import pstats
from collections import Counter
from pathlib import PurePath
from typing import Any, Final

from infra.local.layout import REPOSITORY

_BUILT_IN: Final = "~"
_PARTS: Final = 6


def sentence_of(profile: cProfile.Profile) -> str:
    """The parts that take most of the time, each with its own share; a built-in function counts for its caller."""
    stats: Any = pstats.Stats(profile)
    spent: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, callers) in stats.stats.items():
        if "select.epoll" in name:
            continue
        if file != _BUILT_IN or not callers:
            spent[_part(file)] += own
            continue
        for (caller, _, _), (_, _, own_for_caller, _) in callers.items():
            spent[_part(caller)] += own_for_caller
    total = spent.total()
    largest = [(part, share) for part, seconds in spent.most_common(_PARTS) if (share := seconds / total) >= 0.02]
    return ", ".join(f"{share:.0%} {part}" for part, share in largest)


def _part(file: str) -> str:
    """Ours by module, others by library."""
    path = PurePath(file)
    if path.is_relative_to(REPOSITORY) and ".venv" not in path.parts:
        return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    parts = path.parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    if path.suffix == ".py" and len(parts) > 1:
        return "asyncio" if "asyncio" in parts else f"standard library's {path.stem}"
    return "interpreter"
