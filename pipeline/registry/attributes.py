"""What a site's attributes may be: numbers, words, names and curves, each read from a cell of the CSV; pure.

A cell becomes a value, or a sentence that says what is wrong with it.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

Value = float | str
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD: Final = re.compile(r"[^\W\d_A-Z][\w-]{0,30}")
MAX_LENGTH: Final = 200
"""Of a name."""
_FEWEST_POINTS: Final = 2
_MOST_POINTS: Final = 50


class Readable(Protocol):
    """One attribute of a family's sites."""

    @property
    def required(self) -> bool:
        """Whether every site of the family needs it."""
        ...

    def read(self, text: str) -> Value:
        """The value of a cell that is not empty.

        Raises:
            ValueError: it is none; says why.
        """
        ...


class Attribute(NamedTuple):
    """A number; the unit is in its name, the bounds are inclusive."""

    low: float
    high: float
    required: bool = False

    def read(self, text: str) -> float:
        """See `Readable`."""
        number = read_number(text)
        if number is None:
            raise ValueError(f"{text!r} is no number; expected: digits and a decimal point")
        if not self.low <= number <= self.high:
            raise ValueError(f"{text} is not between {self.low:g} and {self.high:g}")
        return number


class Word(NamedTuple):
    """A word by which sites are told apart."""

    required: bool = False

    def read(self, text: str) -> str:
        """See `Readable`."""
        if not _WORD.fullmatch(text) or text != text.lower():
            raise ValueError(f"{text!r} is no word; expected: at most 31 lower-case letters, digits, - and _")
        return text


class Choice(NamedTuple):
    """One of some words."""

    choices: tuple[str, ...]
    required: bool = False

    def read(self, text: str) -> str:
        """See `Readable`."""
        if text not in self.choices:
            raise ValueError(f"{text!r} is unknown; known: {', '.join(self.choices)}")
        return text


class Name(NamedTuple):
    """Somebody else's name, as it is."""

    required: bool = False

    def read(self, text: str) -> str:
        """See `Readable`."""
        if not text.isprintable() or len(text) > MAX_LENGTH:
            raise ValueError(f"expected: at most {MAX_LENGTH} printable characters")
        return text


class Point(NamedTuple):
    """What holds at a distance."""

    distance: float
    volume: float


Curve = tuple[Point, ...]


class CurveText(NamedTuple):
    """A curve by its points, `0.3:1100 0.9:500 1.8:0`; it has to reach from one attribute's value to another's."""

    least: str
    most: str
    required: bool = False

    def read(self, text: str) -> str:
        """See `Readable`; the points are written as they were, with single spaces between them."""
        read_curve(text)
        return " ".join(text.split())


def read_curve(text: str) -> Curve:
    """The points of a curve, in the order of rising distances and falling volumes.

    Raises:
        ValueError: it is none.
    """
    points = []
    for pair in text.split():
        numbers = [read_number(each) for each in pair.split(":")]
        if len(numbers) != len(Point._fields) or None in numbers:
            raise ValueError(f"{pair!r} is no point; expected: distance:volume pairs such as 0.3:1100 0.9:500 1.8:0")
        points.append(Point(*(number for number in numbers if number is not None)))
    if not _FEWEST_POINTS <= len(points) <= _MOST_POINTS:
        raise ValueError(f"has {len(points)} points; expected: {_FEWEST_POINTS} to {_MOST_POINTS}")
    curve = tuple(sorted(points))
    if curve[0].distance < 0 or curve[-1].volume < 0:
        raise ValueError("goes below 0; expected: distances and volumes from 0 on")
    for nearer, further in pairwise(curve):
        if not (nearer.distance < further.distance and nearer.volume > further.volume):
            raise ValueError(
                f"{nearer.volume:g} at {nearer.distance:g} and {further.volume:g} at {further.distance:g}; "
                "expected: the greater the distance, the smaller the volume"
            )
    return curve


def read_number(text: str) -> float | None:
    """A finite number; None where the text is none."""
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    # An exponent may lead to infinity; minus zero is the same distance as zero.
    return number + 0.0 if math.isfinite(number) else None
