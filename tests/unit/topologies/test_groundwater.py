"""What surrounds wells: barometers between their values, and dips as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.city.model import City
from pipeline.core.errors import SettingsError
from pipeline.registry.sites import FaultyFile
from tests.unit.topologies.material import at, eui, places, reading, records
from topologies.derive.wells import Hour, trend_of
from topologies.groundwater import topology as groundwater
from topologies.groundwater.dips import Change, Dip, Key, difference, parse_dips
from topologies.groundwater.surroundings import GAP_US, Air, Around, Series
from topologies.runtime.memory import MemoryWorker
from topologies.runtime.model import Mark

HOUR = 3_600_000_000
NOON = datetime(2026, 6, 1, 10, tzinfo=UTC)


def around(*values: tuple[int, float]) -> Around:
    times, pressures = zip(*values, strict=True)
    return Around({"klima": Series(times, pressures)}, {})


@pytest.mark.parametrize(
    ("at_us", "expected"),
    [
        (HOUR - 1, None),
        (HOUR, Air(1000.0, is_held=False)),
        (2 * HOUR, Air(1005.0, is_held=False)),
        (3 * HOUR, Air(1010.0, is_held=False)),
        (4 * HOUR, Air(1010.0, is_held=True)),
        (3 * HOUR + GAP_US, Air(1010.0, is_held=True)),
        (3 * HOUR + GAP_US + 1, None),
        (20 * HOUR, Air(990.0, is_held=False)),
    ],
)
def test_the_air_is_taken_between_neighbours_that_are_near_and_held_for_a_while(
    at_us: int, expected: Air | None
) -> None:
    known = around((HOUR, 1000.0), (3 * HOUR, 1010.0), (20 * HOUR, 990.0))

    assert known.air_at("klima", at_us) == expected
    assert known.air_at("elsewhere", at_us) is None


def test_a_file_of_dips_is_read_with_commas_or_semicolons() -> None:
    lines = parse_dips("site,dipped_at,distance_metres,note\ng1,2026-06-01T12:00:00+02:00,5.8,Müller\n", sites={"g1"})
    same = parse_dips(
        "\ufeffsite;note;dipped_at;distance_metres\ng1;Müller;2026-06-01T12:00:00+02:00;5.8", sites={"g1"}
    )

    assert lines == same == {Key("g1", NOON): Dip(5.8, "Müller")}
    assert parse_dips("site,dipped_at,distance_metres\ng1,2026-06-01T10:00:00Z,\n", sites={"g1"}) == {
        Key("g1", NOON): None
    }


FAULTY = """site,dipped_at,distance_metres
g7,2026-06-01T10:00:00Z,5
g1,yesterday,5
g1,2026-06-01T10:00:00Z,five
g1,2026-06-01T10:00:00Z,5000
g1,2026-06-01T10:00:00Z
g1,2026-06-02T10:00:00Z,5
g1,2026-06-02T12:00:00+02:00,6
"""


def test_every_fault_of_a_file_of_dips_is_told_with_its_place() -> None:
    with pytest.raises(FaultyFile) as told:
        parse_dips(FAULTY, sites={"g1"}, source="dips.csv")

    assert [(fault.line, fault.column) for fault in told.value.faults] == [
        (2, "site"),
        (3, "dipped_at"),
        (4, "distance_metres"),
        (5, "distance_metres"),
        (6, "site"),
        (8, "dipped_at"),
    ]
    assert "line 5, column distance_metres: 5000 is not between -20 and 1000" in str(told.value)


@pytest.mark.parametrize("text", ["", "site,dipped_at\n", "site,dipped_at,distance_metres,colour\n", "site,site\n"])
def test_a_file_without_the_right_columns_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_dips(text, sites={"g1"})


def test_only_what_a_file_says_and_was_not_known_changes() -> None:
    known = {Key("g1", NOON): Dip(5.8), Key("g2", NOON): Dip(5.0), Key("g3", NOON): Dip(4.0)}
    said = {Key("g1", NOON): Dip(5.8), Key("g2", NOON): None, Key("g4", NOON): Dip(3.0), Key("g9", NOON): None}

    changes = difference(known, said)

    assert changes == [
        Change(Key("g2", NOON), Dip(5.0), None),
        Change(Key("g4", NOON), None, Dip(3.0)),
    ]
    assert [(change.kind, change.detail) for change in changes] == [("dip taken back", "5 m"), ("dip added", "3 m")]


def test_a_trend_needs_half_of_its_time_and_is_not_moved_by_a_quarter_of_wrong_hours() -> None:
    hours = [
        Hour(NOON + timedelta(hours=n), 30.0 + n * 0.01 + (5.0 if n in {3, 9, 17, 20} else 0.0)) for n in range(24)
    ]

    assert trend_of(hours, timedelta(days=1)) == pytest.approx(0.24)
    assert trend_of(hours, timedelta(days=7)) is None
    assert trend_of(hours[:5], timedelta(days=1)) is None


async def test_an_hour_is_marked_when_its_levels_change_and_only_then() -> None:
    device = eui(1)
    about = {"measuring_point_metres_nhn": 40.0, "suspension_metres": 10.0}
    worker = MemoryWorker(groundwater.of_city(City()), places([(device, 0, "g1")], [("g1", 0, "", about)]))
    contents = [reading(device, minute, {"water_column_metres": 4.0}) for minute in (10, 20, 90, 15)]
    marks = []
    for number in range(len(contents)):
        await worker.process(records(contents)[number : number + 1])
        marks.append(list(worker.store.marks))
        worker.store.marks.clear()

    hours = [at(minute) - at(minute) % HOUR for minute in (10, 20, 90, 15)]
    assert marks == [[Mark("groundwater_hour", "g1", hour)] for hour in hours]
