"""Parking over time on the real servers: phases of bays, the history of zones, and what display boards are told."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from pipeline.core.clock import from_us
from pipeline.core.settings import Settings
from pipeline.database.connection import Connection, connected
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.integration.servers import changed, eventually, rows_of, running
from tests.integration.test_topologies import Producer, until_settled
from tests.unit.topologies.material import at, eui, reading
from topologies.derive.derivation import Derivation
from topologies.derive.history import HISTORY, watch_time
from topologies.derive.stays import STAYS
from topologies.derive.worker import STAGE as DERIVE
from topologies.parking.topology import STAGE as PARKING

pytestmark = pytest.mark.integration

BERLIN: Final = ZoneInfo("Europe/Berlin")
DAY: Final = 24 * 60
LENGTHS: Final = {"quarter": timedelta(minutes=15), "hour": timedelta(hours=1)}
OPEN = [f"bay{number}" for number in range(6)]
CLASSES: Final = dict.fromkeys(OPEN, "") | {"staff": "internal", "own": "personal"}
SITES: Final = {site: ("z", site_class) for site, site_class in CLASSES.items()}
"""Six open bays, one of the staff and one of somebody's own."""
DWELL: Final = timedelta(seconds=30)
SILENCE: Final = timedelta(hours=26)
PHASES = "SELECT site, begin_at, occupied, end_at, ended_by FROM parking_phase ORDER BY 1, 2"
QUARTERS = (
    "SELECT zone, begin_at FROM parking_zone_history WHERE period = 'quarter' AND audience = 'operations' ORDER BY 1, 2"
)
HISTORY_ROWS = (
    "SELECT zone, period, begin_at, audience, bays, occupied_seconds, known_seconds, stays_begun, stays_ended,"
    " stay_median_seconds, stay_p90_seconds FROM parking_zone_history ORDER BY 1, 2, 3, 4"
)


async def described(settings: Settings, sites: Mapping[str, tuple[str, str]] = SITES) -> None:
    """Bays with their zones and classes, each with a sensor."""
    async with connected(settings, "test") as connection:
        for number, (site, (zone, site_class)) in enumerate(sites.items()):
            await connection.execute(
                'INSERT INTO site (site, valid_from, family, name, "group", class)'
                " VALUES (%s, %s, 'parking', %s, %s, %s)",
                (site, from_us(at(-DAY)), site, zone, site_class),
            )
            await connection.execute(
                "INSERT INTO assignment (device, valid_from, site) VALUES (%s, %s, %s)",
                (eui(number), from_us(at(-DAY)), site),
            )
        await connection.commit()


def cars(seed: int) -> list[Reading]:
    """Two days of bays that are taken and left, some flickering, one falling silent."""
    rng = random.Random(seed)
    found = []
    for number in range(len(CLASSES)):
        minute, occupied = rng.uniform(0, 60), False
        while minute < (DAY if number == 3 else 2 * DAY):
            found.append(reading(eui(number), minute, {"occupied": occupied, "heartbeat": False}))
            minute += rng.choice([0.2, 7.0, 40.0, 300.0]) * rng.uniform(0.9, 1.0)
            occupied = not occupied
    return found


def expected_phases(readings: list[Reading], as_of: datetime) -> list[tuple[Any, ...]]:
    """By their definition: what lasted long enough, joined where nothing that did lies between."""
    found: list[tuple[Any, ...]] = []
    for number, site in enumerate(CLASSES):
        spoken = [each for each in readings if each.dev_eui == eui(number)]
        mine = sorted((each.observed_at_us, each.samples[0].form.states[0].flag) for each in spoken)
        raw = [
            (from_us(at_us), state)
            for (at_us, state), (_, before) in zip(mine, [(0, None), *mine[:-1]], strict=True)
            if state != before
        ]
        silent_at = from_us(mine[-1][0]) + SILENCE
        ends = [*(begin for begin, _ in raw[1:]), silent_at]
        kept: list[tuple[datetime, bool]] = []
        for (begin, state), end in zip(raw, ends, strict=True):
            if end - begin >= DWELL and (not kept or kept[-1][1] != state):
                kept.append((begin, state))
        for (begin, state), following in zip(kept, [*kept[1:], None], strict=True):
            if following is not None:
                found.append((site, begin, state, following[0], "sensor"))
            elif silent_at <= as_of:
                found.append((site, begin, state, silent_at, "silence"))
            else:
                found.append((site, begin, state, None, None))
    return sorted(found)


def expected_history(phases: list[tuple[Any, ...]], as_of: datetime, since: datetime) -> list[tuple[Any, ...]]:
    """By its definition, second by second as it were: each stretch from all phases."""
    found = []
    for audience, sites in (("operations", [*OPEN, "staff"]), ("public", OPEN)):
        mine = [phase for phase in phases if phase[0] in sites]
        for period, begin, end in stretches(since, as_of):
            parts = [(p, max(p[1], begin), min(p[3] or as_of, end)) for p in mine]
            parts = [(p, low, high) for p, low, high in parts if low < high]
            stays = [p for p in mine if p[2] and p[4] == "sensor" and begin <= p[3] < end]
            seconds = sorted((p[3] - p[1]).total_seconds() for p in stays)
            found.append(
                (
                    "z",
                    period,
                    begin,
                    audience,
                    len(sites),
                    pytest.approx(sum((high - low).total_seconds() for p, low, high in parts if p[2])),
                    pytest.approx(sum((high - low).total_seconds() for _, low, high in parts)),
                    sum(p[2] and begin <= p[1] < end for p in mine),
                    len(stays),
                    quantile(seconds, 0.5),
                    quantile(seconds, 0.9),
                )
            )
    return sorted(found, key=lambda row: row[:4])


def stretches(since: datetime, as_of: datetime) -> list[tuple[str, datetime, datetime]]:
    found = []
    begin = since
    while begin + LENGTHS["quarter"] <= as_of:
        local = begin.astimezone(BERLIN)
        found.append(("quarter", begin, begin + LENGTHS["quarter"]))
        if local.minute == 0 and begin + LENGTHS["hour"] <= as_of:
            found.append(("hour", begin, begin + LENGTHS["hour"]))
        midnight = local.replace(hour=0, minute=0).astimezone(UTC)
        tomorrow = (local.replace(hour=0, minute=0) + timedelta(days=1)).astimezone(UTC)
        if tomorrow <= as_of and ("day", midnight, tomorrow) not in found:
            found.append(("day", midnight, tomorrow))
        begin += LENGTHS["quarter"]
    return found


def quantile(values: list[float], share: float) -> Any:
    """Between the two nearest values, as SQL's percentile_cont."""
    if not values:
        return None
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return pytest.approx(values[low] + (values[high] - values[low]) * (place - low))


def quick(settings: Settings, **derive: Any) -> Settings:
    return changed(settings, derive={"longest_rest_seconds": 0.1, **derive})


async def derived(connection: Connection, settings: Settings, *derivations: Derivation) -> None:
    """Have derivations run once, in this order."""
    for each in derivations:
        await each.run(connection, settings)


async def no_marks(settings: Settings) -> bool:
    return await rows_of(settings, "SELECT count(*) FROM mark") == [(0,)]


async def test_phases_and_history_are_what_their_definitions_say_also_after_late_data(settings: Settings) -> None:
    settings = quick(settings)
    await described(settings)
    readings = cars(seed=5)
    rng = random.Random(7)
    late = rng.sample(readings, 40)
    in_time = [each for each in readings if each not in late]
    producer = Producer(settings, "parking")
    await producer.send(*in_time, 2 * DAY + 60.0)
    as_of = from_us(at(2 * DAY + 60))
    async with running(PARKING, settings), running(DERIVE, settings):
        await until_settled(settings, PARKING.name, producer)

        async def first() -> bool:
            return await rows_of(settings, PHASES) == expected_phases(in_time, as_of)

        await eventually(first, "the phases are those of what came in time")
        rng.shuffle(late)
        await producer.send(*late, *rng.sample(in_time, 30))
        await until_settled(settings, PARKING.name, producer)
        wanted = expected_phases(readings, as_of)

        async def settled() -> bool:
            return await no_marks(settings) and await rows_of(settings, PHASES) == wanted

        await eventually(settled, "the phases are those of all")
        await producer.send(2 * DAY + 120.0)
        as_of = from_us(at(2 * DAY + 120))
        wanted = expected_phases(readings, as_of)

        async def passed() -> bool:
            ((newest,),) = await rows_of(settings, "SELECT max(end_at) FROM parking_zone_history")
            over = newest is not None and newest > as_of - LENGTHS["quarter"]
            return over and await no_marks(settings) and await rows_of(settings, PHASES) == wanted

        await eventually(passed, "time alone has ended a phase, and stretches of the zone's history")
    history = await rows_of(settings, HISTORY_ROWS)
    since = min(row[2] for row in history if row[1] == "quarter")
    assert since <= from_us(min(reading.observed_at_us for reading in readings))
    assert history == expected_history(wanted, as_of, since)
    assert {row[1] for row in history} == {"quarter", "hour", "day"}
    assert {row[4] for row in wanted} >= {"sensor", "silence", None}
    shown = await rows_of(settings, "SELECT count(*) FROM open_parking_zone_history")
    assert shown == [(sum(row[3] == "public" for row in history),)]
    assert await rows_of(settings, "SELECT count(*) FROM internal_parking_phase WHERE site = 'own'") == [(0,)]


async def test_a_board_is_told_of_what_follows_closely_in_one_event_and_of_the_last_state_in_any_case(
    settings: Settings,
) -> None:
    settings = quick(settings, zone_event_seconds=2.0)
    producer = Producer(settings, "parking")
    events = "SELECT (event -> 'data' ->> 'occupied')::int, stored_at FROM outbox ORDER BY id"

    async def occupied() -> list[int]:
        return [count for count, _ in await rows_of(settings, events)]

    async with running(PARKING, settings):
        async with running(DERIVE, settings):
            await described(settings)
            for number in range(6):
                await producer.send(reading(eui(number), 1.0, {"occupied": True}), 2.0 + number)
            await until_settled(settings, PARKING.name, producer)

            async def counted() -> bool:
                return await rows_of(settings, "SELECT occupied FROM parking_zone") == [(6,)]

            await eventually(counted, "all six are counted")
        # Whatever this one has not told is its successor's.
        async with running(DERIVE, settings):

            async def told() -> bool:
                return (await occupied())[-1:] == [6]

            await eventually(told, "the last state is told")
    rows = await rows_of(settings, events)
    times = [stored_at for _, stored_at in rows]
    assert all(later - sooner >= timedelta(seconds=2) for sooner, later in itertools.pairwise(times))
    assert len(rows) < 7


@pytest.mark.parametrize("speaking", [1, 2])
async def test_after_a_stop_time_goes_on_where_it_was_whatever_phases_were_ahead_by(
    settings: Settings, speaking: int
) -> None:
    """Derive ends where one zone, or each, has quarters by its phases and time has not marked those before them."""
    settings = quick(settings)
    zones = ["one", "other"]
    await described(settings, {zone: (zone, "") for zone in zones})
    producer = Producer(settings, "parking")

    async def quarters() -> dict[str, list[datetime]]:
        found: dict[str, list[datetime]] = {zone: [] for zone in zones}
        for zone, begin_at in await rows_of(settings, QUARTERS):
            found[zone].append(begin_at)
        return found

    async with running(PARKING, settings), connected(settings, "test") as connection:
        await connection.set_autocommit(True)

        await producer.send(*(reading(eui(number), 1.0, {"occupied": True}) for number in range(2)), 60.0)
        await until_settled(settings, PARKING.name, producer)
        await derived(connection, settings, STAYS, watch_time(), HISTORY)
        before = await quarters()
        await producer.send(*(reading(eui(number), 100.0, {"occupied": False}) for number in range(speaking)), 180.0)
        await until_settled(settings, PARKING.name, producer)
        await derived(connection, settings, STAYS, HISTORY)
        ahead = await quarters()
        assert [len(ahead[zone]) - len(before[zone]) for zone in zones] == [5, 5 if speaking == 2 else 0]

        await derived(connection, settings, watch_time(), HISTORY)
        found = await quarters()
    first = before["one"][0]
    expected = [first + number * LENGTHS["quarter"] for number in range(len(before["one"]) + 8)]
    assert found == dict.fromkeys(zones, expected)


async def test_a_change_of_sites_just_before_a_stop_is_seen_after_it(settings: Settings) -> None:
    """Rows are written for another reason between the change and the stop."""
    settings = quick(settings)
    await described(settings)
    bays = "SELECT DISTINCT bays FROM parking_zone_history WHERE audience = 'operations'"
    producer = Producer(settings, "parking")
    async with running(PARKING, settings), connected(settings, "test") as connection:
        await connection.set_autocommit(True)

        await producer.send(*(reading(eui(number), 1.0, {"occupied": True}) for number in range(8)), 60.0)
        await until_settled(settings, PARKING.name, producer)
        await derived(connection, settings, STAYS, watch_time(), HISTORY)
        assert await rows_of(settings, bays) == [(7,)]
        await connection.execute("UPDATE site SET class = 'personal', stored_at = now() WHERE site = 'bay0'")
        await producer.send(reading(eui(1), 62.0, {"occupied": False}), 90.0)
        await until_settled(settings, PARKING.name, producer)
        await derived(connection, settings, STAYS, HISTORY)

        await derived(connection, settings, watch_time(), HISTORY)
    assert await rows_of(settings, bays) == [(6,)]
