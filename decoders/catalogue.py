"""What is installed, as a table: of each model its decoder, family, ports, vectors and where they come from.

    python -m decoders.catalogue --check decoders/README.md    fails where the table there is another one
    python -m decoders.catalogue --write decoders/README.md    writes it

Everything in it comes from the decoders and their vectors, so that nobody keeps it by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from decoders.api import Decoder
from decoders.registry import load
from decoders.vectors import Vector, load_vectors

BEGIN: Final = "<!-- table of decoders: written by `make generate` -->"
END: Final = "<!-- end of the table -->"

_PUBLISHED: Final = re.compile(r"[A-Za-z0-9._-]+-\d{3}:")
_REPOSITORY: Final = re.compile(r"\b(?:against|from|in|of|to|via) ([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)")


class Entry(NamedTuple):
    """One decoder, as its vectors show it."""

    decoder: Decoder
    ports: Sequence[int]
    """On which at least one vector is accepted."""
    vectors: int
    published: int
    """Vectors whose frame or answer was published by somebody else; their sources begin with an id."""
    sources: Sequence[str]
    """The repositories that they were published in."""


def entry_of(decoder: Decoder, vectors: Sequence[Vector]) -> Entry:
    """What a table says of a decoder."""
    published = [each.source for each in vectors if _PUBLISHED.match(each.source)]
    sources = {found[1] for each in published if (found := _REPOSITORY.search(each))}
    ports = {each.port for each in vectors if each.expect is not None}
    return Entry(decoder, sorted(ports), len(vectors), len(published), sorted(sources, key=str.lower))


def table(entries: Iterable[Entry]) -> Iterator[str]:
    """The lines of a Markdown table, by family and name."""
    yield "| model | decoder | family | frames on ports | vectors, of them published | published in |"
    yield "|---|---|---|---|---|---|"
    for decoder, ports, vectors, published, sources in sorted(
        entries, key=lambda e: (e.decoder.family, e.decoder.name)
    ):
        name = f"[`{decoder.name}`]({decoder.name}/README.md)"
        shown = ", ".join(map(str, ports))
        yield (
            f"| {decoder.about} | {name} | {decoder.family} | {shown} | {vectors}, {published} | {', '.join(sources)} |"
        )


def with_table(text: str, lines: Iterable[str]) -> str:
    """The text with the table between its two marks.

    Raises:
        ValueError: the text lacks the marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"there is no {BEGIN} … {END}")
    return "\n".join((f"{before}{BEGIN}", *lines, f"{END}{after}"))


def main(arguments: Sequence[str]) -> int:
    """Write or check the table of the built-in decoders."""
    how, file = arguments
    path = Path(file)
    built_in = [d for d in load().values() if d.decode.__module__.startswith("decoders.")]
    text = path.read_text(encoding="utf-8")
    wanted = with_table(text, table(entry_of(d, load_vectors(d)) for d in built_in))
    if how == "--write":
        path.write_text(wanted, encoding="utf-8")
    elif text != wanted:
        sys.stderr.write(f"{file}: its table of decoders has drifted: run `make generate`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
