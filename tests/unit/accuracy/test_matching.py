"""What belongs together, what is missing and what is too much; and what that says in figures."""

from __future__ import annotations

import pytest

from pipeline.core.clock import HOUR_US, MINUTE_US
from tests.accuracy.matching import (
    Span,
    Tolerance,
    Window,
    error,
    judged,
    pair,
    score,
    spans_above,
    spread,
    while_alive,
)

WITHIN = Tolerance(before_us=5 * MINUTE_US, after_us=HOUR_US)


def at(minute: int, subject: str = "a") -> Span:
    return Span(subject, minute * MINUTE_US)


@pytest.mark.parametrize(
    ("true", "found", "pairs", "missed", "extra"),
    [
        ([100], [100], [(100, 100)], [], []),
        ([100], [160], [(100, 160)], [], []),
        ([100], [161], [], [100], [161]),
        ([100], [95], [(100, 95)], [], []),
        ([100], [94], [], [100], [94]),
        ([100], [100, 120], [(100, 100)], [], [120]),
        ([100, 120], [130], [(120, 130)], [100], []),
        ([100, 130], [120], [(100, 120)], [130], []),
        ([100, 120, 140], [121, 139], [(120, 121), (140, 139)], [100], []),
        ([100, 150], [140, 150], [(100, 140), (150, 150)], [], []),
        ([], [3, 1], [], [], [1, 3]),
        ([3, 1], [], [], [1, 3], []),
    ],
)
def test_one_belongs_to_one_within_the_tolerance(
    true: list[int], found: list[int], pairs: list[tuple[int, int]], missed: list[int], extra: list[int]
) -> None:
    pairing = pair(map(at, true), map(at, found), WITHIN)

    assert pairing.pairs == [(at(one), at(other)) for one, other in pairs]
    assert pairing.missed == [at(each) for each in missed]
    assert pairing.extra == [at(each) for each in extra]


def test_another_subject_is_another_thing() -> None:
    pairing = pair([at(100, "a")], [at(100, "b")], WITHIN)

    assert pairing.missed == [at(100, "a")]
    assert pairing.extra == [at(100, "b")]


def test_only_what_begins_in_the_window_is_judged() -> None:
    pairing = pair([at(10), at(200), at(900)], [at(9), at(210), at(500), at(950)], WITHIN)
    left = judged(pairing, Window(100 * MINUTE_US, 800 * MINUTE_US))

    assert left.pairs == [(at(200), at(210))]
    assert left.missed == []
    assert left.extra == [at(500)]


def test_score_counts_shares_and_delays() -> None:
    found = score("stay", pair([at(100), at(300), at(500)], [at(110), at(330), at(900), at(950)], WITHIN))

    assert (found.true, found.found, found.right) == (3, 4, 2)
    assert found.precision == pytest.approx(0.5)
    assert found.recall == pytest.approx(2 / 3)
    assert found.delay_minutes is not None
    assert found.delay_minutes.mean == pytest.approx(20.0)


def test_share_of_nothing_is_none() -> None:
    nothing = score("stay", pair([], [], WITHIN))

    assert (nothing.precision, nothing.recall, nothing.delay_minutes) == (None, None, None)


def test_error_has_sizes_without_and_a_bias_with_sign() -> None:
    found = error("level", "m", [1.0, -3.0])

    assert found is not None
    assert (found.size.values, found.size.mean, found.size.p95, found.bias) == (2, 2.0, 3.0, -1.0)
    assert error("level", "m", []) is None


def test_95th_percentile_is_the_nearest_rank() -> None:
    numbers = spread([float(number) for number in range(1, 101)])

    assert numbers is not None
    assert numbers.p95 == 95.0


def test_span_above_a_limit_has_a_hysteresis() -> None:
    course = [(1, 0.7), (2, 0.8), (3, 0.75), (4, 0.9), (5, 0.6), (6, 0.85)]

    assert spans_above(course, "a", on=0.8, off=0.7) == [Span("a", 2, 5), Span("a", 6, None)]


def test_nobody_measures_with_a_dead_device() -> None:
    assert while_alive([at(1), at(9), at(9, "b")], {"a": 5 * MINUTE_US}) == [at(1), at(9, "b")]
