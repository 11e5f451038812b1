"""The plan decides everything: which messages, in which order, with which fate."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise

import pytest

from pipeline.core.ticks import read_tick
from pipeline.event.read import read_event
from pipeline.simulator import CityPlan, Family, Fate, Planned, devices, events

PLAN = CityPlan(
    duration=timedelta(hours=12),
    bays_koenigstrasse=8,
    bays_koelner_strasse=6,
    disabled_bays=2,
    wells=60,
    containers=8,
    luminaires=60,
    lost_share=0.03,
    broken_share=0.02,
    duplicate_share=0.02,
    late_copy_share=0.03,
    empty_share=0.02,
    abp_share=0.3,
    abp_resets_per_day=2.0,
    joins_per_day=2.0,
)


@pytest.fixture(scope="module")
def played() -> list[Planned]:
    return list(events(PLAN))


def digest(plan: CityPlan) -> str:
    whole = sha256()
    for planned in events(plan):
        whole.update(repr(tuple(planned)).encode())
    return whole.hexdigest()


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_same_plan_gives_the_same_bytes_again(encoding: str) -> None:
    plan = PLAN.with_(encoding=encoding, duration=timedelta(hours=1))

    assert digest(plan) == digest(plan)


def test_another_seed_gives_another_city() -> None:
    plan = PLAN.with_(duration=timedelta(hours=1))
    other = plan.with_(seed="uerdingen")

    assert digest(plan) != digest(other)
    assert not {device.dev_eui for device in devices(plan)} & {device.dev_eui for device in devices(other)}


def test_messages_are_in_the_order_of_time_and_inside_the_plan(played: list[Planned]) -> None:
    times = [planned.at_us for planned in played]

    assert times == sorted(times)
    assert PLAN.start <= played[0].at
    assert played[-1].at - (PLAN.start + PLAN.duration) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("fate", "share"),
    [
        (Fate.LOST, PLAN.lost_share),
        (Fate.BROKEN, PLAN.broken_share),
        (Fate.DUPLICATE, PLAN.duplicate_share),
        (Fate.LATE_COPY, PLAN.late_copy_share),
        (Fate.NO_PAYLOAD, PLAN.empty_share),
    ],
)
def test_mishaps_happen_as_often_as_planned(fate: Fate, share: float, played: list[Planned]) -> None:
    uplinks = [planned for planned in played if planned.event == "up"]
    found = sum(planned.fate is fate for planned in uplinks)

    # four standard deviations of a binomial, and a tenth for shares of what is left by other mishaps
    expected = share * len(uplinks)
    assert abs(found - expected) < 4 * expected**0.5 + 0.1 * expected


def test_frames_are_as_many_as_the_intervals_say(played: list[Planned]) -> None:
    city = {device.dev_eui: device.family for device in devices(PLAN)}
    own = (Fate.ACCEPTED, Fate.BROKEN, Fate.LOST)
    frames = Counter(city[planned.dev_eui] for planned in played if planned.event == "up" and planned.fate in own)

    assert frames[Family.GROUNDWATER] == pytest.approx(60 * 12 * 4, rel=0.02)
    assert frames[Family.LIGHTING] == pytest.approx(60 * 12 * 2, rel=0.25)
    assert frames[Family.CONTAINER] == pytest.approx(8 * 12, rel=0.1)
    assert frames[Family.PARKING] > 16 * 12


def test_duplicate_is_an_earlier_message_byte_for_byte(played: list[Planned]) -> None:
    seen: dict[str, Planned] = {}
    repeated = 0
    for planned in played:
        if planned.fate is Fate.DUPLICATE:
            original = seen[planned.event_key]
            assert (planned.topic, planned.payload) == (original.topic, original.payload)
            assert planned.at - original.at < timedelta(seconds=30)
            repeated += 1
        elif planned.event_key:
            assert planned.event_key not in seen
            seen[planned.event_key] = planned

    assert repeated > 20


def test_late_copy_is_an_accepted_frame_under_a_new_id_within_half_a_minute(played: list[Planned]) -> None:
    frames: dict[tuple[str, str, int, int, bytes], tuple[int, bytes]] = {}
    copies = 0
    for planned in played:
        if planned.event != "up" or planned.fate not in (Fate.ACCEPTED, Fate.LATE_COPY):
            continue
        event = read_event("up", planned.payload, dev_eui=planned.dev_eui)
        frame = (event.device.dev_eui, event.dev_addr, event.f_cnt, event.f_port, event.data)
        if planned.fate is Fate.LATE_COPY:
            time_us, event_id = frames[frame]
            assert event.event_id != event_id
            assert 0 < event.time_us - time_us <= 31_000_000
            copies += 1
        frames.setdefault(frame, (event.time_us, event.event_id))

    assert copies > 50


def test_frame_counter_goes_up_by_one_and_leaves_gaps_only_where_frames_were_lost(played: list[Planned]) -> None:
    lost: Counter[str] = Counter()
    gaps: Counter[str] = Counter()
    last: dict[str, int] = {}
    restarts: Counter[str] = Counter()
    for planned in played:
        if planned.event != "up":
            continue
        if planned.fate is Fate.LOST:
            lost[planned.dev_eui] += 1
        elif planned.fate not in (Fate.DUPLICATE, Fate.LATE_COPY):
            f_cnt = json.loads(planned.payload)["fCnt"]
            before = last.get(planned.dev_eui)
            last[planned.dev_eui] = f_cnt
            if before is not None and f_cnt > before:
                gaps[planned.dev_eui] += f_cnt - before - 1
            elif before is not None:
                restarts[planned.dev_eui] += 1

    assert sum(gaps.values()) > 50
    assert sum(restarts.values()) > 20
    # frames lost at an edge, of the plan or of a session, leave no gap that can be seen
    assert all(gaps[dev_eui] <= lost[dev_eui] for dev_eui in gaps)
    whole = [dev_eui for dev_eui in last if not restarts[dev_eui]]
    assert sum(lost[dev_eui] - gaps[dev_eui] for dev_eui in whole) < len(whole)


def test_device_that_starts_again_was_quiet_before_and_joins_unless_it_is_abp(played: list[Planned]) -> None:
    abp = {device.dev_eui: device.abp for device in devices(PLAN)}
    last: dict[str, tuple[int, int, str]] = {}
    joined: dict[str, str] = {}
    restarts = Counter[bool]()
    for planned in played:
        if planned.fate in (Fate.LOST, Fate.TICK, Fate.DUPLICATE):
            continue
        if planned.event == "join":
            joined[planned.dev_eui] = json.loads(planned.payload)["devAddr"]
        elif planned.event == "up" and planned.fate is not Fate.LATE_COPY:
            event = json.loads(planned.payload)
            dev_eui, f_cnt, address = planned.dev_eui, event["fCnt"], event["devAddr"]
            if dev_eui in last and last[dev_eui][1] >= f_cnt:
                assert planned.at_us - last[dev_eui][0] > 100_000_000
                assert (address == last[dev_eui][2]) == abp[dev_eui]
                assert abp[dev_eui] or joined[dev_eui] == address
                restarts[abp[dev_eui]] += 1
            last[dev_eui] = (planned.at_us, f_cnt, address)

    assert restarts[True] > 5
    assert restarts[False] > 5


def test_city_joins_at_the_start_if_it_is_to() -> None:
    plan = PLAN.with_(join_at_start=True, duration=timedelta(hours=2), abp_share=0.0, duplicate_share=0.0)
    first: dict[str, str] = {}
    for planned in events(plan):
        if planned.fate is not Fate.TICK:
            first.setdefault(planned.dev_eui, planned.event)

    assert set(first.values()) == {"join"}


def test_flawless_network_delivers_each_frame_once() -> None:
    plan = PLAN.flawless().with_(duration=timedelta(hours=2))

    assert {planned.fate for planned in events(plan)} == {Fate.ACCEPTED, Fate.TICK}


def test_tick_comes_behind_every_event_that_happened_before_its_time(played: list[Planned]) -> None:
    as_of_us = 0
    for planned in played:
        if planned.fate is Fate.TICK:
            assert planned.topic == "silkstream/simulator/tick"
            as_of_us = read_tick(planned.payload).as_of_us
        elif planned.fate not in (Fate.LOST, Fate.DUPLICATE):
            # a repetition brings nothing new, so it may come late
            event = read_event(planned.event, planned.payload, dev_eui=planned.dev_eui)
            assert event.time_us > as_of_us


def test_ticks_come_every_ten_seconds_for_each_bridge_and_end_with_the_plan() -> None:
    plan = PLAN.with_(duration=timedelta(seconds=95), bridges=("north", "south"))
    ticks = [read_tick(planned.payload) for planned in events(plan) if planned.fate is Fate.TICK]

    for bridge in plan.bridges:
        times = [tick.as_of_us - plan.start_us for tick in ticks if tick.bridge == bridge]
        assert times == [*range(10_000_000, 91_000_000, 10_000_000), 95_000_000]


def test_status_log_and_downlink_events_come_at_their_rates() -> None:
    plan = PLAN.with_(statuses_per_day=6.0, downlinks_per_day=6.0, duplicate_share=0.0, retransmission_log_share=0.05)
    found = Counter(planned.event for planned in events(plan) if planned.fate is Fate.ACCEPTED)
    city = len(devices(plan))

    assert found["status"] == pytest.approx(city * 3, rel=0.1)
    assert found["txack"] == pytest.approx(city * 3, rel=0.25)
    assert found["log"] == pytest.approx(0.05 * found["up"], rel=0.3)


def test_order_of_the_messages_of_a_device_is_the_order_of_their_times(played: list[Planned]) -> None:
    by_device: dict[str, list[int]] = defaultdict(list)
    for planned in played:
        if planned.event == "up" and planned.fate not in (Fate.LOST, Fate.DUPLICATE):
            event = read_event("up", planned.payload, dev_eui=planned.dev_eui)
            by_device[planned.dev_eui].append(event.time_us)

    assert all(a < b for times in by_device.values() for a, b in pairwise(times))


def test_memory_does_not_grow_with_the_plan(measured_peak: Callable[[CityPlan], int]) -> None:
    small = PLAN.with_(duration=timedelta(hours=1), wells=0, luminaires=0)
    long = small.with_(duration=timedelta(hours=10))
    # What the first play of a process leaves for all later ones, such as cached tables, is no growth.
    measured_peak(long)

    assert measured_peak(long) < 1.3 * measured_peak(small)


def test_plan_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        CityPlan(start=datetime(2026, 6, 1))  # noqa: DTZ001 - that is what is refused

    assert CityPlan(start=datetime(2026, 6, 1, tzinfo=UTC)).start_us == 1_780_272_000_000_000


@pytest.mark.parametrize(
    "change",
    [
        {"encoding": "xml"},
        {"lost_share": 1.5},
        {"wells": -1},
        {"gateways": 0},
        {"well_interval_seconds": 0.0},
        {"tick_seconds": 0.0},
        {"joins_per_day": -1.0},
        {"weather_stations": -1},
        {"parking_models": ()},
        {"parking_models": ("bosch_tps120",)},
        {"well_models": ("decentlab_dl_pr26", "decentlab_dl_mbx")},
    ],
    ids=str,
)
def test_plan_that_makes_no_sense_is_refused_by_name(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        PLAN.with_(**change)


@pytest.mark.parametrize("family", ["bays_koenigstrasse", "wells", "containers", "luminaires"])
def test_city_may_lack_a_family(family: str) -> None:
    plan = PLAN.with_(duration=timedelta(minutes=30), **{family: 0})

    assert sum(planned.fate is Fate.ACCEPTED for planned in events(plan)) > 0
