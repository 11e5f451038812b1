"""Settings: where they come from, and the sentences that an operator reads where one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings, load


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test sets itself."""
    import os  # noqa: PLC0415  # nothing else here may look at the environment

    for name in [name for name in os.environ if name.startswith("SILKSTREAM_")]:
        monkeypatch.delenv(name)


def written(folder: Path, text: str) -> Path:
    file = folder / "silkstream.toml"
    file.write_text(text)
    return file


def test_without_anything_the_defaults_count() -> None:
    assert load() == Settings()
    assert load().schema_name == "public"


def test_the_environment_beats_the_file_and_the_file_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, '[kafka]\nbootstrap = "file:1"\nsession_seconds = 9\n')
    monkeypatch.setenv("SILKSTREAM_KAFKA_BOOTSTRAP", "environment:1")
    kafka = load(file).kafka
    assert (kafka.bootstrap, kafka.session_seconds, kafka.compress) == ("environment:1", 9, False)


def test_the_file_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILKSTREAM_SETTINGS", str(written(tmp_path, 'namespace = "replay1."')))
    assert load().schema_name == "replay1"


def test_lists_and_tables_are_json_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILKSTREAM_BRIDGE_FILTERS", '["a/#", "b/#"]')
    monkeypatch.setenv("SILKSTREAM_DECODE_BINDINGS", '{"profile x": "ignore"}')
    settings = load()
    assert settings.bridge.filters == ("a/#", "b/#")
    assert settings.decode.bindings == {"profile x": "ignore"}


@pytest.mark.parametrize(
    ("text", "name", "given", "expected"),
    [
        ("[mqtt]\nport = 0", "mqtt.port", "0", "greater than or equal to 1"),
        ("[mqtt]\nport = 'x'", "mqtt.port", "'x'", "valid integer"),
        ("namespace = 'Replay'", "namespace", "'Replay'", "match pattern"),
        ("log_level = 'LOUD'", "log_level", "'LOUD'", "'DEBUG', 'INFO'"),
        ("[bridge]\nticks = 'sun'", "bridge.ticks", "'sun'", "'clock' or 'stream'"),
        ("[bridge]\nid = 'two words'", "bridge.id", "'two words'", "match pattern"),
        ("[kafka]\nbootstrp = 'x'", "kafka.bootstrp", "'x'", "expected one of bootstrap, session_seconds"),
        ("[nonsense]\na = 1", "nonsense", "{'a': 1}", "expected one of namespace, replay"),
        ("kafka = 5", "kafka", "5", "dictionary"),
        ("[decode]\nduplicate_horizon_seconds = 59", "decode.duplicate_horizon_seconds", "59", "equal to 60"),
        ("[topology]\nlate_hours = 0", "topology.late_hours", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_told_by_name_given_and_expected(
    tmp_path: Path, text: str, name: str, given: str, expected: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(SettingsError) as told:
        load(file)
    sentence = str(told.value)
    assert sentence.startswith(f"setting {name}: ")
    assert expected in sentence
    assert given in sentence.partition("; given: ")[2]
    assert str(file) in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("MQTT_PORT", "abc", "setting mqtt.port: input should be a valid integer.*given: 'abc'"),
        ("KAFKA_BOOTSTRP", "x", "setting kafka.bootstrp: there is no such setting.*given: 'x'"),
        ("BRIDGE_FILTERS", "a/#,b/#", r"setting bridge.filters: expected JSON such as \[.*given: 'a/#,b/#'"),
        ("DECODE_BINDINGS", "x=y", r"setting decode.bindings: expected JSON such as \{.*given: 'x=y'"),
    ],
)
def test_a_wrong_variable_is_told_too(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"SILKSTREAM_{variable}", value)
    with pytest.raises(SettingsError, match=sentence):
        load()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing, broken, binary = tmp_path / "missing.toml", tmp_path / "broken.toml", tmp_path / "binary.toml"
    broken.write_text("[kafka")
    binary.write_bytes(b"\xff\xfe")
    for file, told in ((missing, "No such file"), (broken, "is not TOML"), (binary, "is not TOML")):
        with pytest.raises(SettingsError, match=f"settings file {file}.*{told}"):
            load(file)
