"""The command line as a person meets it: help that says what each command does, and mistakes in one sentence."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

import pytest
from pydantic import SecretStr

from decoders.registry import load
from pipeline import cli, installed
from pipeline.core.channels import Notify, Webhook
from pipeline.core.errors import EXIT_SETTINGS, EXIT_STALLED, SettingsError
from pipeline.core.settings import Settings
from pipeline.installed import GROUP, configured_stages, declared_topics, installed_commands, installed_stages

# Nobody listens on port 1.
NOWHERE = {
    "SILKSTREAM_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "SILKSTREAM_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
}


class Told(NamedTuple):
    """What the command answered."""

    status: int
    output: str
    errors: str


@pytest.fixture
def silkstream(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Runs the command in this process; settings of ours in the environment are left out."""
    for name in list(os.environ):
        if name.startswith("SILKSTREAM_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(cli, "configure_logs", lambda _: None)
    monkeypatch.setattr(cli.app, "registered_commands", list(cli.app.registered_commands))
    monkeypatch.setattr(cli.app, "registered_groups", list(cli.app.registered_groups))

    def run(*words: str, **environment: str) -> Told:
        monkeypatch.setattr(sys, "argv", ["silkstream", *words])
        for name, value in {**NOWHERE, "COLUMNS": "200", **environment}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Told(int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_help_names_every_command_with_a_sentence(silkstream: Callable[..., Told]) -> None:
    told = silkstream("--help")

    assert told.status == 0
    lines = {line.split()[0]: line.split()[1:] for line in told.output.splitlines() if line.startswith("  ")}
    for name in (
        "topics",
        "migrate",
        "roles",
        "maintain",
        "ledger",
        "sites",
        "alerts",
        "run",
        "watch",
        "contract",
        *installed_stages(),
    ):
        assert len(lines[name]) >= 3, f"{name} says what it does"


@pytest.mark.parametrize(
    ("words", "environment", "status", "sentence"),
    [
        (["topics"], {"SILKSTREAM_TOPICS_PARTITIONS": "many"}, EXIT_SETTINGS, "setting topics.partitions: "),
        (["run", "--stage", "dekode"], {}, EXIT_SETTINGS, "--stage dekode: no such stage; installed: bridge, decode"),
        (["ledger", "reset", "--consumer", "store", "--to", "7"], {}, EXIT_SETTINGS, "--to '7': only `beginning`"),
        (["migrate"], {}, EXIT_STALLED, "database: "),
        (["migrate"], {"SILKSTREAM_DATABASE_URL": "nonsense"}, EXIT_SETTINGS, "setting database.url: "),
        (["topics"], {}, EXIT_STALLED, "kafka: "),
        (["alerts", "list"], {}, EXIT_STALLED, "database: "),
        (["alerts", "ack", "xyz"], {}, EXIT_SETTINGS, "'xyz' is no alert's id; expected the 4 or more "),
        (["maintain"], {}, EXIT_STALLED, "database: "),
        (["maintain"], {"SILKSTREAM_REPLAY": "true"}, EXIT_SETTINGS, "setting replay: "),
        (["roles"], {"SILKSTREAM_DATABASE_ROLE_PREFIX": ""}, EXIT_SETTINGS, "setting database.role_prefix: "),
    ],
)
def test_a_mistake_is_one_sentence_and_an_outage_another_status(
    silkstream: Callable[..., Told], words: list[str], environment: dict[str, str], status: int, sentence: str
) -> None:
    told = silkstream(*words, **environment)

    assert told.status == status
    assert told.errors.startswith(f"silkstream: {sentence}")
    assert told.errors.count("\n") == 1


def test_the_contract_of_what_is_installed_has_its_namespace_and_settings(silkstream: Callable[..., Told]) -> None:
    told = silkstream("contract", SILKSTREAM_NAMESPACE="demo.", SILKSTREAM_TOPICS_PARTITIONS="7")

    assert told.status == 0
    assert "    address: demo.alerts.container.v1\n" in told.output
    assert "        partitions: 7\n" in told.output


def test_the_command_is_installed_under_its_name() -> None:
    (entry,) = entry_points(group="console_scripts", name="silkstream")

    assert entry.load() is cli.main


def test_a_stage_without_anything_to_do_is_left_out() -> None:
    hooked = Notify(webhooks={"duty": Webhook(url=SecretStr("https://example.org"))})

    assert set(installed_stages()) - set(configured_stages(Settings())) == {"notify"}
    assert set(installed_stages()) == set(configured_stages(Settings(notify=hooked)))


def _entry(value: str, name: str = "try") -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def test_stages_are_listed_in_the_order_of_a_frames_way() -> None:
    names = list(installed_stages())

    assert names[:3] == ["bridge", "decode", "store"]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (_entry("no.such.module:STAGE"), r"stage try of .* cannot be imported: No module named 'no'"),
        (_entry("pipeline.core.topics:RAW"), "entry point try of group silkstream.stages is no stage of that name"),
        (_entry("pipeline.decode.worker:STAGE_DECODE"), "entry point try .* is no stage of that name"),
    ],
)
def test_a_broken_plugin_is_named(entry: EntryPoint, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "entry_points", lambda **_: [entry])

    with pytest.raises(SettingsError, match=sentence):
        installed_stages()


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (_entry("no.such.module:APP"), r"command try of .* cannot be imported: No module named 'no'"),
        (_entry("pipeline.core.topics:RAW"), "entry point try of group silkstream.commands is no group of commands"),
    ],
)
def test_a_broken_command_is_named(entry: EntryPoint, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "entry_points", lambda **_: [entry])

    with pytest.raises(SettingsError, match=sentence):
        installed_commands()


def test_each_family_of_the_installed_decoders_has_its_topics() -> None:
    names = {topic.name for topic in declared_topics(Settings())}

    for decoder in load().values():
        assert {f"readings.{decoder.family}.v1", f"alerts.{decoder.family}.v1"} <= names
