"""What an import changes: versions, assignments, and the devices that have to be run again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from pipeline.registry.change import (
    Recompute,
    State,
    Turn,
    assigning,
    difference,
    importing,
    in_force,
    listing,
    releasing,
)
from pipeline.registry.sites import SiteLine, SiteVersion

EMPTY = State({}, {})


def day(number: int) -> datetime:
    return datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=number)


def bay(group: str = "north", name: str = "Bay") -> SiteVersion:
    return SiteVersion(family="parking", name=name, group=group)


def line(site: str, at: int, device: str | None = None, version: SiteVersion | None = None) -> SiteLine:
    return SiteLine(site=site, valid_from=day(at), version=version or bay(), device=device)


def turns(state: State) -> dict[str, dict[int, str | None]]:
    """Assignments by device, times as days."""
    return {
        device: {(at - day(0)).days: site for at, site in sorted(timeline.items())}
        for device, timeline in state.assignments.items()
    }


def holds(**devices: dict[int, str | None]) -> State:
    return State({}, {name: {day(at): site for at, site in each.items()} for name, each in devices.items()})


def test_a_first_import_adds_sites_begins_assignments_and_has_their_devices_run_again() -> None:
    found = difference(EMPTY, importing(EMPTY, [line("bay-1", 0, "a"), line("bay-2", 0)]))

    assert [(each.site, each.kind, each.detail) for each in found.versions] == [
        ("bay-1", "site added", "parking, Bay, group north"),
        ("bay-2", "site added", "parking, Bay, group north"),
    ]
    assert [(each.device, each.kind, each.detail) for each in found.assignments] == [("a", "assignment begun", "bay-1")]
    assert found.recompute == (Recompute("a", day(0)),)


def test_what_the_file_does_not_speak_of_stays() -> None:
    before = importing(EMPTY, [line("bay-1", 0, "a"), line("bay-2", 0, "b")])
    after = importing(before, [line("bay-2", 1)])

    assert after == before


def test_a_changed_site_is_told_name_by_name_and_concerns_its_device_from_then_on() -> None:
    before = importing(EMPTY, [line("bay-1", 0, "a"), line("bay-2", 0, "b")])
    full = SiteVersion(family="container", name="Bay", attributes={"full_distance_metres": 0.3})
    found = difference(before, importing(before, [line("bay-1", 3, "a", full)]))

    (change,) = found.versions
    assert (change.kind, change.valid_from) == ("site changed", day(3))
    assert (
        change.detail == "family: parking -> container, group: north -> not set, full_distance_metres: not set -> 0.3"
    )
    assert found.assignments == ()
    assert found.recompute == (Recompute("a", day(3)),)


def test_a_version_at_a_known_time_corrects_it() -> None:
    before = importing(EMPTY, [line("bay-1", 0, "a"), line("bay-1", 5, version=bay("south"))])
    found = difference(before, importing(before, [line("bay-1", 5, version=bay("west"))]))

    assert [each.detail for each in found.versions] == ["group: south -> west"]
    assert found.recompute == (Recompute("a", day(5)),)


def test_an_older_version_is_told_against_the_oldest_known_one_which_held_so_far() -> None:
    before = assigning(importing(EMPTY, [line("bay-1", 5)]), [Turn(day(2), "a", "bay-1")])
    found = difference(before, importing(before, [line("bay-1", 1, version=bay("south"))]))

    assert [each.detail for each in found.versions] == ["group: north -> south"]
    assert found.recompute == (Recompute("a", day(2)),)


def test_a_change_that_no_device_sees_has_none_run_again() -> None:
    before = importing(EMPTY, [line("bay-1", 0, "a"), line("bay-2", 3, "a")])
    found = difference(before, importing(before, [line("bay-1", 4, version=bay("south"))]))

    assert len(found.versions) == 1
    assert found.recompute == ()


def test_a_new_sensor_replaces_the_old_one() -> None:
    before = importing(EMPTY, [line("bay-1", 0, "a")])
    found = difference(before, after := importing(before, [line("bay-1", 4, "b")]))

    assert turns(after) == {"a": {0: "bay-1", 4: None}, "b": {4: "bay-1"}}
    assert [(each.device, each.kind) for each in found.assignments] == [
        ("a", "assignment ended"),
        ("b", "assignment begun"),
    ]
    assert found.recompute == (Recompute("a", day(4)), Recompute("b", day(4)))


def test_two_sensors_change_places_in_either_order() -> None:
    before = importing(EMPTY, [line("bay-1", 0, "a"), line("bay-2", 0, "b")])
    swap = [line("bay-1", 4, "b"), line("bay-2", 4, "a")]

    for lines in (swap, swap[::-1]):
        after = importing(before, lines)
        assert turns(after) == {"a": {0: "bay-1", 4: "bay-2"}, "b": {0: "bay-2", 4: "bay-1"}}
        assert {each.kind for each in difference(before, after).assignments} == {"assignment moved"}


def test_an_earlier_sensor_serves_until_the_known_one_begins() -> None:
    after = assigning(holds(b={4: "bay-1"}), [Turn(day(1), "a", "bay-1")])

    assert turns(after) == {"b": {4: "bay-1"}, "a": {1: "bay-1", 4: None}}


def test_whoever_was_put_there_at_the_same_time_by_mistake_was_never_there() -> None:
    after = assigning(holds(a={0: "bay-1"}), [Turn(day(0), "b", "bay-1")])

    assert turns(after) == {"a": {0: None}, "b": {0: "bay-1"}}


def test_a_row_that_only_repeats_does_not_bring_a_moved_device_back() -> None:
    begun_earlier = assigning(holds(a={4: "bay-1"}), [Turn(day(0), "a", "bay-1")])
    assert turns(begun_earlier) == {"a": {0: "bay-1", 4: "bay-1"}}

    assert turns(assigning(begun_earlier, [Turn(day(2), "a", "bay-2")])) == {"a": {0: "bay-1", 2: "bay-2", 4: "bay-2"}}
    assert turns(releasing(begun_earlier, "a", day(2))) == {"a": {0: "bay-1", 2: None, 4: None}}
    assert turns(assigning(begun_earlier, [Turn(day(2), "b", "bay-1")])) == {
        "a": {0: "bay-1", 2: None, 4: None},
        "b": {2: "bay-1"},
    }


def test_a_device_is_taken_off_its_site_once() -> None:
    before = holds(a={0: "bay-1", 9: "bay-2"})
    after = releasing(before, "a", day(3))

    assert turns(after) == {"a": {0: "bay-1", 3: None, 9: "bay-2"}}
    assert difference(before, after).recompute == (Recompute("a", day(3)),)
    assert not difference(after, releasing(after, "a", day(5)))
    assert not difference(after, releasing(after, "stranger", day(5)))


def test_the_list_is_of_the_time_asked_for() -> None:
    state = importing(EMPTY, [line("bay-1", 0, "a"), line("bay-1", 5, "b", bay("south")), line("bay-2", 7)])

    assert listing(state, day(-1)) == []
    assert listing(state, day(1)) == [("bay-1", bay("north"), "a")]
    assert listing(state, day(8)) == [("bay-2", bay("north"), None), ("bay-1", bay("south"), "b")]
    assert listing(state, day(8), family="container") == []


SITES = st.sampled_from(["bay-1", "bay-2", "bay-3"])
DAYS = st.integers(0, 5)
LINES = st.lists(
    st.builds(line, SITES, DAYS, st.sampled_from([None, "a", "b", "c"]), st.sampled_from([bay("n"), bay("s")])),
    max_size=6,
    unique_by=(lambda each: (each.site, each.valid_from), lambda each: (each.device or each.site, each.valid_from)),
)


@given(st.lists(LINES, max_size=3), LINES)
def test_after_any_history_a_file_holds_and_importing_it_again_changes_nothing(
    history: list[list[SiteLine]], lines: list[SiteLine]
) -> None:
    before = reduce(importing, history, EMPTY)
    after = importing(before, lines)

    assert not difference(after, importing(after, lines))
    for each in lines:
        assert after.version(each.site, each.valid_from) == each.version
        if each.device is not None:
            assert in_force(after.assignments[each.device], each.valid_from) == each.site


@given(st.lists(LINES, min_size=1, max_size=4))
def test_after_any_history_no_site_is_served_by_two_devices(history: list[list[SiteLine]]) -> None:
    state = reduce(importing, history, EMPTY)

    for at in map(day, range(7)):
        served = [site for each in state.assignments.values() if (site := in_force(each, at)) is not None]
        assert len(served) == len(set(served))


@given(st.lists(LINES, max_size=3), LINES)
def test_a_device_is_run_again_from_where_its_place_first_differs(
    history: list[list[SiteLine]], lines: list[SiteLine]
) -> None:
    before = reduce(importing, history, EMPTY)
    after = importing(before, lines)

    expected = {}
    for device in ("a", "b", "c"):
        differing = [at for at in map(day, range(7)) if before.place(device, at) != after.place(device, at)]
        if differing:
            expected[device] = differing[0]
    assert {each.device: each.from_at for each in difference(before, after).recompute} == expected


def test_a_file_that_does_not_speak_of_classes_takes_none_away() -> None:
    """Else importing last year's file would publish the bay of somebody."""
    own = SiteVersion(family="parking", name="Bay", group="north", data_class="personal")
    state = importing(EMPTY, [SiteLine(site="bay-1", valid_from=day(0), version=own, keeps_class=False)])

    kept = importing(state, [line("bay-1", 0), line("bay-1", 5, version=bay(name="Bay 1"))])
    assert [each.data_class for each in kept.sites["bay-1"].values()] == ["personal", "personal"]

    released = importing(state, [SiteLine(site="bay-1", valid_from=day(9), version=bay(), keeps_class=False)])
    (change,) = difference(state, released).versions
    assert change.detail == "class: personal -> not set"
