"""What a quantity is, and short ways to say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "amount", "state", "event", "direction", "level"]
ValueType = Literal["number", "integer", "flag", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A name with its unit, and what may be done with its values.

    `unit` is a UCUM code ("1" for ratios and counts, "" where there is none). `kind` decides how it may be rolled
    up: a gauge has a mean, a counter a difference, an amount a sum, a state a duration, an event a number of times,
    a direction a vector mean, a level (dB) an energetic mean. `low` and `high` are inclusive; for a text they bound
    its length. `ttn` and `fiware` are the names in The Things Network's normalised payload and in FIWARE's Smart
    Data Models, whose ratios may be percentages; empty where they have none.
    """

    name: str
    unit: str
    low: float
    high: float
    kind: Kind
    help: str
    value_type: ValueType = "number"
    ttn: str = ""
    fiware: str = ""


def number(
    name: str, unit: str, low: float, high: float, about: str, *, kind: Kind = "gauge", ttn: str = "", fiware: str = ""
) -> Quantity:
    """A quantity that is measured, in fractions of its unit."""
    return Quantity(name=name, unit=unit, low=low, high=high, kind=kind, help=about, ttn=ttn, fiware=fiware)


def integer(name: str, unit: str, high: float, about: str, *, low: float = 0, kind: Kind = "gauge") -> Quantity:
    """A quantity that comes in whole steps."""
    return Quantity(name=name, unit=unit, low=low, high=high, kind=kind, help=about, value_type="integer")


def counter(name: str, unit: str, about: str, *, ttn: str = "", fiware: str = "") -> Quantity:
    """A total that only grows, until it is reset or rolls over."""
    return Quantity(
        name=name,
        unit=unit,
        low=0,
        high=2**48,
        kind="counter",
        help=about,
        value_type="integer",
        ttn=ttn,
        fiware=fiware,
    )


def state(name: str, about: str, *, ttn: str = "", fiware: str = "") -> Quantity:
    """Something that is so, or is not so, until the next value."""
    return Quantity(
        name=name, unit="", low=0, high=1, kind="state", help=about, value_type="flag", ttn=ttn, fiware=fiware
    )


def event(name: str, about: str) -> Quantity:
    """Something that has happened."""
    return Quantity(name=name, unit="", low=0, high=1, kind="event", help=about, value_type="flag")


def text(name: str, about: str, *, kind: Kind = "state", fiware: str = "") -> Quantity:
    """A word, a version, a serial number."""
    return Quantity(name=name, unit="", low=1, high=200, kind=kind, help=about, value_type="text", fiware=fiware)
