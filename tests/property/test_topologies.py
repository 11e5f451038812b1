"""Whatever the batches, the order within 48 hours and the repetitions: the results are those of the right order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.city.read import city_of, installed_parameters
from pipeline.core.clock import from_us
from pipeline.core.model import DevEui, Record
from pipeline.core.settings import Settings
from schemas.silkstream.v1.frame_pb2 import Frame
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.unit.topologies.material import at, eui, frame, places, reading, records
from topologies.container import topology as container
from topologies.fleet import topology as fleet
from topologies.groundwater import topology as groundwater
from topologies.lighting import topology as lighting
from topologies.parking import topology as parking
from topologies.runtime.batch import Request
from topologies.runtime.memory import MemoryWorker
from topologies.runtime.model import Topology
from topologies.runtime.places import Places
from topologies.water import topology as water

NO_ECHO = "no_echo"
"""Stands among the values for the decoder's flag."""
DEVICES = [eui(number) for number in range(3)]
GEOMETRY = {"empty_distance_metres": 2.0, "full_distance_metres": 0.0}
TABLED = {**GEOMETRY, "volume_table": "0:1000 0.5:600 2:0"}
DAY = 24 * 60

PLACES = places(
    [
        (DEVICES[0], 0, "a"),
        (DEVICES[1], 0, "b"),
        (DEVICES[1], DAY, "c"),
        (DEVICES[2], 0, "d"),
        (DEVICES[2], DAY, None),
    ],
    [(site, 0, f"zone {site in 'ab'}", GEOMETRY if site != "d" else TABLED) for site in "abcd"],
)

REFERENCES = ("vented", "absolute", "absolute", "vented")
SETTINGS = Settings()
CONTAINER: Topology[Any, Any, Any] = container.build(SETTINGS)
PARKING: Topology[Any, Any, Any] = parking.build(SETTINGS)
PARKED: Topology[Any, Any, Any] = parking.of_city(
    city_of(
        {
            "version": 1,
            "parking": [
                {"overstay_minutes": 200, "dwell_seconds": 3600, "silence_hours": 9},
                {"valid_from": from_us(at(DAY * 0.7)), "overstay_minutes": 300, "dwell_seconds": 0},
            ],
            "maintenance": [{"group": "zone True", "from": from_us(at(DAY * 0.4)), "until": from_us(at(DAY * 0.9))}],
        },
        installed_parameters(),
    )
)
FLEET: Topology[Any, Any, Any] = fleet.of_city(
    city_of(
        {
            "version": 1,
            "fleet": [
                {"offline_minimum_minutes": 30, "unknown_hours": 5, "interval_minutes": {"P": 200, "container": 90}},
                {"valid_from": from_us(at(DAY * 0.8)), "unknown_hours": 3, "quiet_for": "all", "quiet_from": "22:00"},
            ],
        },
        installed_parameters(),
    )
)


def ruled() -> Topology[Any, Any, Any]:
    """Containers of a city where every rule is on, has to last and may return, some limits change and some work."""
    timed = {
        f"{rule}_{what}_minutes": minutes
        for rule, lasting, returning in (
            ("full", 100, 200),
            ("overfull", 0, 300),
            ("tilted", 180, 90),
            ("hot", 90, 0),
            ("suspected_full", 30, 100),
        )
        for what, minutes in (("minimum", lasting), ("damping", returning))
    }
    entries = [
        {**timed, "suspected_full_alert": True, "emptied_within_days": 0.5, "emptying_hours": 9.0},
        {"valid_from": from_us(at(DAY * 0.7)), "full_ratio": 0.9, "hot_celsius": 55.0, "tilted_minimum_minutes": 30},
        {"group": "zone True", "valid_from": from_us(at(DAY * 1.2)), "emptied_within_days": 0.3},
    ]
    works = [{"group": "zone True", "from": from_us(at(DAY * 0.4)), "until": from_us(at(DAY * 0.9))}]
    content = {"version": 1, "container": entries, "maintenance": works}
    return container.of_city(city_of(content, installed_parameters()))


RULED: Topology[Any, Any, Any] = ruled()


def homes() -> Topology[Any, Any, Any]:
    """Water meters of a city where every rule is on and some may return, and limits change from a day on."""
    entries = [
        {
            "leak_hours": 3.0,
            "gap_hours": 2.0,
            "no_consumption_days": 0.1,
            "no_consumption_alert": True,
            "rollover_litres": 2000.0,
            "leak_damping_minutes": 200,
            "disturbed_minimum_minutes": 100,
            "backflow_damping_minutes": 90,
        },
        {"valid_from": from_us(at(DAY * 0.7)), "leak_litres_per_hour": 30.0, "burst_litres_per_hour": 400.0},
        {"group": "zone True", "valid_from": from_us(at(DAY * 1.2)), "meter_alarms": False},
    ]
    works = [{"group": "zone True", "from": from_us(at(DAY * 0.4)), "until": from_us(at(DAY * 0.9))}]
    content = {"version": 1, "water": entries, "maintenance": works}
    return water.of_city(city_of(content, installed_parameters()))


WATER: Topology[Any, Any, Any] = homes()
LOGGED = "logged"
"""Stands among the values for hourly volumes before the frame."""


def planned() -> Topology[Any, Any, Any]:
    """Lamps with a plan in which much happens: part-night switching, an override, a switched supply, durations."""
    entries = [
        {
            "dimming": [{"at": "22:00", "ratio": 0.5}, {"at": "00:30", "ratio": 0.0}, {"at": "04:30", "ratio": 1.0}],
            "dark_damping_minutes": 200,
            "burning_minimum_minutes": 100,
            "lamp_fault_minimum_minutes": 90,
            "silence_hours": 5,
        },
        {
            "group": "zone True",
            "supply": "switched",
            "overrides": [{"from": from_us(at(DAY)), "until": from_us(at(1.3 * DAY)), "state": "on", "reason": "fair"}],
        },
        {"valid_from": from_us(at(DAY * 0.7)), "switching": "clock", "on_at": "17:00", "off_at": "09:00"},
    ]
    works = [{"group": "zone True", "from": from_us(at(DAY * 0.4)), "until": from_us(at(DAY * 0.9))}]
    content = {"version": 1, "lighting": entries, "maintenance": works}
    return lighting.of_city(city_of(content, installed_parameters()))


LIGHTING: Topology[Any, Any, Any] = planned()

# Few times and few values, so that equal keys, both limits and whole runs occur often.
minutes = st.integers(min_value=1, max_value=2 * DAY - 1).map(lambda m: m - m % 90 + 1)
container_values = st.one_of(
    st.fixed_dictionaries({"distance_metres": st.sampled_from([0.1, 0.3, 0.5, 0.7, 1.5])}),
    st.fixed_dictionaries({"distance_metres": st.just(0.1), "tilted": st.booleans()}),
    st.fixed_dictionaries({"tilted": st.booleans()}),
)
rich_values = st.fixed_dictionaries(
    {},
    optional={
        "distance_metres": st.sampled_from([-0.2, 0.1, 0.3, 0.5, 0.7, 1.5, 1.9, 2.5]),
        "tilted": st.booleans(),
        "device_temperature_celsius": st.sampled_from([20.0, 52.0, 57.0, 70.0]),
        "sensor_fill_ratio": st.sampled_from([0.2, 0.9]),
        NO_ECHO: st.just(True),
    },
).filter(bool)
parking_values = st.one_of(
    st.fixed_dictionaries({"occupied": st.booleans()}, optional={"heartbeat": st.booleans()}),
    st.just({"device_temperature_celsius": 7.0}),
)
lighting_values = st.fixed_dictionaries(
    {},
    optional={
        "dimming_ratio": st.sampled_from([0.0, 0.5, 1.0]),
        "lamp_on": st.booleans(),
        "lamp_failure": st.booleans(),
        "dali_connection_error": st.booleans(),
        "active_power_watts": st.sampled_from([0.5, 40.0]),
        "active_energy_watt_hours": st.sampled_from([5, 30, 1000, 1040, 2**32 - 5]),
        "lamp_on_seconds": st.sampled_from([100, 5000, 90_000]),
    },
)


water_values = st.fixed_dictionaries(
    {},
    optional={
        "water_volume_litres": st.sampled_from([5, 100, 110, 115, 160, 400, 1990, 90_000]),
        LOGGED: st.lists(st.sampled_from([90, 100, 105, 150, 400]), min_size=1, max_size=4),
        "leak": st.booleans(),
        "meter_disturbed": st.booleans(),
    },
).filter(bool)


def signs() -> st.SearchStrategy[list[Frame]]:
    """Frames of all kinds; two of one device and time differ in their event."""
    one = st.builds(
        lambda device, minute, kind, profile, family, gateways, salt: frame(
            device,
            minute,
            said=bytes([salt]) * 8 + device[-8:].encode(),
            gateways=sorted(gateways),
            profile=profile,
            family=family,
            **kind,
        ),
        st.sampled_from(DEVICES),
        minutes,
        st.sampled_from(
            [
                {"event": "up"},
                {"event": "up", "verdict": "rejected"},
                {"event": "up", "verdict": "duplicate", "copy_of": b"another"},
                {"event": "join"},
                {"event": "status", "battery_ratio": 0.5},
                {"event": "ack"},
            ]
        ),
        st.sampled_from(["", "", "P"]),
        st.sampled_from(["", "", "parking", "container"]),
        st.sets(st.sampled_from(["a1", "a2", "a3"])),
        st.integers(min_value=0, max_value=3),
    )
    return st.lists(one, max_size=25, unique_by=lambda f: (f.event_id, f.dev_eui, f.observed_at_us))


def frames(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Reading]]:
    """Readings; two of one device and time differ in their event."""
    one = st.builds(
        lambda device, minute, content, salt: reading(
            device,
            minute,
            {name: value for name, value in content.items() if name not in {NO_ECHO, LOGGED}},
            event=bytes([salt]) * 8 + device[-8:].encode(),
            flags=[NO_ECHO] if NO_ECHO in content else [],
            earlier=[
                (minute - 60.0 * hour, {"water_volume_litres": litres})
                for hour, litres in enumerate(content.get(LOGGED, ()), start=1)
            ],
        ),
        st.sampled_from(DEVICES),
        minutes,
        values,
        st.integers(min_value=0, max_value=3),
    )
    return st.lists(one, max_size=25, unique_by=lambda r: (r.event_id, r.dev_eui, r.observed_at_us))


def run(topology: Topology[Any, Any, Any], batches: Sequence[Sequence[Record]], where: Places) -> dict[str, Any]:
    """The results of batches, each worked by a worker that was restarted before it."""
    worker: MemoryWorker[Any, Any, Any] = MemoryWorker(topology, where)

    async def work() -> None:
        for batch in batches:
            worker.restart()
            await worker.process(batch)

    asyncio.run(work())
    assert not worker.refusals
    assert "too_late" not in worker.discarded
    return without_offsets(worker.result())


def without_offsets(result: dict[str, Any]) -> dict[str, Any]:
    """Where a frame is in the log is no result: another order is another log."""
    facts = {
        device: {
            at_us: fact._replace(raw_offset=0) if "raw_offset" in fact._fields else fact for at_us, fact in mine.items()
        }
        for device, mine in result["facts"].items()
    }
    return {**result, "facts": facts}


def in_right_order(readings: Sequence[Reading]) -> list[Reading]:
    """By time; of one time the smaller id first."""
    return sorted(readings, key=lambda r: (r.observed_at_us, r.event_id))


def one_by_one(log: Sequence[Record]) -> list[list[Record]]:
    return [[each] for each in log]


def split(log: Sequence[Record], cuts: Sequence[int]) -> list[Sequence[Record]]:
    """The log in batches."""
    edges = sorted({0, len(log), *(cut % (len(log) + 1) for cut in cuts)})
    return [log[begin:end] for begin, end in pairwise(edges)]


@st.composite
def disorder(draw: st.DrawFn, values: st.SearchStrategy[Any] | None = None) -> tuple[list[Any], list[Any], list[int]]:
    """Readings, or without values frames; the same with repetitions, in any order, with early ticks between; cuts."""
    readings: list[Any] = draw(signs() if values is None else frames(values))
    repeated = readings + draw(st.lists(st.sampled_from(readings), max_size=5) if readings else st.just([]))
    shuffled: list[Any] = list(draw(st.permutations(repeated)))
    for minute in draw(st.lists(st.integers(min_value=0, max_value=3 * DAY), max_size=4)):
        shuffled.insert(draw(st.integers(min_value=0, max_value=len(shuffled))), float(minute))
    return readings, shuffled, draw(st.lists(st.integers(min_value=0, max_value=100), max_size=6))


END = 3.5 * DAY


def check(topology: Topology[Any, Any, Any], case: tuple[list[Reading], list[Reading | float], list[int]]) -> None:
    """Disorder gives what order gives."""
    readings, shuffled, cuts = case
    expected = run(topology, one_by_one(records([*in_right_order(readings), END])), PLACES)
    assert run(topology, split(records([*shuffled, END]), cuts), PLACES) == expected


@given(disorder(container_values))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_containers_are_equal_for_any_order_and_batches(
    case: tuple[list[Reading], list[Reading | float], list[int]],
) -> None:
    check(CONTAINER, case)


@given(disorder(rich_values))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_rule_with_durations_returns_and_maintenance_is_equal_for_any_order_and_batches(
    case: tuple[list[Reading], list[Reading | float], list[int]],
) -> None:
    check(RULED, case)


@given(disorder(rich_values))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_alerts_are_equal_also_while_time_has_not_settled_them(
    case: tuple[list[Reading], list[Reading | float], list[int]],
) -> None:
    """What is open, held or silenced as far as time has come is so whatever the ticks in between."""
    readings, shuffled, cuts = case
    last = [max(ticks)] if (ticks := [each for each in shuffled if isinstance(each, float)]) else []
    expected = run(RULED, one_by_one(records([*in_right_order(readings), *last])), PLACES)
    assert run(RULED, split(records(shuffled), cuts), PLACES) == expected


@given(disorder(parking_values))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_bays_are_equal_for_any_order_and_batches(
    case: tuple[list[Reading], list[Reading | float], list[int]],
) -> None:
    check(PARKING, case)


@given(disorder(parking_values))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_bays_with_a_limit_are_equal_for_any_order_and_batches(
    case: tuple[list[Reading], list[Reading | float], list[int]],
) -> None:
    check(PARKED, case)


@given(disorder(water_values))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_water_meters_are_equal_for_any_order_and_batches(
    case: tuple[list[Reading], list[Reading | float], list[int]],
) -> None:
    check(WATER, case)


@given(disorder(lighting_values))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_lamps_are_equal_for_any_order_and_batches(
    case: tuple[list[Reading], list[Reading | float], list[int]],
) -> None:
    check(LIGHTING, case)


@given(disorder())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_signs_of_life_are_equal_for_any_order_and_batches(case: tuple[list[Any], list[Any], list[int]]) -> None:
    check(FLEET, case)


@given(disorder(rich_values), st.integers(min_value=0, max_value=30))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_site_corrected_later_gives_what_the_right_site_would_have_given(
    case: tuple[list[Reading], list[Reading | float], list[int]], when: int
) -> None:
    readings, shuffled, _ = case
    wrong = places([(DEVICES[0], 0, "a"), (DEVICES[1], 0, "x")], [("a", 0, "", {}), ("x", 0, "", GEOMETRY)])
    log = records([*shuffled, END])
    worker: MemoryWorker[Any, Any, Any] = MemoryWorker(RULED, wrong)

    async def work() -> None:
        middle = min(when, len(log) - 1)
        await worker.process(log[:middle])
        worker.correct(PLACES, [Request(n, DevEui(d), at(0)) for n, d in enumerate(DEVICES)])
        await worker.process(log[middle:])

    asyncio.run(work())

    assert worker.result() == run(RULED, one_by_one(records([*in_right_order(readings), END])), PLACES)


@given(disorder(rich_values))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_subscribers_end_with_what_is_stored(case: tuple[list[Reading], list[Reading | float], list[int]]) -> None:
    """Of each alert the last that was told is what is stored; of what was over when found, or silenced, nobody heard.

    Nothing is told twice.
    """
    _, shuffled, cuts = case
    worker: MemoryWorker[Any, Any, Any] = MemoryWorker(RULED, PLACES)

    async def work() -> None:
        for batch in split(records([*shuffled, END]), cuts):
            await worker.process(batch)

    asyncio.run(work())
    last = {told.alert.id: told for told in worker.store.told}
    for alert in worker.store.alerts_by_id.values():
        if not alert.is_told:
            # One that late data refuted may be found again, of the same frame and so by the same id.
            assert alert.id not in last or last[alert.id].withdrawn
        else:
            assert last[alert.id].kind in {alert.status, "updated"}
            assert last[alert.id].alert.said == alert.said
    said = [(told.alert.id, told.alert.said) for told in worker.store.told if not told.withdrawn]
    for identity in last:
        mine = [what for alert, what in said if alert == identity]
        assert all(before != after for before, after in pairwise(mine) if before[1] == after[1] is None)
    for identity, told in last.items():
        if identity not in worker.store.alerts_by_id:
            assert told.withdrawn


# ── wells: with barometers and dips that come whenever they like ─────────────────────────────────────────────────

WELL = {
    "measuring_point_metres_nhn": 40.0,
    "suspension_metres": 10.0,
    "ground_metres_nhn": 39.0,
    "barometer": "klima",
}
WELLS = places(
    [
        (DEVICES[0], 0, "a"),
        (DEVICES[1], 0, "b"),
        (DEVICES[1], DAY, "c"),
        (DEVICES[2], 0, "d"),
        (DEVICES[2], DAY, None),
    ],
    [(site, 0, "", {**WELL, "pressure_reference": kind}) for site, kind in zip("abcd", REFERENCES, strict=True)],
)


def wells() -> Topology[Any, Any, Any]:
    """Wells of a city where every rule is on, has to last and may return."""
    timed = {
        f"{rule}_{what}_minutes": minutes
        for rule, lasting, returning in (("low", 100, 200), ("high", 0, 300), ("flood", 180, 90), ("rising", 30, 100))
        for what, minutes in (("minimum", lasting), ("damping", returning))
    }
    limits = {"low_metres_nhn": 33.0, "high_metres_nhn": 34.0, "flood_metres_nhn": 36.5, "stuck_hours": 3.0}
    content = {"version": 1, "groundwater": [{**timed, **limits}]}
    return groundwater.of_city(city_of(content, installed_parameters()))


GROUNDWATER: Topology[Any, Any, Any] = wells()
well_values = st.fixed_dictionaries(
    {},
    optional={
        "pressure_bar": st.sampled_from([0.2, 0.3, 0.39, 0.41, 1.3, 1.4]),
        "absolute_pressure_bar": st.sampled_from([1.2, 1.4]),
        "water_column_metres": st.sampled_from([-0.01, 0.0, 2.9, 3.0, 4.0, 4.03, 7.0, 400.0]),
        "distance_metres": st.sampled_from([6.0, 6.5]),
        "freezing": st.booleans(),
    },
).filter(bool)
pressures = st.tuples(st.just("load_air_pressure"), minutes, st.sampled_from([990.0, 1000.0, 1020.0]))
dips = st.tuples(st.just("load_dips"), minutes, st.sampled_from([5.8, 6.0, 6.3]))
around = st.lists(st.one_of(pressures, dips), max_size=8, unique_by=lambda news: news[:2])


@given(disorder(well_values), around, st.lists(st.integers(min_value=0, max_value=30), min_size=8, max_size=8))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_wells_are_equal_for_any_order_and_batches_and_whenever_air_and_dips_become_known(
    case: tuple[list[Reading], list[Reading | float], list[int]],
    news: list[tuple[str, int, float]],
    when: list[int],
) -> None:
    readings, shuffled, cuts = case

    def surround(worker: MemoryWorker[Any, Any, Any], query: str, minute: int, value: float) -> None:
        reach = 180 if query == "load_air_pressure" else 0
        requests = [Request(number, DevEui(device), at(minute - reach)) for number, device in enumerate(DEVICES)]
        names = ["klima"] if reach else list("abcd")
        for name in names:
            worker.surround(query, (name, from_us(at(minute)), value), requests)

    def result(batches: Sequence[Sequence[Record]], due: Sequence[int]) -> dict[str, Any]:
        worker: MemoryWorker[Any, Any, Any] = MemoryWorker(GROUNDWATER, WELLS)

        async def work() -> None:
            for number, batch in enumerate(batches):
                for each, turn in zip(news, due, strict=False):
                    if turn == number or (number == len(batches) - 1 and turn > number):
                        surround(worker, *each)
                await worker.process(batch)

        asyncio.run(work())
        assert not worker.refusals
        return worker.result()

    expected = result(one_by_one(records([*in_right_order(readings), END])), [0] * len(news))

    assert result([*split(records([*shuffled, END]), cuts)], [turn % (len(cuts) + 1) for turn in when]) == expected


def test_an_alert_that_late_data_cut_in_two_keeps_what_opened_it() -> None:
    """The part that is over has the value and the words of its beginning, which lies before what was read again."""
    device = DEVICES[0]

    def level(minute: int, distance: float) -> Reading:
        return reading(device, minute, {"distance_metres": distance}, event=bytes([1]) * 8 + device[-8:].encode())

    in_time = [level(minute, 0.1) for minute in (1, 181, 271, 451, 631, 901, 1621, 2071)]
    readings = [*in_time, level(361, 1.5)]
    expected = run(CONTAINER, one_by_one(records([*in_right_order(readings), END])), PLACES)

    assert run(CONTAINER, split(records([*readings, END]), [len(in_time)]), PLACES) == expected
