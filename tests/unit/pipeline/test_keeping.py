"""What of roles and retention needs no server: the list of tables, names, rights, and how long what is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from decoders.quantities import QUANTITIES
from pipeline.core.settings import Database, Retention, Settings
from pipeline.database.catalogue import CLASSES, catalogue, entry_of
from pipeline.database.families import IDENTITY, IDENTITY_COMMENTS
from pipeline.database.maintain import limits_of
from pipeline.database.roles import EVERYBODY, Roles, making, roles_of, wanted_rights
from pipeline.database.wide import comment_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PRIVILEGES = {"SELECT", "INSERT", "UPDATE", "DELETE"}


@pytest.mark.parametrize("name", catalogue())
def test_every_entry_says_what_is_known_of(name: str) -> None:
    entry = catalogue()[name]
    assert entry.data_class in CLASSES
    assert entry.writer <= PRIVILEGES
    assert entry.kept is None or entry.kept in Retention.model_fields
    assert bool(entry.kept) == bool(entry.by), "whoever is dropped has a time to go by"
    assert (entry.data_class == "open") == name.startswith("open_"), "open data is what a view shows"
    assert not (entry.data_class == "open" and entry.writer)


def test_every_setting_of_retention_is_somebodys() -> None:
    assert {entry.kept for entry in catalogue().values()} - {None} == Retention.model_fields.keys()


@pytest.mark.parametrize(
    ("table", "data_class", "kept"),
    [
        ("reading_weather", "internal", "reading_days"),
        ("reading_lighting_personal", "personal", "personal_days"),
        ("reading_water", "personal", "water_history_days"),
        ("reading_parking_personal", "personal", "personal_days"),
        ("reading_parking", "personal", "parking_history_days"),
        ("reading_hour", "internal", None),
        ("internal_reading_parking", "internal", None),
    ],
)
def test_a_name_goes_before_a_pattern_and_the_personal_pattern_before_the_other(
    table: str, data_class: str, kept: str | None
) -> None:
    entry = entry_of(table)
    assert entry is not None
    assert (entry.data_class, entry.kept) == (data_class, kept)


def test_a_table_that_the_list_does_not_know_is_nobodys() -> None:
    roles = Roles("o", "w", "r", "p")
    assert entry_of("something_new") is None
    assert wanted_rights(["something_new"], roles) == {}


def test_each_class_has_its_readers_and_everybody_has_nothing() -> None:
    rights = wanted_rights(["frame", "parking_observation", "open_parking_bay"], Roles("o", "w", "r", "p"))
    readers = {
        table: {role for role in ("r", "p", EVERYBODY) if rights[table, role]}
        for table in ("frame", "parking_observation", "open_parking_bay")
    }
    assert readers == {"frame": {"r"}, "parking_observation": set(), "open_parking_bay": {"r", "p"}}
    assert rights["open_parking_bay", "w"] == frozenset()
    assert rights["frame", "w"] == {"SELECT", "INSERT", "UPDATE"}


def settings(namespace: str = "", prefix: str = "silkstream") -> Settings:
    """Settings whatever the environment says."""
    return Settings().model_copy(update={"namespace": namespace, "database": Database(role_prefix=prefix)})


def test_roles_are_named_by_prefix_and_namespace_and_can_be_left_out() -> None:
    assert roles_of(settings()) == (
        "silkstream_owner",
        "silkstream_writer",
        "silkstream_reader",
        "silkstream_public",
    )
    replay = roles_of(settings("replay1.", "krefeld"))
    assert replay is not None
    assert replay.reader == "krefeld_replay1_reader"
    assert roles_of(settings(prefix="")) is None


def test_the_longest_names_fit_into_what_postgresql_takes() -> None:
    roles = roles_of(settings(f"{'n' * 31}.", "p" * 20))
    assert roles is not None
    assert max(map(len, roles)) <= 63


def test_what_is_printed_quotes_its_names() -> None:
    printed = [each.as_string(None) for each in making(Roles("o", "w", "r", "p"), "public", 'a"b')]
    assert 'GRANT "o" TO "a""b"' in printed
    assert all("LOGIN" not in each.replace("NOLOGIN", "") for each in printed)


def test_each_table_is_kept_as_its_setting_says_and_zero_is_for_ever() -> None:
    tables = {"frame": True, "dead_letter": False, "alert": False, "ledger": False, "reading_odour": True, "mine": True}
    found = limits_of(tables, Retention(frame_days=10), NOW)
    assert [(each.table, each.days, each.by, each.chunked, each.class_by) for each in found] == [
        ("alert", 30, "resolved_at", False, "class"),
        ("dead_letter", 90, "received_at", False, ""),
        ("frame", 10, "observed_at", True, ""),
        ("reading_odour", 400, "observed_at", True, ""),
    ]
    assert found[2].before == NOW - timedelta(days=10)


def test_every_column_of_a_wide_table_has_a_meaning_and_its_unit() -> None:
    assert IDENTITY.keys() == IDENTITY_COMMENTS.keys()
    assert comment_of(QUANTITIES["pressure_bar"]).endswith(" [bar]")
    assert comment_of(QUANTITIES["occupied"]) == QUANTITIES["occupied"].help, "a flag has no unit"
