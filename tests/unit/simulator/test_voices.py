"""Every reading of every frame is the physical truth, within the resolution of the model's format."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import pytest

from decoders.api import Sample, Uplink, check_attributes
from decoders.registry import load
from pipeline.core.clock import SECOND_US
from pipeline.simulator import CityPlan, Device, Family, containers, devices, groundwater, lighting, parking
from pipeline.simulator import water as water_meters
from pipeline.simulator import weather as weather_stations
from pipeline.simulator.city import MODELS_FIELDS
from pipeline.simulator.models import MODELS
from pipeline.simulator.moments import Bay, Container, Lamp, LampUsage, Meter, Moment, Weather, Well
from pipeline.simulator.voices import containers as container_voices
from pipeline.simulator.voices import groundwater as well_voices
from pipeline.simulator.voices import lighting as lamp_voices
from pipeline.simulator.voices import parking as bay_voices
from pipeline.simulator.voices import water as meter_voices
from pipeline.simulator.voices import weather as weather_voices

DECODERS: Final = load()
PLAN: Final = CityPlan(
    start=datetime(2026, 6, 2, tzinfo=UTC),
    duration=timedelta(hours=24),
    bays_koenigstrasse=2,
    bays_koelner_strasse=0,
    disabled_bays=2,
    wells=4,
    containers=4,
    luminaires=6,
    weather_stations=2,
    water_meters=24,
    failed_luminaire_share=0.4,
    weather_interval_seconds=1200.0,
    water_interval_seconds=3600.0,
    leaking_meter_share=0.7,
)

MOMENTS: Final[Mapping[Family, Callable[[CityPlan, Device], Iterator[Any]]]] = {
    Family.PARKING: parking.bays,
    Family.GROUNDWATER: groundwater.wells,
    Family.CONTAINER: containers.fills,
    Family.LIGHTING: lighting.lamps,
    Family.WEATHER: weather_stations.stations,
    Family.WATER: water_meters.meters,
}
VOICES: Final[Mapping[str, Callable[[Random, Any], Any]]] = {
    **bay_voices.VOICES,
    **well_voices.VOICES,
    **container_voices.VOICES,
    **lamp_voices.VOICES,
    **weather_voices.VOICES,
    **meter_voices.VOICES,
}

KINDS: Final[Mapping[Family, tuple[type[Moment], ...]]] = {
    Family.PARKING: (Bay,),
    Family.GROUNDWATER: (Well,),
    Family.CONTAINER: (Container,),
    Family.LIGHTING: (Lamp, LampUsage),
    Family.WEATHER: (Weather,),
    Family.WATER: (Meter,),
}

Truth = tuple[Callable[[Any], float | bool], float]
"""What a quantity should be, and by how much the finest of the models may be off."""

BATTERY: Final[Mapping[str, Truth]] = {
    "battery_volts": (lambda m: m.battery_volts, 0.0006),
    "battery_ratio": (lambda m: m.battery_percent / 100, 0.0),
    "battery_low": (lambda m: m.battery_low, 0),
    "device_time_unix_seconds": (lambda m: m.at_us // SECOND_US, 0),
}
TRUTHS: Final[Mapping[type[Moment], Mapping[str, Truth]]] = {
    Bay: {
        **BATTERY,
        "occupied": (lambda m: m.occupied, 0),
        "heartbeat": (lambda m: not m.changed, 0),
        "device_temperature_celsius": (lambda m: m.ground_celsius, 0.051),
    },
    Well: {
        **BATTERY,
        "pressure_bar": (lambda m: m.pressure_bar, 0.00007),
        "absolute_pressure_bar": (lambda m: m.pressure_bar + m.air_hectopascals / 1000, 0.00001),
        "water_column_metres": (lambda m: m.column_metres, 0.00051),
        "water_temperature_celsius": (lambda m: m.water_celsius, 0.0051),
        "water_conductivity_microsiemens_per_centimetre": (lambda m: m.microsiemens_per_centimetre, 0.5),
        "air_pressure_hectopascals": (lambda m: m.air_hectopascals, 0.001),
        "air_temperature_celsius": (lambda m: m.air_celsius, 0.001),
    },
    Container: {
        **BATTERY,
        "distance_metres": (lambda m: m.distance_metres, 1e-9),
        "sensor_fill_ratio": (lambda m: min(1.0, max(0.0, m.fill_ratio)), 0.0051),
        "tilted": (lambda m: m.tilted, 0),
        "lid_open": (lambda m: m.tilted, 0),
        "device_temperature_celsius": (lambda m: m.air_celsius, 0.051),
        "content_temperature_celsius": (lambda m: m.air_celsius, 0.051),
        "latitude_degrees": (lambda m: m.device.latitude, 1e-6),
        "longitude_degrees": (lambda m: m.device.longitude, 1e-6),
    },
    Lamp: {
        "device_time_unix_seconds": BATTERY["device_time_unix_seconds"],
        "dimming_ratio": (lambda m: m.level_percent / 100, 1e-9),
        "commanded_dimming_ratio": (lambda m: m.level_percent / 100, 1e-9),
        "lamp_failure": (lambda m: m.dark, 0),
        "lamp_on": (lambda m: m.level_percent > 0 and not m.dark, 0),
        "lamp_error_alert": (lambda m: m.dark, 0),
        "downlink_rssi_dbm": (lambda m: m.downlink_rssi_dbm, 0),
        "downlink_snr_db": (lambda m: m.downlink_snr_db, 0),
        "device_temperature_celsius": (lambda m: m.inside_celsius, 0),
    },
    LampUsage: {
        # a driver's own meter, on another channel, sees less than the node's
        "active_energy_watt_hours": (lambda m: m.energy_watt_hours, 1.0),
        "active_power_watts": (lambda m: m.power_watts, 0.5),
        "mains_volts": (lambda m: m.mains_volts, 0),
        "driver_operating_seconds": (lambda m: m.driver_seconds, 0),
        "lamp_on_seconds": (lambda m: m.lamp_seconds, 0),
    },
    Weather: {
        **BATTERY,
        "air_temperature_celsius": (lambda m: m.air.celsius, 0.051),
        "relative_humidity_ratio": (lambda m: m.air.humidity_ratio, 0.00051),
        "air_pressure_hectopascals": (lambda m: m.air.hectopascals, 0.051),
        "wind_speed_metres_per_second": (lambda m: m.air.wind_metres_per_second, 0.051),
        "wind_gust_metres_per_second": (lambda m: m.air.gust_metres_per_second, 0.051),
        "wind_direction_degrees": (lambda m: m.air.direction_degrees, 0.051),
        "solar_irradiance_watts_per_square_metre": (lambda m: m.air.irradiance_watts_per_square_metre, 0.051),
        "illuminance_lux": (lambda m: 115 * m.air.irradiance_watts_per_square_metre, 0.51),
        "uv_index": (lambda m: m.air.uv_index, 0.051),
        "rain_total_millimetres": (lambda m: m.air.rain_total_millimetres, 0.0051),
        "rain_rate_millimetres_per_hour": (lambda m: m.air.rain_millimetres_per_hour, 0.00051),
        "lightning_strikes_count": (lambda m: m.air.strikes, 0),
        "vapour_pressure_hectopascals": (
            lambda m: weather_stations.saturation_hectopascals(m.air.celsius) * m.air.humidity_ratio,
            0.051,
        ),
    },
    Meter: {
        "device_time_unix_seconds": BATTERY["device_time_unix_seconds"],
        "battery_low": BATTERY["battery_low"],
        "water_volume_litres": (lambda m: m.litres, 0),
        "leak": (lambda m: m.leaking, 0),
        "water_temperature_celsius": (lambda m: m.water_celsius, 0.0051),
    },
}
COARSE: Final[Mapping[tuple[str, str], float]] = {
    ("bosch_tps110", "device_temperature_celsius"): 0.51,
    ("libelium_smart_parking", "device_temperature_celsius"): 0.51,
    ("tekzitel_tekzipark", "device_temperature_celsius"): 0.51,
    ("nwave_nps405", "device_temperature_celsius"): 0.251,
    ("nwave_nps405", "battery_volts"): 0.09,  # its byte ends at 3.52 V
    ("pni_placepod", "battery_volts"): 0.0051,
    ("decentlab_dl_ctd10", "water_temperature_celsius"): 0.051,
    ("decentlab_dl_pr36ctd", "device_temperature_celsius"): 0.31,
    ("milesight_em500_swl", "water_column_metres"): 0.0051,
    ("pepperl_fuchs_wilsen", "distance_metres"): 0.0051,
    ("pepperl_fuchs_wilsen", "battery_volts"): 0.051,
    ("sentinum_apollon", "device_temperature_celsius"): 0.51,
    ("sentinum_apollon", "battery_volts"): 3.0,  # another pack of cells
    ("tekelek_tek766", "distance_metres"): 0.0051,
    ("tekelek_tek766", "device_temperature_celsius"): 0.51,
    ("comtac_e1310", "dimming_ratio"): 0.015,  # steps of DALI's curve are 2.8 percent of the light
    ("milesight_wts506", "relative_humidity_ratio"): 0.00251,
    ("sensecap_s2120", "relative_humidity_ratio"): 0.0051,
    ("sensecap_s2120", "wind_direction_degrees"): 0.51,
    ("sensecap_s2120", "battery_ratio"): 1.0,  # it knows two states
}
NEVER: Final[Mapping[str, set[str]]] = {
    "bosch_tps110": {"device_time_unix_seconds"},  # of debug frames
    "dragino_ps_lb": {"pressure_bar"},  # the city's probes tell depths
    # a node of this firmware tells lamps, and the times of drivers, only when it is asked
    "nas_ul2030": {"lamp_on", "lamp_failure"},
}
"""Quantities that the decoder knows and the city's devices of that model do not send."""


def readings_of(moment: Moment, samples: list[Sample]) -> Iterator[tuple[str, float, float]]:
    """Each reading about now that there is a truth for: its name, what was read, what is true."""
    for sample in samples:
        if sample.taken_unix_seconds is not None:
            continue
        for name, (truth, _) in TRUTHS[type(moment)].items():
            value = getattr(sample, name, None)
            driver = isinstance(moment, LampUsage) and sample.channel and name.startswith("active_")
            if value is not None and not driver:
                yield name, value, truth(moment)


def fits(model: str, kind: type[Moment], name: str, value: float, true: float) -> bool:
    """Whether a reading is as near to the truth as the model can tell."""
    step = max(TRUTHS[kind][name][1], COARSE.get((model, name), 0.0))
    off = abs(value - true)
    return min(off, abs(360.0 - off)) <= step if name == "wind_direction_degrees" else off <= step + 1e-12


def spoken(model: str, plan: CityPlan = PLAN) -> Iterator[tuple[Moment, list[Sample]]]:
    """What a model's devices say in a day, decoded, each frame with the moment that it is about."""
    family, decoder = MODELS[model].family, DECODERS[model]
    field = next(name for name, each in MODELS_FIELDS.items() if each is family)
    plan = plan.with_(**{field: (model,)})
    for device in devices(plan):
        if device.family is family:
            attributes = check_attributes(decoder, device.tags)
            rng = Random(device.dev_eui)
            for moment in MOMENTS[family](plan, device):
                for sent in VOICES[model](rng, moment):
                    yield moment, list(decoder.decode(Uplink(sent.f_port, sent.payload, attributes)))


@pytest.mark.parametrize("model", sorted(MODELS))
def test_readings_are_the_truth_within_the_resolution_of_the_model(model: str) -> None:
    compared: Counter[str] = Counter()
    wrong = []
    for moment, samples in spoken(model):
        for name, value, true in readings_of(moment, samples):
            # what a radar or laser of its own sees is another sample of the same distance
            compared[name] += 1
            if not fits(model, type(moment), name, value, true):
                wrong.append((name, value, true))
    kinds = KINDS[MODELS[model].family]
    known = {each.name for kind in DECODERS[model].samples for each in fields(kind)}
    expected = known & {name for kind in kinds for name in TRUTHS[kind]} - NEVER.get(model, set())

    assert not wrong[:5]
    assert set(compared) >= expected


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("dragino_ps_lb", "water_column_metres"),
        ("milesight_em500_swl", "water_column_metres"),
        ("dragino_dds75", "distance_metres"),
        ("milesight_wts506", "air_temperature_celsius"),
        ("milesight_wts506", "rain_total_millimetres"),
        ("milesight_wts506", "air_pressure_hectopascals"),
    ],
)
def test_history_tells_what_was_true_then(model: str, name: str) -> None:
    true: dict[tuple[str, int], float] = {}
    compared = 0
    for moment, samples in spoken(model):
        truth = TRUTHS[type(moment)][name][0](moment)
        true[moment.device.dev_eui, moment.at_us // SECOND_US] = truth
        for sample in samples:
            if sample.taken_unix_seconds is not None and getattr(sample, name) is not None:
                then = true[moment.device.dev_eui, sample.taken_unix_seconds]
                assert fits(model, type(moment), name, getattr(sample, name), then)
                compared += 1

    assert compared >= 4


def test_meters_tell_the_hours_before() -> None:
    layouts: Counter[int] = Counter()
    for moment, samples in spoken("axioma_qalcosonic_w1"):
        assert isinstance(moment, Meter)
        logged = [sample for sample in samples if sample.taken_unix_seconds is not None]
        layouts[len(logged)] += 1
        for sample in logged:
            hour_us = (sample.taken_unix_seconds or 0) * SECOND_US
            assert sample.water_volume_litres == moment.litres_at(hour_us)  # type: ignore[attr-defined]  # a volume

    # alarms and the three layouts
    assert set(layouts) == {0, 24, 16, 15}


def test_nwave_tells_how_long_the_state_before_has_lasted() -> None:
    seen = set()
    for moment, samples in spoken("nwave_nps405", PLAN.with_(duration=timedelta(days=3))):
        sample: Any = samples[0]
        if sample.previous_state_seconds is not None:
            assert isinstance(moment, Bay)
            longer = moment.state_us / SECOND_US - sample.previous_state_seconds
            error = sample.previous_state_error_seconds
            assert 0 <= longer < (math.inf if error is None else error + 60)
            seen.add(error)

    # by minutes, by five of them, by hours, and longer than the sensor can tell
    assert seen == {0.0, 240.0, 3540.0, None}


def test_rain_of_each_interval_adds_up_to_the_total() -> None:
    fallen: Counter[str] = Counter()
    total: dict[str, float] = {}
    for moment, samples in spoken("decentlab_dl_atm41g2"):
        sample: Any = samples[0]
        fallen[moment.device.dev_eui] += round(sample.rain_millimetres * 1000)
        total[moment.device.dev_eui] = sample.rain_total_millimetres

    assert all(millimetres > 8 for millimetres in total.values())
    assert {dev_eui: micrometres / 1000 for dev_eui, micrometres in fallen.items()} == pytest.approx(total)


def test_frames_fit_into_the_slowest_data_rate() -> None:
    for model in MODELS:
        family = MODELS[model].family
        field = next(name for name, each in MODELS_FIELDS.items() if each is family)
        plan = PLAN.with_(**{field: (model,)})
        device = next(device for device in devices(plan) if device.family is family)
        rng = Random(1)
        for moment in MOMENTS[family](plan, device):
            for sent in VOICES[model](rng, moment):
                # 51 bytes at DR0 to DR2 in Europe
                assert 0 < len(sent.payload) <= 51
