"""The statements that roll up a family, with its table and its quantities filled in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from psycopg import sql

from decoders.api import Decoder
from decoders.quantities import Quantity
from decoders.registry import vocabulary
from pipeline.database.families import is_rolled_up, quantities_by_family, table_of
from pipeline.database.queries import load_queries

QUERIES: Final = {
    name: sql.SQL(query.decode()) for name, query in load_queries("topologies.derive", "rollups.sql").items()
}
QUARTERS, HOURS, DAYS = "rollup_quarter_hour", "rollup_hour", "rollup_day"
QUARTER: Final = timedelta(minutes=15)
HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_LONGEST_DAY: Final = timedelta(hours=27)
"""When the clocks go back, with room."""
_CONNECTED: Final = frozenset({"state", "counter"})
"""Kinds of which a sample says something about the time since the one before it."""
_MOST_NUMBER: Final = 1e100
_MOST_DECIBELS: Final = 3000.0


class Step(NamedTuple):
    """From readings or shorter roll-ups to longer ones."""

    recompute: sql.Composed
    drop: sql.Composed
    length: timedelta
    at_most: timedelta


def _step(query: str, rollup: str, length: timedelta, at_most: timedelta, **names: sql.Composable) -> Step:
    kept = {"rollup": sql.Identifier(rollup), **names}
    recompute = QUERIES[query].format(**kept) + QUERIES["keep"].format(**kept)
    return Step(recompute, QUERIES["drop"].format(**kept), length, at_most)


TO_HOURS: Final = _step("combine", HOURS, HOUR, HOUR, parts=sql.Identifier(QUARTERS))
TO_DAYS: Final = _step("combine", DAYS, _DAY, _LONGEST_DAY, parts=sql.Identifier(HOURS))


class Family:
    """What its roll-ups are made from."""

    def __init__(self, name: str, quantities: Sequence[Quantity]) -> None:
        """Compose the queries."""
        connected = [quantity for quantity in quantities if quantity.kind in _CONNECTED]
        self.table = table_of(name)
        self.is_connected = bool(connected)
        self.values = {
            "family": name,
            "quantities": [quantity.name for quantity in quantities],
            "kinds": [quantity.kind for quantity in quantities],
        }
        names = {
            "readings": sql.Identifier(self.table),
            "measured": _as_rows(quantities),
            "connected": _as_rows(connected),
            "picked": _picked(connected),
        }
        self.reach = QUERIES["reach"].format(**names)
        self.to_quarters = _step("roll_up", QUARTERS, QUARTER, QUARTER, **names)


def families_of(decoders: Iterable[Decoder]) -> dict[str, Family]:
    """All families but the personal ones, with their quantities but texts."""
    decoders = tuple(decoders)
    known = vocabulary(decoders)
    found = {
        family: [known[name] for name in names if known[name].value_type != "text"]
        for family, names in quantities_by_family(decoders).items()
        if is_rolled_up(family)
    }
    return {family: Family(family, quantities) for family, quantities in found.items() if quantities}


def _as_rows(quantities: Sequence[Quantity]) -> sql.Composable:
    """Columns as rows of a VALUES: name, kind, value."""
    rows = [
        sql.SQL("({}, {}, {})").format(sql.Literal(each.name), sql.Literal(each.kind), _value_of(each))
        for each in quantities
    ]
    return sql.SQL(", ").join(rows) if rows else sql.SQL("(NULL::text, NULL::text, NULL::double precision)")


def _picked(quantities: Sequence[Quantity]) -> sql.Composable:
    """The column of a reading that `series` is about."""
    branches = [sql.SQL("WHEN {} THEN {}").format(sql.Literal(each.name), _value_of(each)) for each in quantities]
    if not branches:
        return sql.SQL("NULL::double precision")
    return sql.SQL("(CASE series.quantity {} END)").format(sql.SQL(" ").join(branches))


def _value_of(quantity: Quantity) -> sql.Composed:
    """The column as a number; NULL where it is no measurement, so that no nonsense breaks a sum."""
    column = sql.SQL("reading.{}").format(sql.Identifier(quantity.name))
    if quantity.value_type == "flag":
        return sql.SQL("{}::integer::double precision").format(column)
    most = _MOST_DECIBELS if quantity.kind == "level" else _MOST_NUMBER
    return sql.SQL("CASE WHEN {0} BETWEEN {1} AND {2} THEN {0}::double precision END").format(
        column, sql.Literal(max(quantity.low, -most)), sql.Literal(min(quantity.high, most))
    )
