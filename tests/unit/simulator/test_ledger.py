"""The ledger adds up, and knows the truth from what was told."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.simulator import (
    Account,
    CityPlan,
    Family,
    Fate,
    Ledger,
    Planned,
    devices,
    events,
    read_ledger,
    write_ledger,
)
from pipeline.simulator.models import names_of

PLAN = CityPlan(
    duration=timedelta(hours=6),
    wells=20,
    luminaires=30,
    lost_share=0.05,
    broken_share=0.05,
    duplicate_share=0.05,
    late_copy_share=0.05,
    empty_share=0.05,
    statuses_per_day=24.0,
)


def ledger_of(plan: CityPlan) -> Ledger:
    account = Account(plan)
    for planned in events(plan):
        account.record(planned)
    return account.ledger(complete=True)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return ledger_of(PLAN)


def planned(fate: Fate, says: float | None, *, dev_eui: str, key: str = "k", at_us: int = 1) -> Planned:
    topic = "" if fate is Fate.LOST else "t"
    return Planned(PLAN.start_us + at_us, topic, b"", dev_eui, "up", key, fate, says)


def test_counts_are_those_of_the_plan(ledger: Ledger) -> None:
    expected = Counter((p.event, p.fate.value) for p in events(PLAN) if p.fate is not Fate.TICK)
    counted = {(event, fate): number for event, by_fate in ledger.counts.items() for fate, number in by_fate.items()}

    assert counted == expected
    assert ledger.ticks == 6 * 360
    assert ledger.complete


def test_published_is_everything_but_lost_frames_and_ticks(ledger: Ledger) -> None:
    total = sum(sum(by_fate.values()) for by_fate in ledger.counts.values())

    assert ledger.published == total - ledger.count(Fate.LOST) > 0


def test_each_event_stands_once_under_its_device_with_its_fate(ledger: Ledger) -> None:
    kept = [key for keys in ledger.keys.values() for key in keys]
    duplicates = sum(by_fate.get("duplicate", 0) for by_fate in ledger.counts.values())

    assert len(kept) == len(set(kept)) == ledger.published - duplicates
    assert {dev_eui: len(keys) for dev_eui, keys in ledger.keys.items()} == {
        dev_eui: len(fates) for dev_eui, fates in ledger.fates.items()
    }
    assert len(ledger.keys_of(Fate.BROKEN)) == ledger.count(Fate.BROKEN) > 0
    assert len(ledger.keys_of(Fate.LATE_COPY)) == ledger.count(Fate.LATE_COPY) > 0
    assert len(ledger.keys_of(Fate.NO_PAYLOAD)) == ledger.count(Fate.NO_PAYLOAD) > 0


def test_keys_of_a_device_are_in_the_order_of_publishing(ledger: Ledger) -> None:
    dev_eui = devices(PLAN)[0].dev_eui
    expected = [p.event_key for p in events(PLAN) if p.dev_eui == dev_eui and p.fate not in (Fate.LOST, Fate.DUPLICATE)]

    assert ledger.keys[dev_eui] == expected != []


def test_lost_or_broken_frame_changes_the_truth_and_not_what_was_told() -> None:
    bay = devices(PLAN)[0]
    account = Account(PLAN)
    account.record(planned(Fate.ACCEPTED, 0.0, dev_eui=bay.dev_eui))
    for fate in (Fate.LOST, Fate.BROKEN):
        account.record(planned(fate, 1.0, dev_eui=bay.dev_eui))
        found = account.ledger(complete=False)
        assert (found.truth.zones[bay.group].occupied, found.told.zones[bay.group].occupied) == (1, 0)
        assert found.told.zones[bay.group].free == 1


def test_copies_and_repetitions_of_old_frames_change_neither_picture() -> None:
    bay = devices(PLAN)[0]
    account = Account(PLAN)
    account.record(planned(Fate.ACCEPTED, 1.0, dev_eui=bay.dev_eui, key="new"))
    account.record(planned(Fate.LATE_COPY, 0.0, dev_eui=bay.dev_eui, key="copy"))
    account.record(planned(Fate.DUPLICATE, 0.0, dev_eui=bay.dev_eui, key="old"))
    found = account.ledger(complete=False)

    assert found.told.zones[bay.group].occupied == found.truth.zones[bay.group].occupied == 1
    assert found.keys == {bay.dev_eui: ["new", "copy"]}
    assert found.fates == {bay.dev_eui: "al"}


def test_bays_that_have_not_spoken_are_unknown() -> None:
    zones = Account(PLAN).ledger(complete=False).told.zones

    assert {name: (zone.bays, zone.unknown) for name, zone in zones.items()} == {
        "koenigstrasse": (30, 30),
        "koelner-strasse": (24, 24),
        "behinderten": (6, 6),
    }


def test_container_is_full_from_four_fifths_on() -> None:
    account = Account(PLAN)
    ratios = {}
    for device, ratio in zip(
        [d for d in devices(PLAN) if d.family is Family.CONTAINER], (0.79, 0.8, 1.1), strict=False
    ):
        empty, full = device.attributes["empty_distance_metres"], device.attributes["full_distance_metres"]
        account.record(planned(Fate.ACCEPTED, empty - ratio * (empty - full), dev_eui=device.dev_eui))
        ratios[device.site] = ratio
    found = account.ledger(complete=False).told

    assert found.fill_ratios == ratios
    assert found.full_containers == [site for site, ratio in ratios.items() if ratio >= 0.8]


def test_stations_and_meters_are_known_by_what_they_measured_last() -> None:
    plan = PLAN.flawless().with_(
        weather_stations=3, water_meters=3, water_interval_seconds=3600.0, wells=0, luminaires=0
    )
    found = ledger_of(plan)

    assert found.truth == found.told
    assert set(found.told.air_temperatures_celsius) == {"klima-0", "klima-1", "klima-2"}
    assert all(5.0 < celsius < 35.0 for celsius in found.told.air_temperatures_celsius.values())
    assert set(found.told.water_volumes_litres) == {"wz-0000", "wz-0001", "wz-0002"}
    assert found.told.water_levels_metres_nhn == {}


@pytest.mark.parametrize("family", ["parking", "container", "groundwater"])
def test_truth_is_the_same_whatever_model_measures_it(family: str) -> None:
    field = {"parking": "parking_models", "container": "container_models", "groundwater": "well_models"}[family]
    plan = PLAN.flawless().with_(luminaires=0)
    usual = ledger_of(plan).truth
    for model in names_of(Family(family)):
        truth = ledger_of(plan.with_(**{field: (model,)})).truth
        assert truth.zones == usual.zones
        assert truth.water_levels_metres_nhn == pytest.approx(usual.water_levels_metres_nhn, abs=0.006)
        # a sensor that does not see the last centimetres keeps what it saw before
        near = {site for site, ratio in usual.fill_ratios.items() if model == "dragino_dds75" and ratio > 0.9}
        for site in usual.fill_ratios.keys() - near:
            assert truth.fill_ratios[site] == pytest.approx(usual.fill_ratios[site], abs=0.005)


def test_truth_and_told_agree_where_nothing_is_lost() -> None:
    found = ledger_of(PLAN.flawless())

    assert found.truth == found.told
    assert sum(zone.unknown for zone in found.told.zones.values()) == 0
    assert len(found.told.fill_ratios) == 23
    assert len(found.told.water_levels_metres_nhn) == 20


def test_written_ledger_is_read_as_it_was(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    path.write_text("an older one", encoding="utf-8")
    write_ledger(ledger, path)

    assert read_ledger(path) == ledger
    assert [entry.name for entry in tmp_path.iterdir()] == ["ledger.json"]
