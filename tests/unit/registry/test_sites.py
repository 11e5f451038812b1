"""The sites file: what is read from it, and that every fault is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.registry.sites import COLUMNS, MAX_FAULTS, Fault, FaultyFile, SiteLine, SiteVersion, parse_sites
from pipeline.simulator import CityPlan, devices, sites_csv

NOW = datetime(2026, 6, 2, 12, tzinfo=UTC)
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)

CITY = """\
site,family,name,group,dev_eui,valid_from,empty_distance_metres,full_distance_metres
koenigstrasse-K00,parking,Königstraße K00,koenigstrasse,3094effe07000000,2026-06-01T00:00:00+00:00,,
gwm-000,groundwater,Grundwassermessstelle 000,obere-terrasse,16a3a4d4f9000000,2026-06-01T00:00:00+00:00,,
huels-0,container,Textilcontainer Hüls 0,huels,5415c15a2a000000,2026-06-01T00:00:00+00:00,1.8,0.3
suedwall-78,lighting,Leuchte suedwall 78,suedwall,68956f05e5000225,2026-06-01T00:00:00+00:00,,
"""


def parse(text: str) -> tuple[SiteLine, ...]:
    return parse_sites(text, default_from=NOW)


def faults(text: str) -> list[Fault]:
    with pytest.raises(FaultyFile) as raised:
        parse(text)
    return list(raised.value.faults)


def row(**cells: str) -> str:
    """A container's line that is right but for these cells."""
    right = {
        "site": "huels-0",
        "family": "container",
        "name": "Hüls 0",
        "group": "huels",
        "dev_eui": "5415c15a2a000000",
        "valid_from": "2026-06-01T02:00:00+02:00",
        "empty_distance_metres": "1.8",
        "full_distance_metres": "0.3",
    }
    return ",".join((right | cells).values())


def file(*rows: str) -> str:
    return "\n".join((",".join((*COLUMNS, "empty_distance_metres", "full_distance_metres")), *rows))


def test_a_city_is_read_line_by_line() -> None:
    bay, well, container, lamp = parse(CITY)

    assert container == SiteLine(
        site="huels-0",
        valid_from=BEGIN,
        version=SiteVersion(
            family="container",
            name="Textilcontainer Hüls 0",
            group="huels",
            attributes={"empty_distance_metres": 1.8, "full_distance_metres": 0.3},
        ),
        device="5415c15a2a000000",
    )
    assert (bay.version.group, bay.version.attributes) == ("koenigstrasse", {})
    assert (well.version.family, lamp.version.family) == ("groundwater", "lighting")


def test_the_simulators_city_is_accepted() -> None:
    plan = CityPlan(wells=3, luminaires=3)

    assert [line.device for line in parse(sites_csv(plan))] == [device.dev_eui for device in devices(plan)]


def test_columns_come_in_any_order_and_empty_cells_take_what_is_given_or_nothing() -> None:
    (line,) = parse("valid_from,dev_eui,group,rated_watts,name,family,site\n,,,,,lighting,lamp-1\n")

    assert line == SiteLine(site="lamp-1", valid_from=NOW, version=SiteVersion(family="lighting", name="lamp-1"))


def test_office_programs_may_put_semicolons_a_byte_order_mark_and_blank_lines() -> None:
    text = CITY.replace(",", ";").replace("\n", "\r\n")

    assert parse(f"\ufeff{text}\r\n;;;;;;;\r\n") == parse(CITY)


def test_times_are_kept_in_utc_and_dev_euis_in_lower_case() -> None:
    (line,) = parse(file(row(dev_eui="5415C15A2A000000")))

    assert (line.valid_from, line.device) == (BEGIN, "5415c15a2a000000")


def test_a_family_that_only_a_plugin_knows_has_sites_without_attributes() -> None:
    text = file(row(family="noise", empty_distance_metres="", full_distance_metres=""))

    assert parse_sites(text, default_from=NOW, families=["noise"])[0].version.family == "noise"
    with pytest.raises(FaultyFile, match="no such attribute"):
        parse_sites(file(row(family="noise")), default_from=NOW, families=["noise"])


@pytest.mark.parametrize(
    ("cells", "column", "what"),
    [
        ({"site": ""}, "site", "is empty"),
        ({"site": "a\x07b"}, "site", "printable"),
        ({"name": "n" * 201}, "name", "at most 200"),
        ({"family": "containers"}, "family", "'containers' is unknown; known: container, groundwater"),
        ({"dev_eui": "5415c15a2a00000"}, "dev_eui", "expected: 16 hexadecimal digits"),
        ({"dev_eui": "5415c15a2a00000g"}, "dev_eui", "no DevEUI"),
        ({"valid_from": "2026-06-01T00:00:00"}, "valid_from", "no time with a zone"),
        ({"valid_from": "2026-06-01"}, "valid_from", "no time with a zone"),
        ({"valid_from": "yesterday"}, "valid_from", "expected: 2026-06-01T00:00:00+02:00"),
        ({"valid_from": "0001-01-01T00:00:00+05:00"}, "valid_from", "no time with a zone"),
        ({"valid_from": "0026-06-01T00:00:00Z"}, "valid_from", "not between 1970 and 2100"),
        ({"empty_distance_metres": ""}, "empty_distance_metres", "a site of family container needs it"),
        ({"full_distance_metres": ""}, "full_distance_metres", "needs it"),
        ({"full_distance_metres": "-0.1"}, "full_distance_metres", "not between 0 and 10"),
        ({"empty_distance_metres": "10.1"}, "empty_distance_metres", "not between 0 and 10"),
        ({"empty_distance_metres": "nan"}, "empty_distance_metres", "no number"),
        ({"empty_distance_metres": "1e999"}, "empty_distance_metres", "no number"),
        ({"empty_distance_metres": '"1,8"'}, "empty_distance_metres", "a decimal point"),
        ({"empty_distance_metres": "0.3"}, "empty_distance_metres", "0.3 is not greater than full_distance_metres 0.3"),
        ({"family": "parking", "group": "", "empty_distance_metres": "", "full_distance_metres": ""}, "group", "needs"),
        ({"family": "groundwater", "empty_distance_metres": ""}, "full_distance_metres", "no such attribute"),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_column(cells: dict[str, str], column: str, what: str) -> None:
    (fault,) = faults(file(row(site="other", dev_eui=""), row(**cells)))

    assert (fault.line, fault.column) == (3, column)
    assert what in fault.what


def test_a_site_is_not_described_twice_from_one_time_on_however_that_is_written() -> None:
    (fault,) = faults(file(row(), row(dev_eui="", valid_from="2026-06-01T00:00:00Z")))

    assert (fault.line, fault.column) == (3, "site")
    assert "on line 2 already" in fault.what


def test_a_device_does_not_serve_two_sites_from_one_time_on() -> None:
    (fault,) = faults(file(row(), row(site="huels-1")))

    assert (fault.line, fault.column) == (3, "dev_eui")
    assert "serves the site of line 2 already" in fault.what


def test_columns_that_are_unknown_missing_or_double_are_named() -> None:
    found = faults("site,family,name,grop,dev_eui,valid_from,site\n")

    assert [(fault.line, fault.column, fault.what.partition(";")[0]) for fault in found] == [
        (1, "grop", "unknown column"),
        (1, "group", "the column is missing"),
        (1, "site", "the column comes twice"),
    ]


def test_a_line_of_another_length_is_a_fault() -> None:
    found = faults(file(row() + ",1", "huels-1,container"))

    assert [(fault.line, fault.what) for fault in found] == [
        (2, "9 cells under 8 columns"),
        (3, "2 cells under 8 columns"),
    ]


def test_a_file_that_is_empty_or_no_csv_is_a_fault() -> None:
    assert [fault.what for fault in faults("")] == ["the file is empty"]
    (broken,) = faults(file(row(), '"huels-1,container'))
    assert broken.line == 3
    assert "not readable as CSV" in broken.what


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    (two_lines, after_them) = faults(file("", row(name='"two\nlines"'), row(site="", dev_eui="")))

    assert (two_lines.line, two_lines.column) == (3, "name")
    assert (after_them.line, after_them.column) == (5, "site")


def test_all_faults_of_a_file_are_kept_and_twenty_of_them_told() -> None:
    text = file(*(row(site="", valid_from="never", dev_eui="x") for _ in range(10)))

    with pytest.raises(FaultyFile) as raised:
        parse_sites(text, default_from=NOW, source="city.csv")

    message = str(raised.value).splitlines()
    assert len(raised.value.faults) == 30
    assert message[0] == "city.csv has 30 faults, so nothing of it was used:"
    assert message[1] == "  line 2, column dev_eui: 'x' is no DevEUI; expected: 16 hexadecimal digits"
    assert message[-1] == f"  and {30 - MAX_FAULTS} more"
    assert len(message) == MAX_FAULTS + 2


def test_a_file_may_say_whose_data_a_site_yields() -> None:
    head = "site,family,name,group,dev_eui,valid_from,class\n"
    bays = parse_sites(f"{head}b-1,parking,,z,,,personal\nb-2,parking,,z,,,\n", default_from=NOW)

    assert [(each.version.data_class, each.keeps_class) for each in bays] == [("personal", False), ("", False)]
    (fault,) = faults(f"{head}b-1,parking,,z,,,private\n")
    assert str(fault) == (
        "line 2, column class: 'private' is unknown; known: open, internal, personal; empty: as usual in its family"
    )


ATTRIBUTED = (
    "site,family,name,group,dev_eui,valid_from,empty_distance_metres,full_distance_metres,volume_table,material"
)


def attributed(table: str = "", material: str = "") -> str:
    return f"{ATTRIBUTED}\nc-1,container,,,,,1.8,0.3,{table},{material}\n"


def test_a_container_may_have_a_table_of_volumes_and_a_material() -> None:
    (line,) = parse(attributed("0.3:1100  0.9:500 1.8:0", "bio"))
    (plain,) = parse(attributed())

    assert line.version.attributes == {
        "empty_distance_metres": 1.8,
        "full_distance_metres": 0.3,
        "volume_table": "0.3:1100 0.9:500 1.8:0",
        "material": "bio",
    }
    assert plain.version.attributes.keys() == {"empty_distance_metres", "full_distance_metres"}


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("0.3:1100 0.9", "'0.9' is no point; expected: distance:volume pairs such as 0.3:1100 0.9:500 1.8:0"),
        ("0.3:1100 0.9:much 1.8:0", "'0.9:much' is no point"),
        ("0.3:1100", "has 1 points; expected: 2 to 50"),
        ("-0.1:1100 1.8:0", "goes below 0"),
        (
            "0.3:500 0.9:500 1.8:0",
            "500 at 0.3 and 500 at 0.9; expected: the greater the distance, the smaller the volume",
        ),
        ("0.3:5 0.3:4 1.8:0", "4 at 0.3 and 5 at 0.3"),
        ("0.4:1100 1.8:0", "begins at 0.4; expected: at most full_distance_metres 0.3"),
        ("0.3:1100 1.7:0", "ends at 1.7; expected: at least empty_distance_metres 1.8"),
    ],
)
def test_a_table_of_volumes_that_makes_no_sense_is_refused(table: str, what: str) -> None:
    (fault,) = faults(attributed(table))

    assert (fault.line, fault.column) == (2, "volume_table")
    assert fault.what.startswith(what)


@pytest.mark.parametrize("material", ["Paper", "news paper", "7", "-"])
def test_a_material_is_a_word(material: str) -> None:
    (fault,) = faults(attributed(material=material))

    assert (fault.column, "is no word" in fault.what) == ("material", True)
