"""The decoders read from the simulator's frames what the simulator says they hold, for every model.

Encoders and decoders were written apart, from the same documents: their agreement is a proof of both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from types import MappingProxyType
from typing import Final

import pytest

from decoders.api import DecodeError, Sample, Uplink, check_attributes
from decoders.registry import load
from pipeline.event.read import read_event
from pipeline.simulator import CityPlan, Device, Family, Fate, Planned, devices, events
from pipeline.simulator.city import MODELS_FIELDS
from pipeline.simulator.groundwater import BAR_PER_METRE
from pipeline.simulator.models import MODELS

DECODERS: Final = load()
BUILT_IN: Final = {name for name, each in DECODERS.items() if each.decode.__module__.startswith("decoders.")}

NOBODY: Final = CityPlan(
    bays_koenigstrasse=0, bays_koelner_strasse=0, disabled_bays=0, wells=0, containers=0, luminaires=0
)
COUNTS: Final[Mapping[Family, Mapping[str, int]]] = {
    Family.PARKING: {"bays_koenigstrasse": 3, "disabled_bays": 2},
    Family.GROUNDWATER: {"wells": 4},
    Family.CONTAINER: {"containers": 10},
    Family.LIGHTING: {"luminaires": 6},
    Family.WEATHER: {"weather_stations": 4},
    Family.WATER: {"water_meters": 24},
}

PORTS: Final[Mapping[str, set[int]]] = {
    "axioma_qalcosonic_w1": {100, 103},
    "bosch_tps110": {1, 2, 3},
    "comtac_e1310": {1},
    "decentlab_dl_atm41g2": {1},
    "decentlab_dl_ctd10": {1},
    "decentlab_dl_mbx": {1},
    "decentlab_dl_pr26": {1},
    "decentlab_dl_pr36": {1},
    "decentlab_dl_pr36ctd": {1},
    "dragino_dds75": {2, 3, 5},
    "dragino_ps_lb": {2, 3, 5},
    "keller_adt1": {1, 4},
    "libelium_smart_parking": {1},
    "lobaro_oscar": {1, 2},
    "lobaro_pressure_26d": {1},
    "milesight_em310_udl": {85},
    "milesight_em400_mud": {85},
    "milesight_em400_tld": {85},
    "milesight_em500_swl": {85},
    "milesight_wts506": {85},
    "nas_ul2030": {24, 25, 99},
    "nas_ul20xx": {23, 26, 99},
    "nwave_nps310": {1, 2, 3},
    "nwave_nps405": {1, 2, 3, 10},
    "pepperl_fuchs_wilsen": {1},
    "pni_placepod": {1},
    "sensecap_s2120": {3},
    "sentinum_apollon": {1},
    "tekelek_tek766": {0x10, 0x30, 0x45},
    "tekzitel_tekzipark": {1, 2},
}
"""The ports that a model sends on by itself in the course of its life."""

ODD_FLAGS: Final[Mapping[str, set[str]]] = {
    "dragino_dds75": {"no_echo"},  # it does not see what is nearer than 28 cm
    "nwave_nps405": {"lower_bound"},  # a state that has lasted for more than eleven hours
    "tekelek_tek766": {"history_unplaced"},  # earlier readings have no times
}
SILENT: Final = {"nas_ul2030"}
"""Models that say nothing by themselves that their family can be judged by."""


def plan_of(model: str) -> CityPlan:
    """A day of a few devices of that model, in which much goes wrong."""
    family = MODELS[model].family
    field = next(name for name, each in MODELS_FIELDS.items() if each is family)
    return NOBODY.with_(
        **COUNTS[family],
        **{field: (model,)},
        duration=timedelta(hours=24),
        broken_share=0.15,
        join_at_start=True,
        abp_resets_per_day=2.0,
        failed_luminaire_share=0.4,
        water_interval_seconds=1800.0,
        leaking_meter_share=0.7,
        weather_interval_seconds=1200.0,
        tick_seconds=86_400.0,
    )


@cache
def played(model: str) -> tuple[Mapping[str, Device], tuple[Planned, ...]]:
    plan = plan_of(model)
    city = devices(plan)
    ups = tuple(planned for planned in events(plan, city) if planned.event == "up" and planned.topic)
    return MappingProxyType({device.dev_eui: device for device in city}), ups


def decoded(device: Device, payload: bytes) -> tuple[int, list[Sample]]:
    """As the pipeline does it: the decoder and its attributes by the tags of the profile."""
    event = read_event("up", payload, dev_eui=device.dev_eui)
    decoder = DECODERS[event.device.tags["decoder"]]
    uplink = Uplink(event.f_port, event.data, check_attributes(decoder, event.device.tags))
    return event.f_port, list(decoder.decode(uplink))


def values(samples: list[Sample], quantity: str) -> Iterator[float]:
    """What the samples say about now."""
    for sample in samples:
        value = getattr(sample, quantity, None)
        if value is not None and sample.taken_unix_seconds is None:
            yield float(value)


def said(device: Device, samples: list[Sample]) -> float | None:
    """What the samples say, in the terms of `Planned.says`."""
    match device.family:
        case Family.PARKING:
            return next(values(samples, "occupied"), None)
        case Family.CONTAINER:
            return next(values(samples, "distance_metres"), None)
        case Family.GROUNDWATER:
            bar = next(values(samples, "pressure_bar"), None)
            column = next(values(samples, "water_column_metres"), None if bar is None else bar / BAR_PER_METRE)
            probe = device.attributes["measuring_point_metres_nhn"] - device.attributes["suspension_metres"]
            return None if column is None else probe + column
        case Family.LIGHTING:
            return next(values(samples, "lamp_failure"), None)
        case Family.WEATHER:
            return next(values(samples, "air_temperature_celsius"), None)
        case _:
            # a meter that tells no volume of the moment has logged that of last midnight
            logged = [(each.taken_unix_seconds or 0, getattr(each, "water_volume_litres", None)) for each in samples]
            latest = [value for _, value in sorted(logged) if value is not None][-1:]
            return next(values(samples, "water_volume_litres"), latest[0] if latest else None)


def test_every_built_in_decoder_has_a_model_of_its_family() -> None:
    assert set(MODELS) == BUILT_IN == set(PORTS)
    assert {name: MODELS[name].family.value for name in BUILT_IN} == {name: DECODERS[name].family for name in BUILT_IN}


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_accepted_frame_is_decoded_to_what_the_ledger_will_say(model: str) -> None:
    city, ups = played(model)
    ports: dict[int, int] = defaultdict(int)
    judged = 0
    for planned in ups:
        if planned.fate is not Fate.ACCEPTED:
            continue
        device = city[planned.dev_eui]
        port, samples = decoded(device, planned.payload)
        ports[port] += 1
        judged += planned.says is not None
        assert samples
        assert {flag for sample in samples for flag in sample.flags} <= ODD_FLAGS.get(model, set())
        # a millimetre is more than one step of any of the sensors, once its own rounding is allowed for
        assert said(device, samples) == (None if planned.says is None else pytest.approx(planned.says, abs=0.001))

    assert set(ports) == PORTS[model]
    assert (judged > 0) == (model not in SILENT)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_broken_frame_is_refused(model: str) -> None:
    city, ups = played(model)
    refused = 0
    for planned in ups:
        if planned.fate is Fate.BROKEN:
            with pytest.raises(DecodeError):
                decoded(city[planned.dev_eui], planned.payload)
            refused += 1

    assert refused > 5
