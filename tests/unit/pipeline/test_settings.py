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


HOOK = "[notify.webhooks.duty]\nurl = 'https://h/t0ken'\n"
MAIL = "[notify.mails.waste]\nto = ['a@b']\n"


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("[notify.webhooks.duty]\nurl = 'ftp://h/t0ken'", "notify.webhooks.duty.url", "such as https://host/path"),
        ("[notify.webhooks.duty]\nsecret = 't0ken'", "notify.webhooks.duty.url", "field required"),
        (
            f"{HOOK}ulr = 't0ken'",
            "notify.webhooks.duty.ulr",
            "expected one of families, severities, rules, updates, url",
        ),
        (f"{HOOK}secret = 't0ken'\nsecret_file = 'f'", "notify.webhooks.duty", "expected one of them"),
        (HOOK.replace("duty", "Duty"), "notify.webhooks.Duty.[key]", "match pattern"),
        (MAIL, "notify", "smtp_host is missing"),
        (f"[notify]\nsmtp_host = 'h'\n{MAIL}", "notify", "mail_from is missing"),
        ("[notify.mails.waste]\nto = []", "notify.mails.waste.to", "at least 1 item"),
        ("[notify.mails.waste]\nto = ['a b@c']", "notify.mails.waste.to.0", "match pattern"),
        (
            f"[notify]\nsmtp_host = 'h'\nmail_from = 'a@b'\n{MAIL}{HOOK.replace('duty', 'waste')}",
            "notify",
            "waste names",
        ),
        ("[notify]\nsmtp_username = 'u'", "notify", "smtp_password or smtp_password_file is missing"),
        (
            "[notify]\nsmtp_username = 'u'\nsmtp_password = 't0ken'\nsmtp_security = 'none'",
            "notify",
            "would send the password in clear",
        ),
        ("[notify.webhooks.duty]\nsecrte = 't0ken'", "notify.webhooks.duty.url", "field required"),
        ("[notify]\nsmtp_password = 5", "notify.smtp_password", "valid string"),
        ("[notify]\ntime_zone = 'Europe/Krefeld'", "notify.time_zone", "a time zone such as Europe/Berlin"),
        ("[notify]\nretry_seconds = 1000", "notify", "must not be below retry_seconds"),
        ("[notify]\nattempts = 0", "notify.attempts", "greater than or equal to 1"),
    ],
)
def test_a_wrong_channel_is_told_without_its_secrets(tmp_path: Path, text: str, name: str, expected: str) -> None:
    with pytest.raises(SettingsError) as told:
        load(written(tmp_path, text))
    sentence = str(told.value)
    assert sentence.startswith(f"setting {name}: ")
    assert expected in sentence
    assert "t0ken" not in sentence


def test_channels_come_from_file_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILKSTREAM_NOTIFY_SMTP_PASSWORD", "t0ken")
    notify = load(written(tmp_path, f"[notify]\nsmtp_host = 'h'\nmail_from = 'a@b'\n{HOOK}{MAIL}")).notify
    assert list(notify.channels) == ["duty", "waste"]
    assert notify.password() == "t0ken"
    assert "t0ken" not in repr(notify)
    monkeypatch.setenv("SILKSTREAM_NOTIFY_WEBHOOKS", '{"duty": {"url": "https://h/t0ken"')
    with pytest.raises(SettingsError, match=r"notify.webhooks: expected JSON .*given: '\(not shown\)'"):
        load()


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    hook = load(written(tmp_path, f"{HOOK}secret_file = '{file}'")).notify.webhooks["duty"]
    with pytest.raises(SettingsError, match=r"secret_file.*cannot be read: No such file"):
        hook.key()
    file.write_text("t0ken\n")
    assert hook.key() == b"t0ken"


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


def test_what_is_kept_for_less_than_late_data_needs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as told:
        load(written(tmp_path, "[retention]\nparking_history_days = 1"))
    assert str(told.value).startswith(
        "setting retention.parking_history_days: a late reading needs the facts of topology.late_hours (48) before it; "
        "expected: 0 or at least 2; given: 1"
    )
    assert load(written(tmp_path, "[retention]\nparking_history_days = 0")).retention.parking_history_days == 0
