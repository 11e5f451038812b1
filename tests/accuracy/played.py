"""A city that has been played, as each topology's judge sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.simulator import CityPlan, Device, Family, Fate
from tests.accuracy.alerts import AlertRow
from tests.accuracy.database import Connection
from tests.accuracy.matching import Window


@dataclass(frozen=True, slots=True)
class Published:
    """What became of the messages: how many had which fate, ticks included, and whose uplinks were lost (by DevEUI)."""

    fates: Counter[Fate]
    lost: Counter[str]


@dataclass(frozen=True, slots=True)
class Played:
    """The plan with its devices, what was published of it, and a database in which everything has settled."""

    plan: CityPlan
    city: Sequence[Device]
    published: Published
    connection: Connection
    alerts: Sequence[AlertRow]
    window: Window

    def of(self, family: Family) -> list[Device]:
        """The devices of a family."""
        return [device for device in self.city if device.family is family]
