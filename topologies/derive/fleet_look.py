"""A look at the fleet in one transaction: marks, rows, and alerts by their one lifecycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg

from pipeline.city.model import City
from pipeline.core.clock import to_us
from pipeline.core.model import DevEui
from pipeline.core.settings import Settings
from pipeline.database.queries import load_queries
from topologies.derive.fleet_rules import FAMILY, RULES, SOURCE
from topologies.derive.marks import read
from topologies.fleet.parameters import FleetParameters
from topologies.runtime.alert_rows import AlertRows
from topologies.runtime.alerts import Alert, Reconciled, Stretch, by_rule_and_device, reconcile_all
from topologies.runtime.batch import Wanted
from topologies.runtime.episodes import Episode
from topologies.runtime.model import Rule

QUERIES: Final = load_queries("topologies.derive", "fleet.sql")
Cursor = psycopg.AsyncCursor[Any]


class Marks(NamedTuple):
    """What is marked, by subject the earliest time."""

    ids: list[int]
    from_us: dict[str, int]


class Look:
    """What all looks have."""

    def __init__(self, cursor: Cursor, settings: Settings, city: City, as_of_us: int) -> None:
        """Bind it.

        Args:
            cursor: of the transaction.
            settings: of the installation.
            city: its rules.
            as_of_us: how far time has come.
        """
        self.cursor = cursor
        self.settings = settings
        self.city = city
        self.as_of_us = as_of_us
        self._alerts = AlertRows(cursor, settings, rules=RULES, family=FAMILY, source=SOURCE)

    async def marks(self, what: str) -> Marks:
        """Marks of a kind, at most `derive.batch_marks`; whoever has done them deletes them."""
        marks = Marks([], {})
        for identity, subject, bucket in await read(self.cursor, what, self.settings.derive.batch_marks):
            at_us = to_us(bucket)
            marks.ids.append(identity)
            marks.from_us[subject] = min(at_us, marks.from_us.get(subject, at_us))
        return marks

    async def rows(self, query: str, **parameters: Any) -> Sequence[tuple[Any, ...]]:
        """The rows of a query."""
        await self.cursor.execute(QUERIES[query], parameters)
        return await self.cursor.fetchall()

    def parameters(self, group: str, site: str, at_us: int) -> FleetParameters:
        """What holds for a place at a time."""
        return self.city.timeline(FleetParameters, FAMILY, group=group, site=site).at(at_us)

    async def stored(self, rule: Rule, begins: Mapping[str, int]) -> Sequence[Alert]:
        """The alerts of a rule that were not over at a time, by device."""
        wanted = [Wanted(rule.name, DevEui(device), begin_us) for device, begin_us in begins.items()]
        return await self._alerts.load(wanted)

    async def reconcile(
        self,
        rule: Rule,
        begins: Mapping[str, int],
        found: Mapping[str, Sequence[Episode]],
        stored: Sequence[Alert],
    ) -> Reconciled:
        """Give each episode of the devices its alert, and tell of it.

        Args:
            rule: whose alerts these are.
            begins: from when on each device was looked at.
            found: the episodes of each.
            stored: the alerts of each.
        """
        mine = by_rule_and_device(stored)
        # What was over when it was found is news to nobody.
        stretches = [
            Stretch(rule, device, found[device], mine.get((rule.name, device), ()), self.as_of_us, self.as_of_us)
            for device in sorted(begins)
        ]
        outcome = await reconcile_all(stretches, self._alerts)
        if any(outcome):
            await self._alerts.write(outcome)
        return outcome
