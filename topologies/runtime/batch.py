"""One batch of one partition, from its intake to what is written: the order of the steps, over a port.

The port is the topology's rows as one transaction sees them. The database has them, and `memory` has them for tests;
both are driven by the function below, so that what is proved in memory is what runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from topologies.runtime.alerts import Alert, Reconciled, episodes, reconcile
from topologies.runtime.fold import Cache, Folded, Folder, Late
from topologies.runtime.intake import Intake
from topologies.runtime.model import F, I, Rule, S


class Request(NamedTuple):
    """Somebody changed the sites of a device."""

    id: int
    device: DevEui
    from_us: int


_Fact = TypeVar("_Fact")
_Shown = TypeVar("_Shown")


class Store(Protocol[_Fact, _Shown]):
    """A topology's rows in one transaction of one partition."""

    async def requests(self) -> Sequence[Request]:
        """Requests to run devices of the partition again."""
        ...

    async def delete_requests(self, requests: Sequence[Request]) -> None:
        """Say that they are done."""
        ...

    async def facts(self, late: Sequence[Late]) -> Mapping[DevEui, Sequence[_Fact]]:
        """Facts of devices, each from the last one before a time on, in order."""
        ...

    async def alerts(
        self, rule: Rule, begins_us: Mapping[DevEui, int], events: Collection[Id]
    ) -> Mapping[str, Sequence[Alert]]:
        """By device: alerts that were not over at a time, and those that certain frames opened."""
        ...

    async def write(self, folded: Folded[_Fact, _Shown]) -> None:  # type: ignore[type-var]  # facts are Facts
        """Insert or replace facts and what is shown; append marks."""
        ...

    async def write_alerts(self, rule: Rule, outcome: Reconciled) -> None:
        """Write alerts and tell of them."""
        ...


async def fold_batch(
    folder: Folder[I, F, S],
    store: Store[F, S],
    cache: Cache[F, S],
    intake: Intake[I],
    *,
    rule: Rule | None,
    as_of_us: int | None,
) -> Folded[F, S]:
    """Fold a batch and write what follows.

    Args:
        folder: logic and places; the places have to be at least as new as the requests.
        store: the rows.
        cache: of the partition. Its devices are not changed: that is for after the commit.
        intake: what came; what is left out on the way is counted in it.
        rule: of the topology's alerts.
        as_of_us: up to when everything was handed over.
    """
    requests = await store.requests() if intake.ticked else []
    if requests:
        await store.delete_requests(requests)
    recompute: dict[DevEui, int] = {}
    for request in requests:
        recompute[request.device] = min(request.from_us, recompute.get(request.device, request.from_us))
    given = folder.sift(cache.devices, intake.given, intake.discarded)
    late = folder.late(cache.devices, given, recompute)
    history = await store.facts(late) if late else {}
    folded = folder.fold(cache, given, late=late, history=history, as_of_us=as_of_us)
    await store.write(folded)
    if rule is not None and folded.windows:
        await store.write_alerts(rule, await _reconciled(folder, store, folded, rule))
    return folded


async def _reconciled(folder: Folder[I, F, S], store: Store[F, S], folded: Folded[F, S], rule: Rule) -> Reconciled:
    windows = folded.windows
    found = {device: episodes(folder.logic, windows[device], folder.places) for device in sorted(windows)}
    known = await store.alerts(
        rule,
        {device: window.begins_us for device, window in windows.items()},
        {episode.opened_event for mine in found.values() for episode in mine},
    )
    outcome = Reconciled([], [], [])
    for device, mine in found.items():
        window, stored = windows[device], known.get(device, ())
        one = reconcile(
            rule,
            device,
            found=mine,
            stored=[a for a in stored if a.resolved_us is None or a.resolved_us > window.begins_us],
            known_us=window.known_us,
            taken=[a.id for a in stored],
        )
        outcome.stored.extend(one.stored)
        outcome.deleted.extend(one.deleted)
        outcome.told.extend(one.told)
    return outcome
