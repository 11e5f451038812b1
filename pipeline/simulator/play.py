"""The whole city in the order of time.

A merge of one generator for each device: memory holds one message per device and what is late, however long the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from heapq import merge
from itertools import takewhile
from types import MappingProxyType
from typing import Final

from pipeline.core.clock import SECOND_US
from pipeline.core.ticks import Tick, write_tick
from pipeline.simulator import containers, groundwater, lighting, parking, water, weather
from pipeline.simulator.breakdowns import death_us
from pipeline.simulator.chirpstack import Events, identity
from pipeline.simulator.chirpstack_json import JsonEvents
from pipeline.simulator.chirpstack_protobuf import ProtobufEvents
from pipeline.simulator.city import CityPlan, Encoding
from pipeline.simulator.devices import Device, devices
from pipeline.simulator.frames import Fate, Frame, Planned
from pipeline.simulator.models import Family
from pipeline.simulator.radio import Gateway, Link, gateways, link
from pipeline.simulator.session import LATENCY_US, Ordered, Session

FRAMES: Final[Mapping[Family, Callable[[CityPlan, Device], Iterator[Frame]]]] = MappingProxyType(
    {
        Family.PARKING: parking.frames,
        Family.GROUNDWATER: groundwater.frames,
        Family.CONTAINER: containers.frames,
        Family.LIGHTING: lighting.frames,
        Family.WEATHER: weather.frames,
        Family.WATER: water.frames,
    }
)


def events(plan: CityPlan, city: tuple[Device, ...] | None = None) -> Iterator[Planned]:
    """Every message of the plan, ticks included, in the order of publishing.

    A tick with `as_of` T is planned behind all messages whose events happened up to T. The last one says that the
    plan's time is over.
    """
    everyone = devices(plan) if city is None else city
    stations = gateways(plan)
    streams = [_messages(plan, device, stations) for device in everyone]
    for _, _, _, planned in merge(*streams, _ticks(plan, len(everyone))):
        yield planned


def written_events(plan: CityPlan, device: Device, reach: Link) -> Events:
    """The device's events in the encoding of its server."""
    who = identity(plan.seed, device)
    if plan.encoding_of(device.family) is Encoding.JSON:
        return JsonEvents(device, who, reach)
    return ProtobufEvents(device, who, reach)


def _messages(plan: CityPlan, device: Device, stations: tuple[Gateway, ...]) -> Iterator[Ordered]:
    reach = link(plan, device, stations)
    session = Session(plan, device, events=written_events(plan, device, reach), link=reach)
    dies_us = death_us(plan, device)
    frames = FRAMES[device.family](plan, device)
    return session.play(frames if dies_us is None else takewhile(lambda frame: frame.at_us < dies_us, frames))


def _ticks(plan: CityPlan, index: int) -> Iterator[Ordered]:
    step = int(plan.tick_seconds * SECOND_US)
    number = 0
    at = plan.start_us
    while at < plan.end_us:
        at = min(at + step, plan.end_us)
        for bridge in plan.bridges:
            number += 1
            payload = write_tick(Tick(bridge, at))
            published = at + LATENCY_US
            yield (
                published,
                index,
                number,
                Planned(published, f"silkstream/{bridge}/tick", payload, "", "tick", "", Fate.TICK),
            )
