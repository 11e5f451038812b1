"""Whose fault a silence is, a device's day in numbers, and the alerts of days: the pure part of derive's fleet."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from pipeline.city.model import City
from pipeline.core.clock import DAY_US, from_us, to_us
from tests.unit.topologies.material import HOUR_US, at
from topologies.derive.fleet_account import MOST_GAP, Account, Event, account, battery_days_left, runs
from topologies.derive.fleet_alerts import Who, day_episodes
from topologies.derive.fleet_days import Day
from topologies.derive.fleet_rules import BATTERY_LOW, FRAMES_LOST, MANY_GAPS, gateway_offline
from topologies.derive.fleet_silence import NOT_YET_US, Outage, Silence, Verdict, allowed_gap_us, judge
from topologies.fleet.limits import Quiet, due_us
from topologies.fleet.parameters import FleetParameters
from topologies.runtime.alerts import Alert, Stretch, reconcile

# ── whose fault ──


def silence(*usual: str, ended: int | None = None) -> Silence:
    """Of a device that was last heard at 100 and may be silent for 50."""
    return Silence("d", 100, 150, ended, usual, b"event", "d", "", "d")


@pytest.mark.parametrize(
    ("about", "usual", "outages", "heard", "expected"),
    [
        ("nobody knows who hears it: it is told when it is due", (), {}, {}, (150, None)),
        ("its gateway heard somebody since: its own fault", ("a",), {}, {("a", 150): 160}, (160, None)),
        ("heard in the very minute: told when due, not before", ("a",), {}, {("a", 150): 120}, (150, None)),
        ("nobody heard anything since: wait", ("a",), {}, {("a", 150): None}, (NOT_YET_US, None)),
        ("its gateway is silent: not told, as long as it is", ("a",), {"a": [(1, 110, None)]}, {}, (NOT_YET_US, 1)),
        ("the gateway is back: as long as it may be silent", ("a",), {"a": [(1, 110, 300)]}, {}, (350, 1)),
        ("the gateway was back before it was due", ("a",), {"a": [(1, 90, 120)]}, {("a", 150): 151}, (170, 1)),
        (
            "one of two gateways hears: its own fault",
            ("a", "b"),
            {"a": [(1, 110, None)]},
            {("b", 150): 155},
            (155, None),
        ),
        (
            "both are silent: the one that fell silent last is the cause",
            ("a", "b"),
            {"a": [(1, 110, 400)], "b": [(2, 120, 300)]},
            {},
            (350, 2),
        ),
        ("an outage that was over before its last word", ("a",), {"a": [(1, 10, 100)]}, {("a", 150): 155}, (155, None)),
        (
            "an outage that began when it was due already",
            ("a",),
            {"a": [(1, 150, None)]},
            {("a", 150): None},
            (NOT_YET_US, None),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_silence_is_told_when_it_is_the_devices_own(
    about: str, usual: Any, outages: Any, heard: Any, expected: tuple[int, int | None]
) -> None:
    del about
    found = {name: [Outage(bytes([i]), since, over) for i, since, over in mine] for name, mine in outages.items()}
    tells_us, cause = expected

    assert judge(silence(*usual), found, heard) == Verdict(tells_us, None if cause is None else bytes([cause]))


@pytest.mark.parametrize(
    ("minutes", "span_hours", "expected_hours"),
    [(1, 0, 240), (1441, 24, 0.5), (49, 24, 5), (7, 1, 10 / 6)],
    ids=["one minute says nothing", "a busy one", "two an hour", "a new one counts from its first minute"],
)
def test_a_gateway_may_be_silent_for_ten_mean_gaps(minutes: int, span_hours: int, expected_hours: float) -> None:
    found = allowed_gap_us(minutes, span_hours * HOUR_US, factor=10, minimum_us=HOUR_US // 2)

    assert found / HOUR_US == pytest.approx(expected_hours)


def test_a_gateway_names_the_first_of_its_devices() -> None:
    assert gateway_offline("g", at(0), ["c", "a", "d", "b"]).message_en.endswith(
        "4 devices are without reception: a, b, c, …."
    )
    assert gateway_offline("g", at(0), ["a"]).message_de.endswith("1 Gerät ist ohne Empfang: a.")
    assert gateway_offline("g", at(0), []).value == 0


@pytest.mark.parametrize(
    ("begin", "allowed_hours", "expected"),
    [
        ("2025-07-01T23:30:00+02:00", 1, "2025-07-02T00:30:00+02:00"),
        ("2025-07-01T03:30:00+02:00", 1, "2025-07-01T23:30:00+02:00"),
        ("2025-07-01T12:00:00+02:00", 6, "2025-07-03T00:00:00+02:00"),
        ("2025-10-26T00:30:00+02:00", 4, "2025-10-26T03:30:00+01:00"),
        ("2025-03-29T23:00:00+01:00", 4, "2025-03-30T04:00:00+02:00"),
        ("2025-03-29T23:00:00+01:00", 5, "2025-03-31T00:00:00+02:00"),
    ],
    ids=["by night", "into the morning", "over two nights", "a night of 25 hours", "to its end", "a night of 23 hours"],
)
def test_quiet_hours_are_not_counted(begin: str, allowed_hours: int, expected: str) -> None:
    quiet = Quiet(time(4), time(23))
    found = due_us(to_us(datetime.fromisoformat(begin)), allowed_hours * HOUR_US, quiet)

    assert from_us(found) == datetime.fromisoformat(expected)


# ── the account ──


def events(text: str) -> list[Event]:
    """`120` an uplink, `j` a join, `d120` a late copy, `r120` refused, `A` / `B` another address; ten minutes apart."""
    found, address = [], "A"
    for number, word in enumerate(text.split()):
        at_us = at(10 * number)
        if word in {"A", "B"}:
            address = word
        elif word == "j":
            found.append(Event(at_us, "join", "event", "", 0))
        else:
            verdict = {"d": "duplicate", "r": "rejected"}.get(word[0], "accepted")
            found.append(Event(at_us, "up", verdict, address, int(word.lstrip("dr"))))
    return found


@pytest.mark.parametrize(
    ("about", "earlier", "day", "expected", "sessions"),
    [
        ("nothing missing", "6", "7 8 9", {"received": 3, "missing": 0}, ["goes_on 3 0 0"]),
        ("the first there is: nothing is known before it", "", "7 8", {"received": 2, "missing": 0}, ["first 2 0 0"]),
        ("gaps, also between the days", "4", "7 9", {"received": 2, "missing": 3}, ["goes_on 2 0 3"]),
        ("refused is received", "6", "7 r8 9", {"received": 3, "rejected": 1, "missing": 0}, ["goes_on 3 0 0"]),
        ("a late copy is none more", "6", "7 d7 8", {"received": 2, "copies": 1}, ["goes_on 2 1 0"]),
        ("a counter again is not a reset", "6", "7 7 8", {"received": 3, "resets": 0}, ["goes_on 2 1 0"]),
        ("a reset begins at 0", "6", "7 1 2", {"resets": 1, "missing": 1}, ["goes_on 1 0 0", "reset 2 0 1"]),
        ("a rejoin, too", "6", "7 j 2", {"joins": 1, "resets": 0, "missing": 2}, ["goes_on 1 0 0", "join 1 0 2"]),
        ("a join of the night before", "6 j", "0 1", {"joins": 0, "missing": 0}, ["join 2 0 0"]),
        ("an address without a join that we heard", "6", "B 1", {"missing": 1}, ["address 1 0 1"]),
        (
            "too large a step begins anew",
            "6",
            f"7 {8 + MOST_GAP}",
            {"resets": 1, "missing": 0},
            ["goes_on 1 0 0", "reset 1 0 0"],
        ),
        (
            "the largest gap",
            "6",
            f"7 {8 + MOST_GAP - 1}",
            {"resets": 0, "missing": MOST_GAP - 1},
            ["goes_on 2 0 16383"],
        ),
        ("nothing at all", "6", "", {"received": 0}, []),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value and not value[0].isdigit() else "",
)
def test_a_day_is_accounted_for(
    about: str, earlier: str, day: str, expected: dict[str, int], sessions: list[str]
) -> None:
    del about
    found: Account = account(events(earlier), events(day))

    assert {name: getattr(found, name) for name in expected} == expected
    assert [f"{s.begun_by} {s.received} {s.copies} {s.missing}" for s in found.sessions] == sessions
    assert found.received == found.accepted + found.no_payload + found.ignored + found.rejected
    for session in found.sessions:
        if session.begun_by == "goes_on":
            last = events(earlier)[-1].f_cnt
            assert session.last_f_cnt - last == session.received + session.missing


def test_a_frame_that_was_overtaken_is_not_missing() -> None:
    said = [Event(at(0), "up", "accepted", "A", n) for n in (7, 9, 8, 10)]

    assert account(said[:1], said[1:])[-2:] == (0, (account(said[:1], said[1:]).sessions[0],))


@pytest.mark.parametrize(
    ("charges", "expected"),
    [
        ([0.9] * 6, None),
        ([0.9] * 10, None),
        ([0.50 - 0.01 * n for n in range(11)], 40.0),
        ([0.50 - 0.01 * n for n in range(5)] + [0.9] + [0.50 - 0.01 * n for n in range(6, 11)], 40.0),
        ([0.2 + 0.01 * n for n in range(11)], None),
    ],
    ids=["too few", "it does not fall", "a steady fall", "one absurd charge", "it is being charged"],
)
def test_days_left_go_on_at_the_median_rate(charges: list[float], expected: float | None) -> None:
    assert battery_days_left(list(enumerate(charges))) == expected


def test_runs_end_where_it_is_known_that_it_is_no_longer_so() -> None:
    assert runs([(1, False), (2, True), (3, None), (4, True), (5, False), (6, None), (7, True)]) == [(2, 5), (7, None)]


# ── alerts of days ──


def days(**values: list[Any]) -> list[Day]:
    """Days one after the other, with what differs from an ordinary one."""
    ordinary = Day("d", from_us(0), 10, 10, 0, 0, 0, 0, 1, 0, 0, 0, 0, 7.0, -90.0, 5.0, 1.0, None, None, None)
    (count,) = {len(each) for each in values.values()}
    first = from_us(at(0) // DAY_US * DAY_US)
    return [
        ordinary._replace(day=first + timedelta(days=n), **{name: each[n] for name, each in values.items()})
        for n in range(count)
    ]


WHO = Who("d", "s", "", "D")


def known_as(mine: list[Day]) -> dict[tuple[str, datetime], Who]:
    return {(day.device, day.day): WHO for day in mine}


LATER_US = at(100 * 24 * 60)


def found(
    rule: Any, mine: list[Day], *, stored: list[Alert] | None = None, **parameters: Any
) -> list[tuple[int, int | None]]:
    given = FleetParameters(**parameters)
    found = day_episodes(rule, known_as(mine), mine, lambda _, __: given, LATER_US, stored=stored or [])
    episodes = [episode for episode, _ in found]
    zero = to_us(mine[0].day)
    return [
        ((e.since_us - zero) // DAY_US, None if e.ended_us is None else (e.ended_us - zero) // DAY_US) for e in episodes
    ]


def test_a_battery_is_low_until_it_is_well_above() -> None:
    assert found(BATTERY_LOW, days(battery_ratio=[0.3, 0.2, 0.24, None, 0.1, 0.26])) == [(1, 5)]
    assert found(BATTERY_LOW, days(battery_low=[False, True, None, True])) == [(1, None)]
    assert found(BATTERY_LOW, days(battery_ratio=[0.1, 0.1]), battery_alert=False) == []


def test_what_was_lost_is_told_at_once_and_gaps_when_the_day_is_over() -> None:
    assert found(FRAMES_LOST, days(lost=[0, 2, 1, 0])) == [(1, 3)]
    assert found(MANY_GAPS, days(missing=[0, 9, 0]), gaps_alert=True) == [(2, 3)]
    assert found(MANY_GAPS, days(missing=[0, 9, 0])) == []


def test_an_alert_that_began_before_the_days_goes_on() -> None:
    mine = days(battery_ratio=[0.1] * 5)
    always = City().timeline(FleetParameters, "fleet")
    ((first, _),) = day_episodes(BATTERY_LOW, known_as(mine), mine, lambda _, at_us: always.at(at_us), LATER_US)
    begun = reconcile(Stretch(BATTERY_LOW, "d", [first], [], 0, LATER_US)).stored

    assert found(BATTERY_LOW, mine[3:], stored=begun) == [(-3, None)]
    late = mine[3:]
    ((after, _),) = day_episodes(
        BATTERY_LOW, known_as(late), late, lambda _, __: FleetParameters(), LATER_US, stored=begun
    )
    assert reconcile(Stretch(BATTERY_LOW, "d", [after], begun, LATER_US, LATER_US)).stored == []
