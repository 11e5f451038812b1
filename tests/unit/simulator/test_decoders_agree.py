"""The decoders read from the simulator's frames what the simulator says they hold.

Encoders and decoders were written apart, from the same documents: their agreement is a proof of both.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from decoders.api import DecodeError, Sample, Uplink
from decoders.registry import load
from pipeline.event.read import read_event
from pipeline.simulator import CityPlan, Device, Family, Fate, devices, events
from pipeline.simulator.groundwater import BAR_PER_METRE

PLAN = CityPlan(
    duration=timedelta(hours=24),
    wells=12,
    luminaires=40,
    broken_share=0.05,
    joins_per_day=2.0,
    abp_resets_per_day=2.0,
    failed_luminaire_share=0.2,
)
DECODERS = load()
PORT_OF_SYSTEM_NOTICES = 99


def decoded(device: Device, payload: bytes) -> tuple[int, list[Sample]]:
    event = read_event("up", payload, dev_eui=device.dev_eui)
    attributes = {"pressure_min_bar": 0.0, "pressure_max_bar": 1.0} if device.family is Family.GROUNDWATER else {}
    uplink = Uplink(event.f_port, event.data, attributes)
    return event.f_port, list(DECODERS[device.model.decoder].decode(uplink))


def said(device: Device, samples: list[Sample]) -> float | None:
    """What the samples say, in the terms of `Planned.says`."""
    for sample in samples:
        match device.family:
            case Family.PARKING:
                return float(getattr(sample, "occupied", None) or 0.0)
            case Family.CONTAINER:
                return float(getattr(sample, "distance_metres", 0.0))
            case Family.GROUNDWATER:
                probe = device.attributes["casing_top_metres_nhn"] - device.attributes["probe_depth_metres"]
                return probe + float(getattr(sample, "pressure_bar", 0.0)) / BAR_PER_METRE
            case Family.LIGHTING:
                failure = getattr(sample, "lamp_failure", None)
                if failure is not None:
                    return float(failure)
    return None


def test_every_accepted_frame_is_decoded_to_what_the_ledger_will_say() -> None:
    city = {device.dev_eui: device for device in devices(PLAN)}
    seen: Counter[tuple[Family, int]] = Counter()
    for planned in events(PLAN):
        if planned.event != "up" or planned.fate is not Fate.ACCEPTED:
            continue
        device = city[planned.dev_eui]
        port, samples = decoded(device, planned.payload)
        seen[device.family, port] += 1
        assert samples
        assert all(not sample.flags for sample in samples)
        # a millimetre is more than one step of any of the sensors
        assert said(device, samples) == (None if planned.says is None else pytest.approx(planned.says, abs=0.001))

    assert set(seen) == {
        (Family.PARKING, 1),
        (Family.PARKING, 2),
        (Family.PARKING, 3),
        (Family.GROUNDWATER, 1),
        (Family.CONTAINER, 85),
        (Family.LIGHTING, 23),
        (Family.LIGHTING, 26),
        (Family.LIGHTING, PORT_OF_SYSTEM_NOTICES),
    }


def test_every_broken_frame_is_refused() -> None:
    city = {device.dev_eui: device for device in devices(PLAN)}
    refused: Counter[Family] = Counter()
    for planned in events(PLAN):
        if planned.fate is Fate.BROKEN:
            device = city[planned.dev_eui]
            with pytest.raises(DecodeError):
                decoded(device, planned.payload)
            refused[device.family] += 1

    assert set(refused) == set(Family)
