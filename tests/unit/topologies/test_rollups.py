"""How much of what is marked goes into one transaction."""

from __future__ import annotations

from datetime import UTC, datetime

from topologies.derive.rollups import Marked, _at_most

QUARTER = datetime(2026, 3, 10, 10, tzinfo=UTC)


def marked(device: str, marks: int) -> Marked:
    return Marked("weather", device, QUARTER, range(marks))


def test_devices_that_speak_all_the_time_share_a_transaction_with_fewer_others() -> None:
    found = [marked("a", 3), marked("b", 4), marked("c", 4)]
    assert _at_most(found, 7) == found[:2]
    assert _at_most(found, 11) == found


def test_one_device_with_too_many_marks_does_not_stop_the_round() -> None:
    found = [marked("a", 8), marked("b", 1)]
    assert _at_most(found, 7) == found[:1]
    assert _at_most([], 7) == []
