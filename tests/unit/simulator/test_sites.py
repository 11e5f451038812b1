"""The sites file of the city."""

from __future__ import annotations

import csv
import io

from pipeline.registry.sites import parse_sites
from pipeline.simulator import CityPlan, devices, sites_csv

PLAN = CityPlan()


def test_each_device_has_one_site_in_the_columns_of_the_import() -> None:
    lines = list(csv.DictReader(io.StringIO(sites_csv(PLAN))))

    assert list(lines[0]) == [
        "site",
        "family",
        "name",
        "group",
        "dev_eui",
        "valid_from",
        "empty_distance_metres",
        "full_distance_metres",
        "measuring_point_metres_nhn",
        "ground_metres_nhn",
        "suspension_metres",
        "rated_watts",
        "material",
        "pressure_reference",
    ]
    assert [line["dev_eui"] for line in lines] == [device.dev_eui for device in devices(PLAN)]
    assert len({line["site"] for line in lines}) == len(lines) == 60 + 450 + 23 + 550
    assert {line["valid_from"] for line in lines} == {"2026-06-01T00:00:00+00:00"}


def test_distances_are_given_for_containers_alone_and_power_for_lamps() -> None:
    for line in csv.DictReader(io.StringIO(sites_csv(PLAN))):
        assert bool(line["rated_watts"]) == (line["family"] == "lighting")
        if line["family"] == "container":
            assert float(line["empty_distance_metres"]) > float(line["full_distance_metres"]) > 0
        else:
            assert line["empty_distance_metres"] == line["full_distance_metres"] == ""


def test_wells_have_what_a_level_needs() -> None:
    plan = CityPlan(wells=3)
    wells = [
        line for line in parse_sites(sites_csv(plan), default_from=plan.start) if line.version.family == "groundwater"
    ]

    assert len(wells) == 3
    for well in wells:
        about = well.version.attributes
        heights = [about[name] for name in ("suspension_metres", "ground_metres_nhn", "measuring_point_metres_nhn")]
        assert about["pressure_reference"] == "vented"
        assert heights == sorted(heights, key=float)


def test_bays_are_grouped_in_three_zones() -> None:
    groups = [line["group"] for line in csv.DictReader(io.StringIO(sites_csv(PLAN))) if line["family"] == "parking"]

    assert {zone: groups.count(zone) for zone in groups} == {
        "koenigstrasse": 30,
        "koelner-strasse": 24,
        "behinderten": 6,
    }


def test_stations_and_meters_have_sites_that_the_import_takes() -> None:
    plan = CityPlan(wells=3, luminaires=3, containers=3, weather_stations=2, water_meters=4)
    lines = parse_sites(sites_csv(plan), default_from=plan.start, families=("weather", "water"))
    sites = {line.site: line for line in lines}

    assert len(sites) == len(lines) == len(devices(plan))
    assert sites["klima-1"].version.family == "weather"
    assert sites["wz-0003"].version.family == "water"
    assert sites["wz-0003"].version.group == "fischeln"
