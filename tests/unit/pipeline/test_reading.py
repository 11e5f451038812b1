"""A reading says what its samples said, whatever was said before by a device of the same kind."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from decoders.api import Sample
from decoders.quantities import QUANTITIES
from pipeline.decode.reading import AHEAD_US, HISTORY_AHEAD, Readings
from schemas.silkstream.v1.frame_pb2 import Frame
from schemas.silkstream.v1.reading_pb2 import Reading
from tests.unit.pipeline.material import BASE_US, LEVEL, SECOND_US, Level

MINUTE_US = 60 * SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Tipped(Sample):
    """A sample type of one quantity."""

    tilted: bool | None = None


DECODER = replace(LEVEL, samples=(Level, Tipped))


@pytest.fixture
def readings() -> Readings:
    return Readings([DECODER], QUANTITIES)


def reading(readings: Readings, *samples: Sample, step_seconds: int | None = None, **more: object) -> Reading:
    frame = Frame(event_id=b"e" * 16, dev_eui="00", observed_at_us=BASE_US, **more)  # type: ignore[arg-type]  # of a frame
    return Reading.FromString(readings.serialised(frame, samples, history_step_seconds=step_seconds))


def said(found: Reading) -> list[tuple[int, dict[str, float | bool]]]:
    return [
        (each.channel, {q.name: getattr(q, q.WhichOneof("value") or "") for q in each.quantities})
        for each in found.samples
    ]


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


def test_flags_belong_to_their_sample_and_to_their_reading(readings: Readings) -> None:
    found = reading(readings, Level(tilted=True, flags=("invalid_reading",)), Level(channel=1), flags=["clock_ahead"])
    after = reading(readings, Level(tilted=True), Level(channel=1))

    assert (list(found.flags), [list(s.flags) for s in found.samples]) == (["clock_ahead"], [["invalid_reading"], []])
    assert (list(after.flags), [list(s.flags) for s in after.samples]) == ([], [[], []])


def test_a_reading_that_a_plugin_spoils_spoils_no_later_one(readings: Readings) -> None:
    with pytest.raises(TypeError):
        reading(readings, Level(distance_metres=5.0, tilted="yes"))  # type: ignore[arg-type]  # as a plugin might
    found = reading(readings, Level(distance_metres=1.0, tilted=False))

    assert said(found) == [(0, {"distance_metres": 1.0, "tilted": False})]


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

    assert (len(at_the_edge.samples), list(at_the_edge.flags)) == (2, [])
    assert (len(beyond.samples), list(beyond.flags)) == (1, [HISTORY_AHEAD])
