"""What is computed anew where older facts are gone: only what the facts that are left can tell of."""

from __future__ import annotations

from typing import Any

from pipeline.city.model import City
from pipeline.core.model import DevEui
from tests.unit.topologies.material import at, eui, places, reading, records
from topologies.container import topology as container
from topologies.runtime.batch import Request
from topologies.runtime.memory import MemoryWorker

DEVICE = DevEui(eui(1))
GEOMETRY = {"empty_distance_metres": 2.0, "full_distance_metres": 0.0}
PLACES = places([(DEVICE, 0, "a")], [("a", 0, "", GEOMETRY)])
ANOTHER = places([(DEVICE, 0, "a")], [("a", 0, "", {**GEOMETRY, "empty_distance_metres": 2.1})])
HOURS = 60.0


async def corrected(kept_from_minutes: float, *, hours: int = 12) -> MemoryWorker[Any, Any, Any]:
    """A container that was overfull twice, whose site is corrected when facts before a time are gone."""
    worker: MemoryWorker[Any, Any, Any] = MemoryWorker(container.of_city(City()), PLACES)
    distances = [1.0, *3 * [-0.3], 1.0, 1.0, 1.0, *3 * [-0.3], 1.0, 1.0]
    content = [
        reading(DEVICE, HOURS * hour, {"distance_metres": each}) for hour, each in enumerate(distances[:hours], 1)
    ]
    for record in records(content):
        await worker.process([record])
    mine = worker.store.facts_by_device[DEVICE]
    for at_us in [each for each in mine if each < at(kept_from_minutes)]:
        del mine[at_us]
    worker.store.told.clear()
    worker.correct(ANOTHER, [Request(1, DEVICE, at(0))])
    await worker.process(records([*content, (hours + 1) * HOURS])[-1:])
    return worker


def overfull(worker: MemoryWorker[Any, Any, Any]) -> list[tuple[int, int | None]]:
    """From when to when it was."""
    alerts = worker.store.alerts_by_id.values()
    return sorted((each.since_us, each.resolved_us) for each in alerts if each.rule == "container_overfull")


async def test_alerts_from_before_the_facts_that_are_kept_stay_and_nobody_is_told() -> None:
    worker = await corrected(6.5 * HOURS)

    assert overfull(worker) == [(at(2 * HOURS), at(5 * HOURS)), (at(8 * HOURS), at(11 * HOURS))]
    # The later one is told anew: by the corrected site it was less full.
    assert [(told.kind, told.alert.since_us) for told in worker.store.told] == [("updated", at(8 * HOURS))]
    kept = worker.store.facts_by_device[DEVICE]
    assert min(kept) == at(7 * HOURS)
    assert {round(fact.level_ratio, 3) for fact in kept.values()} == {round(1 - 1.0 / 2.1, 3), 1.0}


async def test_an_alert_that_began_before_them_keeps_its_beginning() -> None:
    worker = await corrected(9.5 * HOURS)

    assert overfull(worker) == [(at(2 * HOURS), at(5 * HOURS)), (at(8 * HOURS), at(11 * HOURS))]
    assert worker.store.told == []
    levels = [round(fact.level_ratio, 3) for fact in worker.store.facts_by_device[DEVICE].values()]
    assert levels == [1.0, round(1 - 1.0 / 2.1, 3), round(1 - 1.0 / 2.1, 3)]


async def test_alerts_stay_where_no_fact_is_kept() -> None:
    worker = await corrected(100 * HOURS, hours=10)

    assert overfull(worker) == [(at(2 * HOURS), at(5 * HOURS)), (at(8 * HOURS), None)]
    assert worker.store.told == []
