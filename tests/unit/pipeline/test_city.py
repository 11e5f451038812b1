"""City files: what holds where and from when on, and each fault in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field
from typer.testing import CliRunner

from pipeline.city.model import EVER_US, City, Maintenance, Parameters, Work
from pipeline.city.read import load_city, parse_city, read_city
from pipeline.cli import app
from pipeline.core.clock import from_rfc3339, to_us
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings, Topology


class Lamps(Parameters):
    """Of a family of these tests."""

    bright_ratio: Annotated[float, Field(ge=0, le=1)] = 0.8
    dim_ratio: float = 0.2
    alert: bool = True

    def contradiction(self) -> str | None:
        return "dim_ratio: expected at most bright_ratio" if self.dim_ratio > self.bright_ratio else None


MODELS: dict[str, type[Parameters]] = {"lamps": Lamps}
JULY = to_us(from_rfc3339("2026-07-01T00:00:00+02:00"))


def city(text: str) -> City:
    return parse_city("version = 1\n" + text, MODELS)


def lamps(found: City, at_us: int, *, group: str = "", site: str = "") -> Lamps:
    return found.timeline(Lamps, "lamps", group=group, site=site).at(at_us)


def test_without_a_file_everything_is_as_built_in() -> None:
    assert lamps(load_city(Settings()), JULY) == Lamps()
    assert load_city(Settings()).late_hours("lamps", 48) == 48


def test_a_parameter_holds_from_its_day_on() -> None:
    found = city("[[lamps]]\nvalid_from = 2026-07-01T00:00:00+02:00\nbright_ratio = 0.9")

    assert lamps(found, JULY - 1).bright_ratio == 0.8
    assert lamps(found, JULY).bright_ratio == 0.9
    assert lamps(found, EVER_US).bright_ratio == 0.8


def test_a_site_beats_its_group_and_that_the_family_whatever_came_later() -> None:
    found = city(
        """
        [[lamps]]
        site = "s"
        bright_ratio = 0.7
        [[lamps]]
        group = "g"
        bright_ratio = 0.6
        dim_ratio = 0.1
        [[lamps]]
        valid_from = 2026-07-01T00:00:00+02:00
        bright_ratio = 0.5
        """
    )

    assert lamps(found, JULY, group="g", site="s") == Lamps(bright_ratio=0.7, dim_ratio=0.1)
    assert lamps(found, JULY, group="g", site="t") == Lamps(bright_ratio=0.6, dim_ratio=0.1)
    assert lamps(found, JULY, group="h", site="t") == Lamps(bright_ratio=0.5)


def test_lateness_is_by_family() -> None:
    found = city("late_hours = { lamps = 72, others = 1 }")

    assert (found.late_hours("lamps", 48), found.late_hours("parking", 48)) == (72, 48)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "version: expected 1; given: None"),
        ("version = 2", "version: expected 1; given: 2"),
        ("version = 1\n[[parks]]\na = 1", "parks: there is no such key, expected one of version, .*lamps; given: "),
        ("version = 1\n[lamps]\nalert = false", r"lamps: expected entries that begin with \[\[lamps\]\]; given: "),
        ("version = 1\nlate_hours = { lamps = 0 }", "late_hours.lamps: expected whole hours from 1 to 720; given: 0"),
        ("version = 1\nlate_hours = 3", r"late_hours: expected a table such as \{ .* \}; given: 3"),
        (
            "version = 1\n[[lamps]]\nalert = true\n[[lamps]]\nbright_ratio = 3\nsite = 's'",
            "lamps entry 2, bright_ratio: input should be less than or equal to 1; given: 3",
        ),
        (
            "version = 1\n[[lamps]]\nbrigt_ratio = 1",
            "lamps entry 1, brigt_ratio: there is no such parameter, expected one of .*bright_ratio.*; given: 1",
        ),
        ("version = 1\n[[lamps]]\nsite = 's'", "lamps entry 1: expected at least one of bright_ratio, .*given: none"),
        (
            "version = 1\n[[lamps]]\nsite = ''\nalert = true",
            "entry 1, site: expected a text that is not empty; given: ''",
        ),
        (
            "version = 1\n[[lamps]]\nsite = 's'\ngroup = 'g'\nalert = true",
            "lamps entry 1, group: expected either group or site; given: 'g' and site 's'",
        ),
        (
            "version = 1\n[[lamps]]\nvalid_from = 2026-07-01\nalert = true",
            "lamps entry 1, valid_from: expected a time with a zone such as 2026.*; given: 2026-07-01$",
        ),
        (
            "version = 1\n[[lamps]]\nalert = true\n[[lamps]]\nalert = false",
            "lamps entry 2, alert: expected one value for a place and time; given: False, and True in lamps entry 1",
        ),
        ("version = 1\n[[lamps]]\ndim_ratio = 0.85", "lamps entry 1: dim_ratio: expected at most bright_ratio"),
        (
            "version = 1\n[[lamps]]\nsite = 's'\ndim_ratio = 0.75\n[[lamps]]\ngroup = 'g'\nbright_ratio = 0.5",
            "lamps entry 1: dim_ratio: expected at most bright_ratio",
        ),
        ("version = 1\n[[maintenance]]\nsite = 's'", "maintenance entry 1, from: expected a time .*given: nothing"),
        ("version = 1\n[[maintenance]]\nreason = 'x'", "maintenance entry 1, site: expected either .*given: neither"),
        ("version = 1\n[[maintenance]]\nplace = 's'", "maintenance entry 1, place: there is no such key, .*given: 's'"),
        (
            "version = 1\n[[maintenance]]\nsite = 's'\nfrom = 2026-07-01T00:00:00Z\nuntil = 2026-07-01T00:00:00Z",
            "maintenance entry 1, until: expected a time after from; given: 2026-07-01",
        ),
        ("version = ", "is not TOML"),
    ],
)
def test_a_fault_is_told_by_key_given_and_expected(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as told:
        parse_city(text, MODELS)
    assert "\n" not in str(told.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing, binary = tmp_path / "missing.toml", tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=f"city file {missing}: No such file"):
        read_city(missing, MODELS)
    with pytest.raises(SettingsError, match=f"city file {binary} is not TOML"):
        load_city(Settings(topology=Topology(city=str(binary))))


def test_maintenance_that_follows_on_maintenance_lasts_until_the_end_of_both() -> None:
    def work(site: str, from_us: int, until_us: int) -> Work:
        return Work(group="" if site else "g", site=site, from_us=from_us, until_us=until_us, reason="")

    works = Maintenance([work("", 15, 30), work("s", 10, 20), work("t", 20, 90)])

    assert works.after("g", "s", 9) == 9
    assert works.after("g", "s", 10) == 30
    assert works.after("g", "s", 30) == 30
    assert works.after("h", "s", 10) == 20
    assert not Maintenance()


def test_what_holds_is_printed_with_the_entry_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text('version = 1\n[[container]]\ngroup = "Hüls"\nfull_ratio = 0.75\n')

    said = CliRunner().invoke(app, ["city", "check", str(file), "--site", "c1", "--group", "Hüls"])

    assert said.exit_code == 0
    rows = {line.split()[1]: line.split()[2:] for line in said.output.splitlines() if line.startswith("container")}
    assert rows["full_ratio"] == ["0.75", "container", "entry", "1"]
    assert rows["hot_celsius"] == ["60", "built", "in"]
