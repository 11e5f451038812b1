"""How fast a container fills."""

from __future__ import annotations

from pipeline.core.clock import DAY_US
from topologies.container.trend import FEWEST, MOST, begun, extended, foretell, rate_of

HOUR_US = DAY_US // 24


def test_a_steady_fill_is_found_and_goes_on() -> None:
    trend = begun(0, 0.1)
    for hour in range(1, 200):
        trend = extended(trend, hour * HOUR_US, 0.1 + hour * 0.004)

    rate = rate_of(trend)

    assert rate is not None
    assert round(rate.per_day, 9) == 0.096
    soon = foretell(rate, at_us=200 * HOUR_US, level=0.9, goal=1.0)
    assert soon.at_us is not None
    assert abs(soon.at_us - 225 * HOUR_US) < 1000
    assert foretell(rate, at_us=0, level=0.9, goal=0.8).at_us is None


def test_points_become_rarer_and_never_more() -> None:
    trend = begun(0, 0.0)
    for minute in range(1, 10_000):
        trend = extended(trend, minute * 60_000_000, minute / 10_000)
        assert len(trend.times_us) <= MOST

    assert trend.times_us[0] == 0
    assert len(trend.times_us) >= MOST // 2
    assert trend.times_us[-1] > 8_000 * 60_000_000


def test_a_wrong_point_does_not_turn_the_line() -> None:
    trend = begun(0, 0.0)
    for hour, ratio in ((6, 0.06), (12, 0.95), (18, 0.18), (24, 0.24), (30, 0.3), (36, 0.36)):
        trend = extended(trend, hour * HOUR_US, ratio)

    rate = rate_of(trend)

    assert rate is not None
    assert round(rate.per_day, 6) == 0.24
    assert rate.slowest <= rate.per_day <= rate.fastest


def test_nothing_is_foretold_from_little_or_of_what_empties_itself() -> None:
    trend = begun(0, 0.5)
    for hour in range(1, FEWEST - 1):
        trend = extended(trend, hour * 12 * HOUR_US, 0.5)
    assert rate_of(trend) is None

    for hour in range(FEWEST - 1, 7):
        trend = extended(trend, hour * 12 * HOUR_US, 0.5 - hour * 0.01)
    rate = rate_of(trend)
    assert rate is not None
    assert foretell(rate, at_us=0, level=0.5, goal=0.8) == (None, None, None)
