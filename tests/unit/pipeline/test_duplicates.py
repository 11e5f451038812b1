"""Repetitions, late copies, and devices that begin again: the cases by name."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from pipeline.decode.duplicates import IN_DOUBT, NEW, Finding, History, Seen

HORIZON_SECONDS = 900
DAY = 86_400.0


class Heard(NamedTuple):
    """A record: when it arrived, of which event, which frame counter; `took`: the event's time lies so far before."""

    seconds: float
    event: str
    f_cnt: int = 0
    kind: str = "up"
    took: float = 0.0
    payload: str = "same"


def judged(*heard: Heard) -> list[Finding]:
    """What one device's history says of each, in their order."""
    history = History(HORIZON_SECONDS * 1000)
    found = []
    for each in heard:
        frame = f"{each.f_cnt} {each.payload}".encode() if each.kind == "up" else None
        time_us = round((each.seconds - each.took + 100 * DAY) * 1_000_000)
        timestamp = round((each.seconds + 100 * DAY) * 1000)
        found.append(
            history.judge("aa", Seen(timestamp, each.event.encode(), time_us, time_us, each.kind, frame, each.f_cnt))
        )
    return found


def originals(*heard: Heard) -> list[str]:
    """The event that each is a duplicate of; `new`, or `in doubt`."""
    words = {NEW: "new", IN_DOUBT: "in doubt"}
    return [words.get(f) or (f.duplicate_of or b"").decode() for f in judged(*heard)]


def test_the_same_event_again_is_a_repetition() -> None:
    assert originals(Heard(0, "a"), Heard(899, "a")) == ["new", "a"]


def test_behind_the_horizon_nothing_is_remembered() -> None:
    assert originals(Heard(0, "a"), Heard(900, "a")) == ["new", "new"]


def test_a_repetition_is_remembered_from_its_last_arrival() -> None:
    assert originals(Heard(0, "a"), Heard(600, "a"), Heard(1200, "a")) == ["new", "a", "a"]


@pytest.mark.parametrize(("took", "says"), [(60.9, "a"), (1.1, "a"), (1.0, "in doubt"), (0.0, "in doubt")])
def test_a_late_copy_has_nearly_the_same_time_however_late_it_comes(took: float, says: str) -> None:
    assert originals(Heard(0, "a", 7), Heard(61, "b", 7, took=took)) == ["new", says]


def test_a_copy_names_the_first_of_three() -> None:
    assert originals(Heard(0, "a", 7), Heard(1, "b", 7), Heard(2, "c", 7)) == ["new", "a", "a"]


def test_a_frame_with_other_bytes_is_no_copy() -> None:
    assert originals(Heard(0, "a", 7), Heard(1, "b", 7, payload="other")) == ["new", "new"]


def test_a_device_without_join_that_begins_again_after_five_minutes_loses_nothing() -> None:
    heard = [Heard(n * 60, f"first {n}", n) for n in range(5)]
    heard += [Heard(300 + n * 60, f"second {n}", n) for n in range(5)]
    # The first frame after the reset may be a copy of the one five minutes ago: kept, with a flag.
    assert originals(*heard) == ["new"] * 5 + ["in doubt"] * 5


def test_a_device_without_join_that_begins_again_after_three_days_is_new() -> None:
    heard = [Heard(n, f"first {n}", n) for n in range(3)]
    heard += [Heard(3 * DAY + n, f"second {n}", n) for n in range(3)]
    assert originals(*heard) == ["new"] * 6


def test_a_fall_within_a_minute_is_a_new_session_too() -> None:
    heard = [Heard(0, "a", 5), Heard(5, "b", 0), Heard(10, "c", 5)]
    assert originals(*heard) == ["new", "new", "in doubt"]


def test_an_earlier_frame_heard_again_is_no_fall() -> None:
    heard = [Heard(0, "a", 4), Heard(5, "b", 5), Heard(10, "late", 4), Heard(15, "c", 5)]
    assert originals(*heard) == ["new", "new", "a", "b"]


def test_after_a_join_the_same_frame_is_another_one() -> None:
    heard = [Heard(0, "a"), Heard(5, "j", kind="join"), Heard(10, "b")]
    assert originals(*heard) == ["new", "new", "in doubt"]


def test_a_join_delivered_again_is_no_new_join() -> None:
    heard = [Heard(0, "j", kind="join"), Heard(5, "a"), Heard(6, "j", kind="join"), Heard(10, "b")]
    assert originals(*heard) == ["new", "new", "j", "a"]


def test_devices_know_nothing_of_each_other() -> None:
    history = History(HORIZON_SECONDS * 1000)
    seen = Seen(1_000_000_000, b"a", 1, 1, "up", b"f", 0)
    assert history.judge("aa", seen) == NEW
    assert history.judge("bb", seen) == NEW
    assert history.judge("aa", seen).duplicate_of == b"a"


def test_silent_devices_are_forgotten_and_others_are_not() -> None:
    history = History(HORIZON_SECONDS * 1000)
    history.judge("aa", Seen(1_000_000_000, b"a", 1, 1, "up", b"f", 0))
    history.judge("bb", Seen(1_001_000_000, b"a", 1, 1, "up", b"f", 0))
    history.forget_silent(1_001_900_000)
    assert len(history) == 1
    assert history.judge("bb", Seen(1_001_899_999, b"a", 1, 1, "up", b"f", 0)).duplicate_of == b"a"
