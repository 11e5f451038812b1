"""The physics of the city is plausible, and where a formula is known it is met."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from pipeline.core.clock import DAY_US, HOUR_US, to_us
from pipeline.simulator import CityPlan, Device, Family, containers, devices, encode, groundwater, lighting, parking
from pipeline.simulator.battery import battery_of, device_status_percent
from pipeline.simulator.containers import fill_ratio
from pipeline.simulator.frames import Frame
from pipeline.simulator.sun import crossing_us, elevation_degrees, from_local_us, local_hour, local_us

PLAN = CityPlan(start=datetime(2026, 6, 2, tzinfo=UTC), duration=timedelta(days=3))


def of_family(family: Family, plan: CityPlan = PLAN) -> list[Device]:
    return [device for device in devices(plan) if device.family is family]


def us(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("day", "rise", "set_"),
    [
        # Krefeld, from published tables; -0.833 degrees is the horizon with refraction and the sun's radius
        ("2026-06-21", "03:18", "19:53"),
        ("2026-12-21", "07:34", "15:26"),
        ("2026-03-20", "05:35", "17:45"),
    ],
)
def test_sun_rises_and_sets_as_the_almanac_says(day: str, rise: str, set_: str) -> None:
    noon = us(f"{day}T12:00")
    place = {"degrees": -0.833, "latitude": 51.33, "longitude": 6.56}
    found = crossing_us(noon - DAY_US // 2, noon, **place), crossing_us(noon, noon + DAY_US // 2, **place)

    for at, expected in zip(found, (rise, set_), strict=True):
        assert at is not None
        assert abs(at - us(f"{day}T{expected}")) < 5 * 60 * 1_000_000


def test_sun_that_does_not_pass_an_elevation_has_no_crossing() -> None:
    noon = us("2026-06-21T12:00")

    assert crossing_us(noon, noon + DAY_US // 2, degrees=-20.0, latitude=51.33, longitude=6.56) is None
    assert elevation_degrees(us("2026-06-21T11:36"), 51.33, 6.56) == pytest.approx(62.1, abs=0.1)


@pytest.mark.parametrize(
    ("utc", "hour"),
    [
        ("2026-01-15T12:00", 13.0),
        ("2026-07-15T12:00", 14.0),
        ("2026-03-29T00:59", 1.0 + 59 / 60),
        ("2026-03-29T01:00", 3.0),
        ("2026-10-25T00:59", 2.0 + 59 / 60),
        ("2026-10-25T01:00", 2.0),
    ],
)
def test_local_time_changes_with_the_european_rule(utc: str, hour: float) -> None:
    assert local_hour(us(utc)) == pytest.approx(hour)


def test_local_time_can_be_turned_back() -> None:
    for hours in range(0, 366 * 24, 7):
        at = us("2026-01-01T00:30") + hours * HOUR_US
        assert from_local_us(local_us(at)) == at


def test_bay_changes_its_state_with_every_change_frame_and_heartbeats_repeat_it() -> None:
    for device in of_family(Family.PARKING)[::7]:
        state = None
        for frame in parking.frames(PLAN, device):
            if frame.f_port == encode.TPS110_STATUS_PORT:
                assert frame.says != state
            else:
                assert state is None or frame.says == state
            state = frame.says


def test_shoppers_come_by_day_and_leave_by_night() -> None:
    occupied_us: dict[int, int] = defaultdict(int)
    bays = [device for device in of_family(Family.PARKING) if device.group == "koenigstrasse"]
    for device in bays:
        for before, after in pairwise(parking.frames(PLAN, device)):
            if before.says:
                occupied_us[int(local_hour(before.at_us))] += after.at_us - before.at_us
    total = 3 * HOUR_US * len(bays)

    assert 0.5 < occupied_us[11] / total < 0.9
    assert occupied_us[4] / total < 0.15


def test_arrivals_follow_their_rate() -> None:
    habits = parking.HABITS["koenigstrasse"]
    days = PLAN.with_(duration=timedelta(days=20), heartbeat_interval_seconds=1e6)
    arrivals, expected = 0, 0.0
    for device in [device for device in of_family(Family.PARKING) if device.group == "koenigstrasse"][:10]:
        free_since: int | None = None
        for frame in parking.frames(days, device):
            if frame.f_port != encode.TPS110_STATUS_PORT:
                continue
            if frame.says:
                arrivals += free_since is not None
                for at in range(free_since or frame.at_us, frame.at_us, HOUR_US // 12):
                    share = min(HOUR_US // 12, frame.at_us - at) / HOUR_US
                    expected += parking.arrivals_per_hour(habits, at) * share
            free_since = None if frame.says else frame.at_us

    assert arrivals > 1000
    assert arrivals == pytest.approx(expected, rel=0.1)


def test_well_levels_move_slowly_and_rise_after_the_rain() -> None:
    wells = of_family(Family.GROUNDWATER)[:20]
    rain = max(groundwater.rains(PLAN), key=lambda rain: rain.millimetres)
    risen = 0
    for device in wells:
        frames = list(groundwater.frames(PLAN, device))
        levels = [frame.says or 0.0 for frame in frames]
        assert all(abs(b - a) < 0.02 for a, b in pairwise(levels))
        before = [level for frame, level in zip(frames, levels, strict=True) if frame.at_us < rain.at_us]
        risen += max(levels) > before[-1] + 0.005
        assert (
            2.0
            < levels[0] - device.attributes["measuring_point_metres_nhn"] + device.attributes["suspension_metres"]
            < 8
        )

    assert risen > 15


def test_wells_speak_every_quarter_of_an_hour() -> None:
    times = [frame.at_us for frame in groundwater.frames(PLAN, of_family(Family.GROUNDWATER)[3])]

    assert all(abs(b - a - 900_000_000) < 1_500_000 for a, b in pairwise(times))


def test_containers_fill_are_tipped_and_emptied() -> None:
    plan = PLAN.with_(duration=timedelta(days=20))
    emptied = overfull = 0
    for device in of_family(Family.CONTAINER, plan):
        tilted = [False]
        ratios: list[float] = []
        for frame in containers.frames(plan, device):
            tilted.append(frame.payload[-1] == 1)
            ratios.append(fill_ratio(frame.says or 0.0, device))
            if tilted[-2]:
                assert not tilted[-1]
                assert ratios[-1] < 0.1 < ratios[-2]
                emptied += 1
            elif len(ratios) > 1:
                assert -0.05 < ratios[-1] - ratios[-2] < 0.15
        overfull += max(ratios) > 1.02

    assert emptied > 20
    assert overfull > 0


def levels_of(device: Device, plan: CityPlan) -> list[tuple[Frame, int]]:
    return [
        (frame, frame.payload[-2])
        for frame in lighting.frames(plan, device)
        if frame.f_port == encode.UL20XX_STATUS_PORT
    ]


def test_luminaires_burn_by_night_and_are_dimmed_in_its_middle() -> None:
    plan = PLAN.with_(failed_luminaire_share=0.0)
    for device in of_family(Family.LIGHTING)[::50]:
        for frame, level in levels_of(device, plan):
            height = elevation_degrees(frame.at_us, device.latitude, device.longitude)
            if height > 1.0:
                assert level == 0
            elif height < -4.0:
                hour = local_hour(frame.at_us)
                assert level == (lighting.NIGHT_PERCENT if hour >= 23.1 or hour < 4.9 else level)
                assert level > 0


def test_luminaire_reports_a_change_at_once() -> None:
    frames = levels_of(of_family(Family.LIGHTING)[0], PLAN.with_(luminaire_interval_seconds=1e6))
    levels = [level for _, level in frames]

    assert levels[:4] in ([100, 0, 100, 50], [0, 100, 50, 100], [0, 100, 50, 0])
    assert all(a != b for a, b in pairwise(levels))


def test_luminaire_uses_energy_while_it_burns() -> None:
    device = of_family(Family.LIGHTING)[0]
    plan = PLAN.with_(failed_luminaire_share=0.0)
    energy = [
        int.from_bytes(frame.payload[3:7], "little")
        for frame in lighting.frames(plan, device)
        if frame.f_port == encode.UL20XX_USAGE_PORT
    ]

    assert energy == sorted(energy)
    # three June nights of six and a half hours, half of it at half power
    assert 3 * 42 * 3 < energy[-1] - energy[0] < 3 * 42 * 8


def test_failed_luminaires_are_as_many_as_planned_and_stay_dark() -> None:
    plan = PLAN.with_(failed_luminaire_share=0.1)
    dark = 0
    for device in of_family(Family.LIGHTING):
        says = [frame.says for frame in lighting.frames(plan, device) if frame.says is not None]
        assert says == sorted(says)
        dark += bool(says[-1])

    assert dark == pytest.approx(55, abs=25)


def test_batteries_only_lose() -> None:
    battery = battery_of("krefeld", "0000000000000001", PLAN.start_us)
    volts = [battery.volts(PLAN.start_us + day * DAY_US) for day in range(0, 6000, 50)]

    assert volts == sorted(volts, reverse=True)
    assert volts[0] > 3.3
    assert volts[-1] < 2.9


@pytest.mark.parametrize(("level", "percent"), [(90, 35.43307), (200, 78.74016), (254, 100.0)])
def test_battery_level_is_written_as_the_shortest_32_bit_float(level: int, percent: float) -> None:
    assert device_status_percent(level) == percent
