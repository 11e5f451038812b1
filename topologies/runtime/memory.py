"""A topology's rows in memory, and a worker for one partition over them: for tests that need no server.

The worker takes the same steps in the same order as the one on Kafka and TimescaleDB; only commit and positions are
left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Generic

from pipeline.core.clock import HOUR_US
from pipeline.core.identity import Id
from pipeline.core.model import DevEui, Record
from pipeline.core.ticks import as_of
from topologies.runtime.alerts import Alert, Reconciled, Told
from topologies.runtime.batch import Request, Wanted, fold_batch
from topologies.runtime.cache import Cache, Known
from topologies.runtime.fold import Folded, Folder, Late, schedule_all
from topologies.runtime.intake import Refusal, take_in
from topologies.runtime.model import F, I, Mark, S, Topology
from topologies.runtime.places import Places


@dataclass(slots=True)
class MemoryStore(Generic[F, S]):
    """The tables; a `Store`."""

    facts_by_device: dict[DevEui, dict[int, F]] = field(default_factory=dict)
    now: dict[DevEui, Known[F, S]] = field(default_factory=dict)
    alerts_by_id: dict[Id, Alert] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    waiting: list[Request] = field(default_factory=list)
    around: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    """What the queries of the topology's surroundings find."""

    async def requests(self) -> Sequence[Request]:
        """See the port."""
        return [request for request in self.waiting if request.device in self.now]

    async def delete_requests(self, requests: Sequence[Request]) -> None:
        """See the port."""
        self.waiting = [request for request in self.waiting if request not in requests]

    async def facts(self, late: Sequence[Late]) -> Mapping[DevEui, Sequence[F]]:
        """See the port."""
        found: dict[DevEui, Sequence[F]] = {}
        for device, from_us in late:
            mine = self.facts_by_device.get(device, {})
            before = max((at_us for at_us in mine if at_us < from_us), default=from_us)
            found[device] = [mine[at_us] for at_us in sorted(mine) if at_us >= before]
        return found

    async def surroundings(self, queries: Sequence[str], since_us: int) -> Mapping[str, Sequence[Sequence[Any]]]:
        """See the port."""
        del since_us
        return {query: self.around.get(query, ()) for query in queries}

    async def alerts(self, wanted: Sequence[Wanted]) -> Sequence[Alert]:
        """See the port."""
        begins_us = {(rule, device): begin_us for rule, device, begin_us in wanted}
        found = []
        for alert in self.alerts_by_id.values():
            begin_us = begins_us.get((alert.rule, DevEui(alert.device)))
            if begin_us is not None and (alert.resolved_us is None or alert.resolved_us > begin_us):
                found.append(alert)
        return found

    async def taken(self, ids: Collection[Id]) -> Collection[Id]:
        """See the port."""
        return [each for each in ids if each in self.alerts_by_id]

    async def write(self, folded: Folded[F, S]) -> None:
        """See the port."""
        for fact in (*folded.appended, *folded.changed):
            self.facts_by_device.setdefault(fact.device, {})[fact.observed_at_us] = fact
        self.now.update(folded.known)
        self.marks += sorted(folded.marks, key=attrgetter("order"))

    async def write_alerts(self, outcome: Reconciled) -> None:
        """See the port."""
        for gone in outcome.deleted:
            del self.alerts_by_id[gone]
        for alert in outcome.stored:
            self.alerts_by_id[alert.id] = alert
        self.told += outcome.told


class MemoryWorker(Generic[I, F, S]):
    """Works on one partition."""

    def __init__(self, topology: Topology[I, F, S], places: Places) -> None:
        self.topology = topology
        self.places = places
        self.store: MemoryStore[F, S] = MemoryStore()
        self.cache: Cache[F, S] = Cache({})
        self.raw_offset = -1
        self.bridges: Mapping[str, int] = {}
        self.discarded: Counter[str] = Counter()
        self.refusals: list[Refusal] = []

    @property
    def _folder(self) -> Folder[I, F, S]:
        topology = self.topology
        return Folder(
            topology.logic,
            self.places,
            topology.late_hours * HOUR_US,
            topology.maintenance,
            topology.surroundings,
        )

    @property
    def as_of_us(self) -> int | None:
        """Up to when everything was handed over."""
        return as_of(self.bridges)

    def correct(self, places: Places, requests: Sequence[Request]) -> None:
        """Change the sites, with the requests that go with it."""
        self.places = places
        self.store.waiting += requests

    def surround(self, query: str, row: tuple[Any, ...], requests: Sequence[Request]) -> None:
        """Let a query of the surroundings find one more row, in the order of rows, and ask for what follows from it."""
        rows = self.store.around.setdefault(query, [])
        rows.append(row)
        rows.sort()
        self.store.waiting += requests

    def restart(self) -> None:
        """Forget what only the memory knows, as a worker does that takes the partition anew."""
        self.cache = Cache(self.store.now)
        schedule_all(self.cache, self._folder)

    async def process(self, records: Sequence[Record]) -> None:
        """One batch."""
        intake = take_in(
            self.topology.logic,
            records,
            message=self.topology.message,
            raw_offset=self.raw_offset,
            bridges=self.bridges,
        )
        folded = await fold_batch(
            self._folder, self.store, self.cache, intake, rules=self.topology.rules, as_of_us=as_of(intake.bridges)
        )
        self.raw_offset, self.bridges = intake.raw_offset, intake.bridges
        self.cache.devices.update(folded.known)
        for device, deadline_us in folded.deadlines.items():
            self.cache.schedule(device, deadline_us)
        self.discarded += intake.discarded + folded.discarded
        self.refusals += [*intake.refusals, *folded.refusals]

    def result(self) -> dict[str, Any]:
        """What has to be equal however the records came: without ids of alerts, marks and events."""
        return {
            "facts": {
                device: dict(sorted(mine.items())) for device, mine in sorted(self.store.facts_by_device.items())
            },
            "now": {device: known.shown for device, known in sorted(self.store.now.items())},
            "alerts": sorted(
                alert._replace(id=b"", opened_event=b"", retrospective=False, silenced=False)
                for alert in self.store.alerts_by_id.values()
            ),
        }
