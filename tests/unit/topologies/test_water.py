"""The volumes of a frame, however its device and its encoder have grouped them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.city.model import City
from schemas.silkstream.v1.reading_pb2 import Reading, Sample, Series
from tests.readings import sample, series, view
from tests.unit.topologies.material import BASE_US, eui
from topologies.water.facts import Volume, Volumes
from topologies.water.logic import WaterLogic

NAME = "water_volume_litres"
HOUR = Volumes(100, 10, (5, 6, 8))


def frame(*series: Series, samples: Sequence[Sample] = (), at_us: int = BASE_US) -> Reading:
    """A reading of a time with these."""
    return Reading(dev_eui=eui(1), event_id=b"e" * 16, observed_at_us=at_us, series=series, samples=samples)


def log(first_us: int, step_us: int, *litres: float, channel: int = 0) -> Series:
    """Volumes at even steps before the frame."""
    return series({NAME: litres}, first_at_us=BASE_US + first_us, step_us=step_us, channel=channel)


def volume(at_us: int, litres: float) -> Sample:
    """One volume."""
    return sample({NAME: litres}, at_us=BASE_US + at_us)


def volumes(reading: Reading) -> list[Volume]:
    """What is read, one by one, in microseconds from the frame."""
    return [
        (at_us - BASE_US, litres)
        for report in WaterLogic(City()).read(view(reading))
        for each in report.volumes
        for at_us, litres in each.after(-1)
    ]


@pytest.mark.parametrize(
    ("at_us", "expected"),
    [
        (0, [(100, 5), (110, 6), (120, 8)]),
        (99, [(100, 5), (110, 6), (120, 8)]),
        (100, [(110, 6), (120, 8)]),
        (109, [(110, 6), (120, 8)]),
        (119, [(120, 8)]),
        (120, []),
        (500, []),
    ],
)
def test_what_is_later_than_a_time(at_us: int, expected: list[Volume]) -> None:
    assert list(HOUR.after(at_us)) == expected


def test_one_volume_has_no_step() -> None:
    one = Volumes(100, 0, (5,))

    assert (list(one.after(99)), list(one.after(100)), list(one.after(101))) == ([(100, 5)], [], [])
    assert (one.last_us, HOUR.last_us) == (100, 120)


def test_a_log_stays_together() -> None:
    (report,) = WaterLogic(City()).read(view(frame(log(-30, 10, 1, 2, 3), samples=[volume(0, 4)])))

    assert report.volumes == (Volumes(BASE_US - 30, 10, (1, 2, 3)), Volumes(BASE_US, 0, (4,)))


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (log(-20, 10, 1, 2, 3, 4), [(-20, 1), (-10, 2), (0, 3)]),
        (log(-20, 10, 1, -2, 3), [(-20, 1), (0, 3)]),
        (log(-20, 10, 1, math.nan, 3), [(-20, 1), (0, 3)]),
        (log(-20, 10, 1, math.inf, 3), [(-20, 1), (0, 3)]),
        (log(0, -10, 3, 2, 1), [(-20, 1), (-10, 2), (0, 3)]),
        (log(-20, 0, 3, 2), [(-20, 2)]),
        (log(-20, 10, 1, 2, channel=1), []),
        (log(-20, 10), []),
    ],
    ids=["to come", "less than none", "no number", "endless", "the newest first", "one time", "another probe", "none"],
)
def test_what_cannot_be_is_left_out_and_the_rest_is_in_order(given_: Series, expected: list[Volume]) -> None:
    assert volumes(frame(given_)) == expected


_LITRES = st.one_of(st.integers(0, 50).map(float), st.sampled_from([-1.0, math.nan]))


@given(
    st.lists(st.tuples(st.integers(-60, 5), st.integers(0, 9), st.lists(_LITRES, min_size=1, max_size=6)), max_size=4)
)
def test_logs_that_reach_into_each_other_are_the_volumes_that_they_hold(
    logs: list[tuple[int, int, list[float]]],
) -> None:
    one_by_one = [(begin + step * place, each) for begin, step, litres in logs for place, each in enumerate(litres)]
    expected: dict[int, float] = {}
    for at_us, litres in one_by_one:
        if at_us <= 0 and litres >= 0:
            expected[at_us] = min(litres, expected.get(at_us, litres))

    found = volumes(frame(*(log(begin, step, *litres) for begin, step, litres in logs)))
    assert found == sorted(expected.items())
    assert found == volumes(frame(samples=[volume(*each) for each in one_by_one]))
