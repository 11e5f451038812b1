"""A reading says what its samples said, whatever was said before by a device of the same kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoders.api import Sample
from decoders.quantities import QUANTITIES
from pipeline.core.samples import Forms, samples_of
from pipeline.decode.reading import AHEAD_US, HISTORY_AHEAD, Readings
from schemas.silkstream.v1.frame_pb2 import Frame
from schemas.silkstream.v1.reading_pb2 import Reading
from tests import readings as written
from tests.unit.pipeline.material import BASE_US, LEVEL, SECOND_US, Level

MINUTE_US = 60 * SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Tipped(Sample):
    """A sample type of one quantity."""

    tilted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged(Sample):
    """What a meter logs: a whole number and a fraction."""

    water_volume_litres: int | None = None
    water_temperature_celsius: float | None = None


DECODER = replace(LEVEL, samples=(Level, Tipped, Logged))


@pytest.fixture
def readings() -> Readings:
    return Readings([DECODER], QUANTITIES)


def reading(readings: Readings, *samples: Sample, step_seconds: int | None = None, **more: object) -> Reading:
    frame = Frame(event_id=b"e" * 16, dev_eui="00", observed_at_us=BASE_US, **more)  # type: ignore[arg-type]  # of a frame
    return Reading.FromString(readings.serialised(frame, samples, history_step_seconds=step_seconds))


def said(found: Reading) -> list[tuple[int, dict[str, written.Value]]]:
    return [(each.channel, written.said(each)) for each in found.samples]


def flags(found: Reading) -> list[list[str]]:
    return [list(each.form.flags) for each in found.samples]


def test_nothing_of_an_earlier_reading_of_the_same_shape_stays(readings: Readings) -> None:
    first = reading(readings, Level(distance_metres=1.5, tilted=True, channel=3), f_cnt=7, decoder="one")
    second = reading(readings, Level(distance_metres=2.5, tilted=False))

    assert said(first) == [(3, {"distance_metres": 1.5, "tilted": True})]
    assert said(second) == [(0, {"distance_metres": 2.5, "tilted": False})]
    assert (second.f_cnt, second.decoder) == (0, "")


def test_what_is_absent_is_left_out(readings: Readings) -> None:
    reading(readings, Level(distance_metres=1.0, tilted=True))
    found = reading(readings, Level(tilted=True), Level(channel=1), Tipped(channel=2, tilted=False))

    assert said(found) == [(0, {"tilted": True}), (1, {}), (2, {"tilted": False})]


def test_a_sample_has_the_flags_of_its_frame_and_its_own(readings: Readings) -> None:
    found = reading(readings, Level(tilted=True, flags=("invalid_reading",)), Level(channel=1), flags=["clock_ahead"])
    after = reading(readings, Level(tilted=True), Level(channel=1))

    assert flags(found) == [["clock_ahead", "invalid_reading"], ["clock_ahead"]]
    assert flags(after) == [[], []]


def test_a_reading_that_a_plugin_spoils_spoils_no_later_one(readings: Readings) -> None:
    with pytest.raises(TypeError):
        reading(readings, Level(distance_metres=5.0, tilted="yes"))  # type: ignore[arg-type]  # as a plugin might
    found = reading(readings, Level(distance_metres=1.0, tilted=False))

    assert said(found) == [(0, {"distance_metres": 1.0, "tilted": False})]


def test_what_is_equal_to_a_state_and_is_none_is_refused_whatever_came_before(readings: Readings) -> None:
    reading(readings, Level(tilted=True))
    with pytest.raises(TypeError):
        reading(readings, Level(tilted=1.0))  # type: ignore[arg-type]  # as a plugin might


def test_history_has_the_time_it_was_taken_rounded_to_the_step(readings: Readings) -> None:
    unix = BASE_US // SECOND_US - 3601
    samples = (Level(tilted=True), Level(tilted=True, age_seconds=89.0), Level(tilted=True, taken_unix_seconds=unix))

    exact = reading(readings, *samples)
    rounded = reading(readings, *samples, step_seconds=60)

    assert [s.observed_at_us - BASE_US for s in exact.samples] == [0, -89 * SECOND_US, -3601 * SECOND_US]
    assert [s.observed_at_us - BASE_US for s in rounded.samples] == [0, -MINUTE_US, -60 * MINUTE_US]


def test_history_of_a_clock_that_runs_ahead_is_left_out_and_told_of(readings: Readings) -> None:
    unix = (BASE_US + AHEAD_US) // SECOND_US
    at_the_edge = reading(readings, Level(tilted=True), Level(tilted=False, taken_unix_seconds=unix))
    beyond = reading(readings, Level(tilted=True), Level(tilted=False, taken_unix_seconds=unix + 1))

    assert flags(at_the_edge) == [[], []]
    assert flags(beyond) == [[HISTORY_AHEAD]]


def logged(reading: Reading) -> list[tuple[int, int, list[int], dict[str, list[float]]]]:
    return [
        (
            (each.first_at_us - BASE_US) // MINUTE_US,
            each.step_us // MINUTE_US,
            [each.channel, *map(len, each.form.flags)],
            written.logged(each),
        )
        for each in reading.series
    ]


def taken(*minutes: float, first: int = 100, **more: Any) -> list[Logged]:
    return [
        Logged(age_seconds=60.0 * age, water_volume_litres=first + n, **more) for n, age in enumerate(minutes) if age
    ]


@pytest.mark.parametrize("falling", [False, True])
def test_history_at_even_steps_is_a_series_from_the_oldest_on(readings: Readings, *, falling: bool) -> None:
    past = [
        Logged(age_seconds=60.0 * age, water_volume_litres=age, water_temperature_celsius=age / 2, channel=2)
        for age in (90, 60, 30)
    ]
    found = reading(readings, Logged(water_volume_litres=7), *(past[::-1] if falling else past))

    columns = {"water_volume_litres": [90, 60, 30], "water_temperature_celsius": [45.0, 30.0, 15.0]}
    assert logged(found) == [(-90, 30, [2], columns)]
    assert said(found) == [(0, {"water_volume_litres": 7})]


def test_a_series_has_nothing_of_a_longer_one_before_it(readings: Readings) -> None:
    reading(readings, *taken(90, 60, 30), flags=["clock_ahead"])
    found = reading(readings, *taken(40, 20, first=5), flags=["clock_ahead"])

    assert logged(found) == [(-40, 20, [0, 11], {"water_volume_litres": [5, 6]})]


def test_quantities_channels_and_flags_make_series_of_their_own(readings: Readings) -> None:
    found = reading(
        readings,
        *taken(20, 10),
        *taken(20, 10, channel=1),
        *taken(20, 10, flags=("lower_bound",)),
        *taken(20, 10, water_temperature_celsius=1.0),
    )

    assert [(each[2], len(each[3])) for each in logged(found)] == [([0], 1), ([1], 1), ([0, 11], 1), ([0], 2)]


@pytest.mark.parametrize(
    "samples",
    [
        taken(30),
        taken(90, 60, 20),
        taken(60, 90, 30),
        taken(30, 30),
        taken(3, 2, 10**10),
        [Tipped(age_seconds=60.0 * age, tilted=True) for age in (30, 20, 10)],
        [Logged(age_seconds=60.0 * age, flags=("invalid_reading",)) for age in (30, 20, 10)],
    ],
    ids=["one", "uneven", "out of order", "one time", "an absurd time", "flags", "nothing measured"],
)
def test_other_history_stays_samples(readings: Readings, samples: list[Sample]) -> None:
    found = reading(readings, *samples)

    assert (len(found.samples), len(found.series)) == (len(samples), 0)


@pytest.mark.parametrize("value", [2.5, "7", 2**63])
def test_a_series_that_a_plugin_spoils_spoils_no_later_one(readings: Readings, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        reading(readings, *taken(20), Logged(age_seconds=600.0, water_volume_litres=value))
    found = reading(readings, *taken(20, 10))

    assert logged(found) == [(-20, 10, [0], {"water_volume_litres": [100, 101]})]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 2, 3, 4, 8, 9]),
            st.none() | st.integers(0, 2**40),
            st.none() | st.floats(-40, 90),
            st.sampled_from([(), ("lower_bound",)]),
        ),
        max_size=8,
        unique_by=lambda each: each[0],
    )
)
def test_every_sample_comes_out_again_however_it_is_written(
    given_: list[tuple[int, int | None, float | None, tuple[str, ...]]],
) -> None:
    samples = [
        Logged(age_seconds=60.0 * age, water_volume_litres=volume, water_temperature_celsius=warmth, flags=flags)
        for age, volume, warmth, flags in given_
    ]
    found = reading(Readings([DECODER], QUANTITIES), *samples)

    forms = Forms(lambda form: form)
    assert sorted(
        ((BASE_US - at_us) // MINUTE_US, dict(zip(form.names, values, strict=True)), form.flags)
        for at_us, _, form, values in samples_of(written.view(found), forms)
    ) == sorted(
        (
            age,
            {
                name: value
                for name, value in (("water_volume_litres", volume), ("water_temperature_celsius", warmth))
                if value is not None
            },
            flags,
        )
        for age, volume, warmth, flags in given_
    )
