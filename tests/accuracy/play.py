"""A city played straight into a namespace: its messages as the records that the bridge would make of them.

The bridge itself is left out, because a month is to pass in minutes; what it does to a message is the same function.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.core.model import Outgoing
from pipeline.core.settings import Settings
from pipeline.ingest.translate import Message, Origin, Translator
from pipeline.kafka.partitioner import partition_of
from pipeline.kafka.producer import open_sink
from pipeline.simulator import CityPlan, Device, Fate, events
from tests.accuracy.played import Published

BRIDGE: Final = "accuracy"
_AT_ONCE: Final = 2000

BROKEN: Final = CityPlan(
    seed="accuracy",
    # with the end of summer time in it
    start=datetime(2025, 10, 4, tzinfo=UTC),
    duration=timedelta(days=30),
    encoding="both",
    bridges=(BRIDGE,),
    tick_seconds=300.0,
    join_at_start=True,
    bays_koenigstrasse=50,
    bays_koelner_strasse=40,
    disabled_bays=10,
    wells=60,
    containers=40,
    luminaires=60,
    water_meters=30,
    weather_stations=1,
    well_interval_seconds=1800.0,
    # what is true
    failed_luminaire_share=0.2,
    leaking_meter_share=0.3,
    toppled_containers_per_day=0.03,
    dead_device_share=0.04,
    gateway_outages_per_day=0.05,
    # what the network makes of it
    lost_share=0.02,
    broken_share=0.005,
    duplicate_share=0.01,
    late_copy_share=0.01,
    # what sensors make of it
    missed_car_share=0.01,
    stuck_bays_per_day=0.01,
    wrong_echo_share=0.005,
    blind_containers_per_day=0.02,
    lifted_probes_per_day=0.02,
    drifting_probe_share=0.1,
)
"""A month in which everything goes wrong now and then."""


def perfect(plan: CityPlan) -> CityPlan:
    """The same city on perfect data; it answers for its batteries as often."""
    return plan.flawless().with_(statuses_per_day=plan.statuses_per_day)


async def publish(settings: Settings, plan: CityPlan, city: tuple[Device, ...]) -> Published:
    """Write the whole city into the raw topic."""
    origin = Origin(
        bridge=BRIDGE,
        region="eu868",
        network_server="simulator",
        namespace=settings.namespace,
        partitions=settings.topics.partitions,
    )
    translator = Translator(origin, partition_of)
    published = Published(Counter(), Counter())
    batch: list[Outgoing] = []
    async with open_sink(settings) as sink:
        for planned in events(plan, city):
            published.fates[planned.fate] += 1
            if planned.fate is Fate.LOST:
                published.lost[planned.dev_eui] += 1
            else:
                message = Message(planned.topic, planned.payload, qos=1, mid=0, connection=0)
                batch.extend(translator.translate(message, planned.at_us).records)
            if len(batch) >= _AT_ONCE:
                await sink.send(batch)
                batch.clear()
        await sink.send(batch)
    return published
