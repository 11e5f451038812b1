"""`silkstream simulate --set`: the plan by name, and one clear sentence where a name is wrong."""

from __future__ import annotations

import pytest

from pipeline.core.errors import SettingsError
from pipeline.simulator.command import plan_of


def test_models_are_set_by_the_names_of_their_decoders() -> None:
    plan = plan_of(["parking_models=nwave_nps405, pni_placepod", "weather_stations=4", "lost_share=0.5"])

    assert plan.parking_models == ("nwave_nps405", "pni_placepod")
    assert plan.weather_stations == 4
    assert plan.lost_share == 0.5


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "parking_models=nwave_nps406",
            "parking_models=nwave_nps406: 'nwave_nps406' is no parking model; expected one",
        ),
        ("well_models=bosch_tps110", "well_models=bosch_tps110: 'bosch_tps110' is no groundwater model"),
        ("water_models=", "water_models=: '' is no water model; expected one or more of axioma_qalcosonic_w1"),
        ("bridges=a", "expected NAME=VALUE"),
        ("wells=many", "expected a value of type int"),
    ],
)
def test_wrong_setting_is_refused_in_one_sentence(change: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        plan_of([change])
