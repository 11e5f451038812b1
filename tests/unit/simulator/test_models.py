"""The plan says which models play, and nothing else changes by it."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from hashlib import sha256

from pipeline.simulator import CityPlan, Family, Fate, devices, events
from pipeline.simulator.city import MODELS_FIELDS
from pipeline.simulator.models import MODELS, names_of

PLAN = CityPlan(
    duration=timedelta(hours=12),
    bays_koenigstrasse=8,
    bays_koelner_strasse=6,
    disabled_bays=2,
    wells=16,
    containers=9,
    luminaires=12,
)
EVERYTHING = PLAN.with_(
    weather_stations=6, water_meters=3, **{name: names_of(family) for name, family in MODELS_FIELDS.items()}
)


def digest(plan: CityPlan) -> str:
    whole = sha256()
    for planned in events(plan):
        whole.update(repr(tuple(planned)).encode())
    return whole.hexdigest()


def test_devices_of_a_family_take_turns_over_its_models() -> None:
    plan = PLAN.with_(
        parking_models=("nwave_nps405", "pni_placepod", "bosch_tps110"), container_models=("lobaro_oscar",)
    )
    models: dict[Family, list[str]] = defaultdict(list)
    for device in devices(plan):
        models[device.family].append(device.model.decoder)

    assert models[Family.PARKING][:4] == ["nwave_nps405", "pni_placepod", "bosch_tps110", "nwave_nps405"]
    assert set(models[Family.CONTAINER]) == {"lobaro_oscar"}
    assert set(models[Family.GROUNDWATER]) == {"decentlab_dl_pr26"}


def test_model_changes_what_a_bay_sends_and_not_what_happens_in_it() -> None:
    def changes(model: str) -> list[tuple[str, int, float | None]]:
        city = PLAN.flawless().with_(parking_models=(model,), wells=0, luminaires=0, containers=0)
        state: dict[str, float | None] = {}
        found = []
        for planned in events(city):
            if planned.event == "up" and state.get(planned.dev_eui) != planned.says:
                state[planned.dev_eui] = planned.says
                found.append((planned.dev_eui, planned.at_us, planned.says))
        return found

    assert changes("bosch_tps110") == changes("libelium_smart_parking") == changes("pni_placepod") != []


def test_city_of_every_model_is_played_alike_again() -> None:
    plan = EVERYTHING.with_(duration=timedelta(hours=2))

    assert digest(plan) == digest(plan)
    assert {device.model.decoder for device in devices(plan)} == set(MODELS)


def test_new_families_change_nothing_about_the_others() -> None:
    small = PLAN.with_(duration=timedelta(hours=1))
    grown = small.with_(weather_stations=3, water_meters=3)
    old = {device.dev_eui for device in devices(small)}
    kept = [planned for planned in events(grown) if planned.dev_eui in old or planned.fate is Fate.TICK]

    assert kept == list(events(small))
    assert len(devices(grown)) == len(devices(small)) + 6
