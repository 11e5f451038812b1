"""Street lights: what is judged, on a handful of rows."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pipeline.core.clock import DAY_US, HOUR_US, to_us
from pipeline.simulator import CityPlan, Family, devices
from pipeline.simulator.truth import Course, told_level
from tests.accuracy import lighting
from tests.accuracy.alerts import AlertRow
from tests.accuracy.matching import Section, Span, Window

NIGHT = date(2026, 3, 10)
NOON, NEXT = lighting.bounds_us(NIGHT)
WINDOW = Window(NOON - DAY_US, NEXT + DAY_US)
DUSK, DAWN = NOON + 7 * HOUR_US, NOON + 18 * HOUR_US
TRUE = lighting.Truth(
    failed=[Span("a-1", NOON + HOUR_US)],
    dark=[Span("a-1", DUSK)],
    levels={"a-0": Course((NOON - HOUR_US, DUSK, DAWN), (0.0, 1.0, 0.0))},
    energies={"a-0": Course((NOON - HOUR_US, NOON + HOUR_US, NEXT, NEXT + HOUR_US), (1000.0, 1002.0, 1400.0, 1401.0))},
    deaths={},
)


def judged(*alerts: AlertRow, nights: tuple[lighting.NightRow, ...] = ()) -> Section:
    return lighting.judge(TRUE, lighting.Found(alerts, nights), WINDOW)


def test_night_is_from_noon_to_noon_in_legal_time() -> None:
    begin, end = lighting.bounds_us(date(2026, 3, 28))

    assert begin == to_us(datetime(2026, 3, 28, 11, tzinfo=UTC))
    assert end - begin == 23 * HOUR_US


def test_failed_lamp_is_a_fault_at_once_and_dark_from_dusk_on() -> None:
    fault, dark, others = judged(
        AlertRow("lighting_lamp_fault", "a-1", NOON + 2 * HOUR_US, None),
        AlertRow("lighting_dark", "a-1", DUSK + HOUR_US, None),
        AlertRow("lighting_burning", "a-0", NOON, None),
    ).scores

    assert (fault.recall, fault.precision) == (1.0, 1.0)
    assert (dark.recall, dark.precision) == (1.0, 1.0)
    assert others.precision == 0.0


def test_energy_and_burning_time_of_a_night_are_held_against_its_own() -> None:
    energy, burning = judged(nights=(lighting.NightRow("a-0", NIGHT, 399.0, 11 * 3600.0 - 60),)).errors

    # the meter was read an hour before and an hour after the noon
    assert energy.bias == pytest.approx(0.0, abs=1e-9)
    assert burning.bias == pytest.approx(-1.0)


def test_night_in_which_the_node_died_is_not_judged() -> None:
    true = lighting.Truth(TRUE.failed, TRUE.dark, TRUE.levels, TRUE.energies, deaths={"a-0": DUSK})
    night = lighting.NightRow("a-0", NIGHT, 0.0, 0.0)

    assert lighting.judge(true, lighting.Found([], [night]), WINDOW).errors == ()


def test_lamp_that_fails_by_day_is_dark_from_the_next_switching_on() -> None:
    plan = CityPlan(wells=0, containers=0, luminaires=20, failed_luminaire_share=1.0)
    luminaires = {each.site: each for each in devices(plan) if each.family is Family.LIGHTING}
    true = lighting.known(plan, list(luminaires.values()))
    failed = {span.subject: span.from_us for span in true.failed}

    assert any(dark.from_us > failed[dark.subject] for dark in true.dark)
    for dark in true.dark:
        assert dark.from_us >= failed[dark.subject]
        assert told_level(plan, luminaires[dark.subject]).at(dark.from_us) or dark.from_us < plan.start_us
