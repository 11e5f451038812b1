"""What breaks is told apart from what is true: the truth is the same whatever the sensors make of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from pipeline.core.clock import DAY_US, HOUR_US
from pipeline.event.read import read_event
from pipeline.simulator import CityPlan, Device, Family, Fate, containers, devices, events, groundwater, parking, truth
from pipeline.simulator.breakdowns import BLIND, NO_ECHO_METRES, death_us, gateway_outages, seen_bays, spells
from pipeline.simulator.truth import What, happenings

HONEST = CityPlan(
    start=datetime(2026, 6, 2, tzinfo=UTC),
    duration=timedelta(days=4),
    bays_koenigstrasse=6,
    bays_koelner_strasse=0,
    disabled_bays=0,
    wells=4,
    containers=8,
    luminaires=10,
    water_meters=6,
    gateways=4,
    well_interval_seconds=3600.0,
    failed_luminaire_share=0.4,
    leaking_meter_share=1.0,
    toppled_containers_per_day=0.3,
    dead_device_share=0.2,
    gateway_outages_per_day=0.5,
)
BROKEN = HONEST.with_(
    lost_share=0.05,
    missed_car_share=0.2,
    stuck_bays_per_day=0.5,
    wrong_echo_share=0.1,
    blind_containers_per_day=0.3,
    lifted_probes_per_day=1.0,
    drifting_probe_share=1.0,
)


def of_family(family: Family) -> list[Device]:
    return [device for device in devices(HONEST) if device.family is family]


def test_truth_knows_nothing_of_sensors_and_network() -> None:
    assert list(happenings(HONEST)) == list(happenings(BROKEN)) == list(happenings(BROKEN.flawless()))


def test_everything_that_can_happen_does() -> None:
    assert set(Counter(each.what for each in happenings(HONEST))) == set(What)


def test_city_that_breaks_is_played_again_byte_for_byte() -> None:
    plan = BROKEN.with_(duration=timedelta(hours=12))

    assert list(events(plan)) == list(events(plan))


def test_stays_of_a_bay_follow_each_other_and_are_its_changes() -> None:
    for device in of_family(Family.PARKING):
        stays = list(truth.stays(HONEST, device))
        changes = {bay.at_us for bay in parking.bays(HONEST, device) if bay.changed}

        assert all(one.until_us is not None and one.until_us < other.from_us for one, other in pairwise(stays))
        told = {at for stay in stays for at in (stay.from_us, stay.until_us) if at is not None}
        assert told - {HONEST.start_us} == changes


def test_emptying_is_when_the_lorry_tips_and_what_was_in_it() -> None:
    found = 0
    for device in of_family(Family.CONTAINER):
        course = truth.fill_ratio(HONEST, device)
        for each in truth.container_happenings(HONEST, device):
            if each.what is What.EMPTIED and each.amount is not None:
                found += 1
                left = course.at(each.from_us + 5 * 60_000_000)
                assert left is not None
                assert left < 0.1
                assert each.amount + left == course.at(each.from_us)
    assert found > 3


def test_lamp_burns_until_it_fails_and_not_by_day() -> None:
    noon = HONEST.start_us + DAY_US // 2
    midnight = HONEST.start_us + DAY_US
    for device in of_family(Family.LIGHTING):
        level = truth.lamp_level(HONEST, device)
        failed = next((each.from_us for each in truth.lamp_failures(HONEST, device)), HONEST.end_us)

        assert level.at(noon) == 0.0
        assert level.at(midnight) == (0.5 if failed > midnight else 0.0)


def test_leak_runs_in_every_hour_after_it_began() -> None:
    checked = 0
    for device in of_family(Family.WATER):
        volume = truth.volume_litres(HONEST, device)
        for leak in truth.leaks(HONEST, device):
            hours = [
                (at, litres) for at, litres in zip(volume.times_us, volume.values, strict=True) if at % HOUR_US == 0
            ]
            flows = [after[1] - before[1] for before, after in pairwise(hours) if before[0] > leak.from_us + HOUR_US]

            checked += len(flows)
            assert leak.amount is not None
            assert all(flow >= leak.amount for flow in flows)
    assert checked > 100


def test_course_holds_a_value_or_goes_evenly_to_the_next() -> None:
    course = truth.Course((10, 20), (1.0, 3.0))

    assert [course.at(at) for at in (9, 10, 19, 20, 99)] == [None, 1.0, 1.0, 3.0, 3.0]
    assert [course.between(at) for at in (9, 10, 15, 20)] == [None, 1.0, 2.0, None]


def test_level_is_what_an_honest_probe_says_but_for_its_noise() -> None:
    device = of_family(Family.GROUNDWATER)[0]
    level = groundwater.true_level(HONEST, device)

    for well in groundwater.wells(HONEST, device):
        assert well.level_metres_nhn() == pytest.approx(level(well.at_us), abs=0.006)


def test_dead_device_is_silent_for_good() -> None:
    died = {d.dev_eui: at for d in devices(HONEST) if (at := death_us(HONEST, d)) is not None}
    last: dict[str, int] = {}
    for planned in events(HONEST):
        if planned.event == "up":
            last[planned.dev_eui] = planned.at_us

    assert died
    assert all(last.get(dev_eui, 0) < at + 60_000_000 for dev_eui, at in died.items())


def test_silent_gateway_hears_nothing_and_what_only_it_would_hear_is_lost() -> None:
    plan = HONEST.with_(gateways=2, gateway_outages_per_day=2.0, lost_share=0.0)
    lost = heard = 0
    for planned in events(plan):
        if planned.fate is Fate.LOST:
            lost += 1
        elif planned.event == "up" and planned.fate is Fate.ACCEPTED:
            heard += 1
            event = read_event("up", planned.payload, dev_eui=planned.dev_eui)
            for reception in event.gateways:
                outages = gateway_outages(plan, reception.gateway_id)
                assert not any(spell.holds(planned.at_us - 200_000) for spell in outages)

    assert lost > 100
    assert heard > 100


def test_missed_car_is_told_of_neither_when_it_comes_nor_when_it_goes() -> None:
    plan = HONEST.with_(missed_car_share=1.0)
    for device in of_family(Family.PARKING):
        seen = list(seen_bays(plan, device, parking.bays(plan, device)))

        # all but a car that stood there before
        assert sum(bay.changed and bay.occupied for bay in seen) == 0


def test_stuck_bay_catches_up_when_it_is_well_again() -> None:
    plan = HONEST.with_(stuck_bays_per_day=1.0)
    for device in of_family(Family.PARKING):
        state = None
        for bay in seen_bays(plan, device, parking.bays(plan, device)):
            assert state is None or bay.changed == (bay.occupied != state)
            state = bay.occupied


def test_blind_sensor_has_no_echo() -> None:
    plan = HONEST.with_(blind_containers_per_day=1.0)
    for device in of_family(Family.CONTAINER):
        blind = spells(plan, device.dev_eui, "blind", per_day=1.0, hours=BLIND)
        honest = list(containers.fills(plan, device))
        for frame, fill in zip(containers.frames(plan, device), honest, strict=True):
            without = any(spell.holds(frame.at_us) for spell in blind)
            assert frame.says == (NO_ECHO_METRES if without else fill.distance_metres)


def test_drift_and_lifting_move_the_level_that_is_told() -> None:
    device = of_family(Family.GROUNDWATER)[0]
    level = groundwater.true_level(BROKEN, device)
    errors = [
        abs(frame.says - level(frame.at_us)) for frame in groundwater.frames(BROKEN, device) if frame.says is not None
    ]

    assert max(errors) > 0.3
    assert errors[0] < 0.005 < sorted(errors)[len(errors) // 2] < 0.05
