"""Every setting, with its default, its unit and its reason.

A setting comes from the environment (`SILKSTREAM_KAFKA_BOOTSTRAP`), else from a TOML file (`[kafka] bootstrap = …`),
else it is the default below. The models are plain values; `load` reads the two sources, once, at the start.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SettingsSourceError

from pipeline.core.errors import SettingsError

Port = Annotated[int, Field(ge=1, le=65535)]
Ratio = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Kafka(_Section):
    """Where the logs are."""

    bootstrap: str = "127.0.0.1:9092"
    """host:port of one or more brokers, separated by commas."""
    session_seconds: Annotated[float, Field(ge=1, le=300)] = 6.0
    """How long a killed worker's partitions wait before another takes them."""
    member: str = ""
    """Static membership: a name that is this worker's own and survives its restart (a pod's ordinal). Empty: none."""
    compress: bool = False
    """Compress what is sent (gzip): a tenth of the disk for a third of the rate."""


class Database(_Section):
    """Where the results are."""

    url: str = "postgresql://silkstream@127.0.0.1:5432/silkstream"
    """A PostgreSQL URL; TimescaleDB must be installable in the database."""


class Mqtt(_Section):
    """The broker that ChirpStack publishes to."""

    host: str = "127.0.0.1"
    port: Port = 1883
    username: str = ""
    password: str = ""
    tls: bool = False
    ca_file: str = ""
    """Certificate authorities in PEM; empty: the system's."""
    keepalive_seconds: Annotated[int, Field(ge=5, le=3600)] = 30
    session_expiry_seconds: Annotated[int, Field(ge=60)] = 7 * 86400
    """How long the broker keeps our queue while the bridge is away."""
    receive_maximum: Annotated[int, Field(ge=1, le=65535)] = 1000
    """How many messages may be unacknowledged; the broker's max_inflight_messages must not be lower."""


class Bridge(_Section):
    """From MQTT into the raw log."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,48}$")] = "bridge"
    """Its MQTT client id and its name in ticks: never two bridges of one id."""
    filters: tuple[str, ...] = ("application/+/device/+/event/+",)
    """MQTT topic filters; two bridges share a city by disjoint filters."""
    ticks: Literal["clock", "stream"] = "clock"
    """`clock`: the bridge publishes its own; `stream`: the simulator or a replay does."""
    tick_seconds: Annotated[float, Field(ge=0.1, le=600)] = 10.0
    region: str = ""
    """Written into each raw record: which region's network server this is."""
    network_server: str = ""
    """Written into each raw record: the name of the ChirpStack installation."""


class Decode(_Section):
    """From the raw log to frames and readings."""

    duplicate_horizon_seconds: Annotated[int, Field(ge=60, le=86400)] = 900
    """How far back a duplicate is looked for. Costs memory (300 bytes a frame) and time on assignment, when the
    horizon is read again."""
    batch_records: Annotated[int, Field(ge=1, le=10000)] = 2000
    bindings: dict[str, str] = Field(default_factory=dict)
    """Device profile name -> decoder name, or `ignore` for foreign sensors; a profile tag `decoder` comes first."""


class Store(_Section):
    """From frames and readings to rows."""

    batch_records: Annotated[int, Field(ge=1, le=50000)] = 5000


class Topology(_Section):
    """What is computed in the stream."""

    batch_records: Annotated[int, Field(ge=1, le=10000)] = 1000
    late_hours: Annotated[int, Field(ge=1, le=720)] = 48
    """How late a reading may be for a state machine."""
    container_full_ratio: Ratio = 0.8
    """A container's alert is opened at this fill ratio …"""
    container_resolved_ratio: Ratio = 0.7
    """… and resolved below this one."""

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if self.container_resolved_ratio > self.container_full_ratio:
            raise ValueError("container_resolved_ratio must not be above container_full_ratio: alerts would flicker")
        return self


class Relay(_Section):
    """From the outbox to the alert and city topics."""

    poll_seconds: Annotated[float, Field(ge=0.01, le=60)] = 0.1
    batch_events: Annotated[int, Field(ge=1, le=10000)] = 500


class Derive(_Section):
    """From marks to group results."""

    poll_seconds: Annotated[float, Field(ge=0.01, le=60)] = 0.1
    batch_marks: Annotated[int, Field(ge=1, le=100000)] = 5000
    rollup_marks: Annotated[int, Field(ge=1, le=100000)] = 1000
    """Hours of devices in one transaction, about a second's work: zones wait no longer than that."""
    rollup_seconds: Annotated[float, Field(ge=0.01, le=3600)] = 5.0
    """Roll-ups are recomputed this often while none is behind: what a device sent in between is computed once."""
    time_zone: str = "Europe/Berlin"
    """Whose midnights begin a day; see topologies/derive/README.md before it is changed."""
    state_gap_hours: Annotated[float, Field(gt=0, le=720)] = 26.0
    """Between two samples further apart than this a state is unknown; the heartbeats of parking sensors come daily."""
    counter_gap_days: Annotated[float, Field(gt=0, le=400)] = 31.0
    """Between two samples further apart than this a counter's increase is unknown."""


class Topics(_Section):
    """How topics are created."""

    partitions: Annotated[int, Field(ge=1, le=1000)] = 6
    """Of every keyed topic. Never changes afterwards; at least twice the most workers of a stage."""
    replication: Annotated[int, Field(ge=1, le=10)] = 1
    raw_retention_days: Annotated[int, Field(ge=1, le=36500)] = 400
    """The raw log is what a replay lives on: a year and a month."""


class Http(_Section):
    """Where a process can be looked at."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Of /metrics, /healthz and /readyz; 0 takes a free one. `silkstream run` gives each stage the next one."""


class Settings(BaseSettings):
    """All settings of an installation."""

    model_config = SettingsConfigDict(
        env_prefix="SILKSTREAM_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    namespace: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,30}\.)?$")] = ""
    """A prefix of topics and groups and the name of the database schema, for a second system beside the first, a
    replay for instance: `replay1.`"""
    replay: bool = False
    """This namespace replays the past: its outgoing events are stored, and never published."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    kafka: Kafka = Kafka()
    database: Database = Database()
    mqtt: Mqtt = Mqtt()
    bridge: Bridge = Bridge()
    decode: Decode = Decode()
    store: Store = Store()
    topology: Topology = Topology()
    relay: Relay = Relay()
    derive: Derive = Derive()
    topics: Topics = Topics()
    http: Http = Http()

    @property
    def schema_name(self) -> str:
        """The database schema: `public`, or the namespace's own."""
        return self.namespace.rstrip(".") or "public"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment beats the file, which arrives as init arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load(path: Path | None = None) -> Settings:
    """Read the settings file (given, or named by SILKSTREAM_SETTINGS) and the environment.

    Raises:
        SettingsError: one sentence that names the setting, what was given and what is expected.
    """
    file = path or (Path(named) if (named := os.environ.get("SILKSTREAM_SETTINGS")) else None)
    content = _read_file(file) if file else {}
    source = f" (settings file {file})" if file else ""
    try:
        return Settings(**content)
    except ValidationError as wrong:
        raise SettingsError(f"{_sentence(wrong)}{source}") from wrong
    except SettingsSourceError as wrong:
        raise SettingsError(_not_json() or str(wrong)) from wrong


def _sentence(wrong: ValidationError) -> str:
    first = wrong.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        model = _sections().get(str(first["loc"][0]), Settings) if len(first["loc"]) > 1 else Settings
        message = f"there is no such setting, expected one of {', '.join(model.model_fields)}"
    else:
        message = first["msg"].removeprefix("Value error, ")
        message = message[0].lower() + message[1:]
    return f"setting {name}: {message}; given: {first['input']!r}"


def _sections() -> dict[str, type[BaseModel]]:
    kinds = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {name: kind for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}


def _not_json() -> str | None:
    """The sentence for a list or table in the environment that is not JSON."""
    for section, model in _sections().items():
        for name, field in model.model_fields.items():
            given = os.environ.get(f"SILKSTREAM_{section}_{name}".upper())
            if given is not None and get_origin(field.annotation) in {tuple, dict}:
                try:
                    json.loads(given)
                except ValueError:
                    example = json.dumps(field.get_default(call_default_factory=True) or {"name": "value"})
                    return f"setting {section}.{name}: expected JSON such as {example}; given: {given!r}"
    return None


def _read_file(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as missing:
        raise SettingsError(f"settings file {file}: {missing.strerror}") from missing
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise SettingsError(f"settings file {file} is not TOML: {wrong}") from wrong
