"""Which place a device served at which time."""

from __future__ import annotations

from pipeline.city.model import City
from tests.unit.topologies.material import at, eui, places
from topologies.container.limits import Limitations
from topologies.runtime.model import Place

DEVICE = eui(1)


def test_a_device_serves_its_site_from_the_beginning_of_the_assignment_to_the_next() -> None:
    found = places([(DEVICE, 10, "a"), (DEVICE, 20, "b"), (DEVICE, 30, None)], [("a", 0, "", {}), ("b", 0, "", {})])

    sites = {minutes: found.at(DEVICE, at(minutes)) for minutes in (9, 10, 19, 20, 29, 30)}
    assert {m: p.site if p else None for m, p in sites.items()} == {
        9: None,
        10: "a",
        19: "a",
        20: "b",
        29: "b",
        30: None,
    }
    assert sites[10] is not None
    assert (sites[10].since_us, sites[10].until_us) == (at(10), at(20))


def test_a_version_of_a_site_holds_until_the_next_one_and_does_not_end_the_assignment() -> None:
    found = places([(DEVICE, 10, "a")], [("a", 0, "old", {}), ("a", 15, "new", {})])

    groups = [found.at(DEVICE, at(minutes)) for minutes in (10, 14, 15)]
    assert [(p.group, p.since_us, p.until_us) for p in groups if p] == [
        ("old", at(10), None),
        ("old", at(10), None),
        ("new", at(10), None),
    ]


def test_the_first_description_of_a_site_holds_for_the_time_before_it() -> None:
    place = places([(DEVICE, 10, "a")], [("a", 50, "z", {"empty_distance_metres": 2.0})]).at(DEVICE, at(11))

    assert place is not None
    assert place.attributes == {"empty_distance_metres": 2.0}


def test_a_site_that_nobody_described_has_no_geometry() -> None:
    place = places([(DEVICE, 10, "a")], []).at(DEVICE, at(11))

    assert place is not None
    assert (place.site, dict(place.attributes)) == ("a", {})


def test_saying_again_what_holds_does_not_begin_the_assignment_anew() -> None:
    place = places([(DEVICE, 10, "a"), (DEVICE, 20, "a")], [("a", 0, "", {})]).at(DEVICE, at(25))

    assert place is not None
    assert (place.since_us, place.until_us) == (at(10), None)


def test_a_device_that_nobody_assigned_is_nowhere() -> None:
    assert places([], []).at(DEVICE, at(0)) is None


def test_a_place_says_whose_data_it_yields() -> None:
    found = places([(DEVICE, 10, "a"), (DEVICE, 20, "b")], [("a", 0, "", {}), ("b", 0, "", {})], {"a": "personal"})

    classes = [place.site_class for minutes in (11, 21) if (place := found.at(DEVICE, at(minutes)))]
    assert classes == ["personal", ""]


def test_what_a_place_is_judged_by_is_made_once_however_often_places_are_read() -> None:
    def read(empty_metres: float) -> Place:
        place = places([(DEVICE, 10, "a")], [("a", 0, "g", {"empty_distance_metres": empty_metres})]).at(DEVICE, at(11))
        assert place is not None
        return place

    limitations = Limitations(City())
    before, same, other = read(2.0), read(2.0), read(3.0)
    here = limitations.of(before)
    assert limitations.of(before) is limitations.of(same) is here
    assert limitations.of(other) is not here
    assert [limitations.of(each).place for each in (other, same)] == [other, same]
    assert limitations.of(before).place is before
