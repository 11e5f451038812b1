"""The history against a specification that looks at everything, for each record anew."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.decode.duplicates import History, Seen
from pipeline.event.model import JOIN, UP

HORIZON_MS = 900_000
CLOCKS_MS = 60_000
DEVICES = ("a", "b")

# Small sets, so that repetitions, copies, falls and rejoins meet within one horizon.
steps = st.tuples(
    st.sampled_from(DEVICES),
    st.sampled_from([0, 1, 400, 1_000, 20_000, 60_001, 290_000, 870_000, 900_000]),
    st.sampled_from([0, 0, 1, 30_000, CLOCKS_MS]),
    st.sampled_from([0, 0, -1, -30_000, -59_999, -60_000, -86_400_000, 5_000]),
    st.sampled_from([UP, UP, UP, UP, UP, UP, JOIN, "status"]),
    st.integers(min_value=0, max_value=15),
    st.integers(min_value=0, max_value=2),
    st.booleans(),
)


def records(drawn: Sequence[tuple[str, int, int, int, str, int, int, bool]]) -> list[tuple[str, Seen, bool]]:
    """(device, what was seen, whether a tick follows); Kafka's timestamps run backwards by at most a minute."""
    now, found = 10_000_000_000, []
    for device, pause, behind, event_after, kind, event, f_cnt, tick in drawn:
        now += pause
        time_us = (now + event_after) * 1000
        frame_id = f"{device}{f_cnt}".encode() if kind == UP else None
        seen = Seen(now - behind, f"{device}{kind}{event}".encode(), time_us, time_us + 1, kind, frame_id, f_cnt)
        found.append((device, seen, tick))
    return found


def specified(before: Sequence[Seen], seen: Seen) -> tuple[str, Seen | None]:
    """What the record is among all earlier ones of its device: the words of the rule, one by one."""
    window = [earlier for earlier in before if earlier.timestamp > seen.timestamp - HORIZON_MS]
    repeated = [earlier for earlier in window if earlier.event_id == seen.event_id]
    if repeated:
        return "repetition", repeated[0]
    if seen.kind != UP:
        return "new", None
    twins = [n for n, earlier in enumerate(window) if earlier.kind == UP and earlier.frame_id == seen.frame_id]
    if not twins:
        return "new", None
    for twin in twins:
        near = abs(window[twin].time_us - seen.time_us) < 60_000_000
        if near and not any(is_new_session(window, twin, n) for n in range(twin + 1, len(window))):
            return "copy", window[twin]
    return "in doubt", None


def is_new_session(window: Sequence[Seen], twin: int, place: int) -> bool:
    """Whether the device joined or fell back in fCnt with the record at a place behind the twin."""
    record, earlier = window[place], window[:place]
    if record.kind == JOIN:
        return all(other.event_id != record.event_id for other in earlier)
    if record.kind != UP or any(other.frame_id == record.frame_id for other in earlier):
        return False
    return any(record.f_cnt < other.f_cnt for other in window[twin:place] if other.kind == UP)


@given(st.lists(steps, min_size=10, max_size=40))
@settings(max_examples=400, deadline=None)
def test_the_history_says_what_the_specification_says(
    drawn: Sequence[tuple[str, int, int, int, str, int, int, bool]],
) -> None:
    history = History(HORIZON_MS)
    before: dict[str, list[Seen]] = {device: [] for device in DEVICES}
    newest = 0
    for device, seen, tick in records(drawn):
        verdict, first = specified(before[device], seen)
        finding = history.judge(device, seen)
        assert finding.duplicate_of == (first.event_id if first else None)
        assert finding.in_doubt == (verdict == "in doubt")
        if verdict == "copy" and first is not None:
            assert finding.duplicate_of_us == first.observed_us
        before[device].append(seen)
        newest = max(newest, seen.timestamp)
        if tick:
            history.forget_silent(newest)


@given(st.lists(steps, min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_after_an_hour_of_silence_nothing_is_kept(
    drawn: Sequence[tuple[str, int, int, int, str, int, int, bool]],
) -> None:
    history = History(HORIZON_MS)
    for device, seen, _ in records(drawn):
        history.judge(device, seen)
    assert len(history) > 0
    history.forget_silent(records(drawn)[-1][1].timestamp + 3_600_000)
    assert len(history) == 0
