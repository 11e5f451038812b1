"""One batch of one partition, from its intake to what is written: the order of the steps, over a port.

The port is the topology's rows as one transaction sees them. The database has them, and `memory` has them for tests;
both are driven by the function below, so that what is proved in memory is what runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from pipeline.core.clock import DAY_US
from pipeline.core.identity import Id
from pipeline.core.model import DevEui
from topologies.runtime.alerts import Alert, Reconciled, Stretch, by_rule_and_device, reconcile_all
from topologies.runtime.cache import Bound, Cache
from topologies.runtime.episodes import begins_us, episodes
from topologies.runtime.fold import Folded, Folder, Late
from topologies.runtime.intake import Intake
from topologies.runtime.model import F, I, Rule, S

_AHEAD_US: Final = DAY_US
"""So much more is loaded than is needed: the next late reading may be a little older."""


class Request(NamedTuple):
    """Somebody changed the sites of a device, or what surrounds it."""

    id: int
    device: DevEui
    from_us: int


class Wanted(NamedTuple):
    """Whose stored alerts the reconciliation needs."""

    rule: str
    device: DevEui
    begins_us: int


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

    async def surroundings(self, queries: Sequence[str], since_us: int) -> Mapping[str, Sequence[Sequence[Any]]]:
        """The rows of queries; what is older than a time may be missing."""
        ...

    async def alerts(self, wanted: Sequence[Wanted]) -> Sequence[Alert]:
        """Alerts of a rule and device that were not over at a time."""
        ...

    async def taken(self, ids: Collection[Id]) -> Collection[Id]:
        """Those of some ids that an alert has."""
        ...

    async def write(self, folded: Folded[_Fact, _Shown]) -> None:  # type: ignore[type-var]  # facts are Facts
        """Insert or replace facts and what is shown; append marks."""
        ...

    async def write_alerts(self, outcome: Reconciled) -> None:
        """Write alerts and tell of them, in this order."""
        ...


async def fold_batch(
    folder: Folder[I, F, S],
    store: Store[F, S],
    cache: Cache[F, S],
    intake: Intake[I],
    *,
    rules: Sequence[Rule],
    as_of_us: int | None,
) -> Folded[F, S]:
    """Fold a batch and write what follows.

    Args:
        folder: logic and places; the places have to be at least as new as the requests.
        store: the rows.
        cache: of the partition. Its devices are not changed: that is for after the commit.
        intake: what came; what is left out on the way is counted in it.
        rules: of the topology's alerts.
        as_of_us: up to when everything was handed over.
    """
    requests = await store.requests() if intake.ticked else []
    if requests:
        await store.delete_requests(requests)
    recompute: dict[DevEui, int] = {}
    for request in requests:
        recompute[request.device] = min(request.from_us, recompute.get(request.device, request.from_us))
    given, late = folder.sift(cache.devices, intake.given, recompute, intake.discarded)
    history = await store.facts(late) if late else {}
    if folder.surroundings is not None:
        times = [each.from_us for each in late]
        times += [each.observed_at_us for inputs in given.values() for each, _ in inputs]
        folder = await _surrounded(folder, store, cache, times, anew=bool(requests))
    folded = folder.fold(cache, given, late=late, history=history, as_of_us=as_of_us)
    await store.write(folded)
    if rules and folded.windows:
        outcome = await _reconciled(folder, store, folded, {rule.name: rule for rule in rules})
        if any(outcome):
            await store.write_alerts(outcome)
    return folded


async def _surrounded(
    folder: Folder[I, F, S], store: Store[F, S], cache: Cache[F, S], times: Sequence[int], *, anew: bool
) -> Folder[I, F, S]:
    """With the logic among what surrounds these times.

    Who changes a value asks for what follows from it to be recomputed. So what was loaded is good until a request
    comes; each partition has its own, since its requests say nothing of another one's.
    """
    surroundings = folder.surroundings
    if anew:
        cache.bound = None
    if surroundings is None or not times:
        return folder
    from_us = min(times) - surroundings.reach_us
    if cache.bound is None or from_us < cache.bound.from_us:
        from_us -= _AHEAD_US
        cache.bound = Bound(surroundings.bind(await store.surroundings(surroundings.queries, from_us)), from_us)
    return replace(folder, logic=cache.bound.logic)


async def _reconciled(
    folder: Folder[I, F, S], store: Store[F, S], folded: Folded[F, S], rules: Mapping[str, Rule]
) -> Reconciled:
    logic, windows = folder.logic, folded.windows
    order = sorted(windows)
    found = {device: episodes(logic, windows[device], folder.places, rules, folder.maintenance) for device in order}
    wanted = [
        Wanted(rule, device, begins_us(windows[device], logic, rule))
        for device in order
        for rule in rules
        if rule in windows[device].rules
    ]
    stored = by_rule_and_device(await store.alerts(wanted))
    stretches = [
        Stretch(
            rules[rule],
            device,
            found[device].get(rule, ()),
            stored.get((rule, device), ()),
            windows[device].known_us,
            windows[device].horizon_us,
        )
        for rule, device, _ in wanted
    ]
    outcome = await reconcile_all(stretches, store)
    # As if the batch had come record by record.
    outcome.told.sort(key=lambda told: told.at_us)
    return outcome
