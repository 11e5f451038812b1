"""Every setting, with its default, its unit and its reason.

A setting comes from the environment (`SILKSTREAM_KAFKA_BOOTSTRAP`), else from a TOML file (`[kafka] bootstrap = …`),
else it is the default below. The models are plain values; `load` reads the two sources, once, at the start.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SettingsSourceError

from pipeline.core.channels import Notify
from pipeline.core.errors import SettingsError
from pipeline.core.section import Section as _Section

_SECRET: Final = re.compile(r"(secret|password|url)$")
"""Settings whose value no message repeats: an address may contain a password or a token."""

Port = Annotated[int, Field(ge=1, le=65535)]


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
    role_prefix: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,19})?$")] = "silkstream"
    """Names of the group roles: silkstream_owner, _writer, _reader, _public; in a namespace silkstream_replay1_owner.
    Roles belong to the whole server: a second city on it takes another prefix. Empty: no roles."""


class Retention(_Section):
    """How many days the database keeps what (`silkstream maintain`); 0 = for ever. Whole chunks go, so a row stays up
    to a week longer, and up to a day longer where it tells of people.
    """

    parking_history_days: Annotated[int, Field(ge=0, le=36500)] = 30
    """What single bays and their sensors said: who came and went can be read from it."""
    water_history_days: Annotated[int, Field(ge=0, le=36500)] = 30
    """What single water meters said: who is at home can be read from it."""
    personal_days: Annotated[int, Field(ge=0, le=36500)] = 30
    """Tables of a personal class (`…_personal`), and alerts about people's homes, from their end on."""
    container_history_days: Annotated[int, Field(ge=0, le=36500)] = 400
    """Each measurement of a container with what follows from it."""
    groundwater_history_days: Annotated[int, Field(ge=0, le=36500)] = 400
    """Each measurement of a well with its level; hours and days are kept for ever."""
    lighting_history_days: Annotated[int, Field(ge=0, le=36500)] = 400
    """Each report of a luminaire with what follows from it, and its energy by the hour; its nights are kept."""
    container_route_days: Annotated[int, Field(ge=0, le=36500)] = 400
    """The lists of containers to be emptied."""
    reading_days: Annotated[int, Field(ge=0, le=36500)] = 400
    """What sensors measured: a year and a month, as long as the raw log."""
    rollup_quarter_hour_days: Annotated[int, Field(ge=0, le=36500)] = 400
    """Roll-ups by quarter of an hour, from which hours are recomputed: as long as what sensors measured."""
    rollup_hour_days: Annotated[int, Field(ge=0, le=36500)] = 0
    """Roll-ups by hour, from which days are recomputed, in chunks of four weeks; days are kept for ever."""
    frame_days: Annotated[int, Field(ge=0, le=36500)] = 400
    """One row for each frame, and one for each gateway that heard it."""
    fleet_history_days: Annotated[int, Field(ge=0, le=36500)] = 7
    """Signs of life, from which silences are found anew when something comes late."""
    fleet_days: Annotated[int, Field(ge=0, le=36500)] = 1100
    """What each device sent a day: three years, to see a battery and a link age."""
    dead_letter_days: Annotated[int, Field(ge=0, le=36500)] = 90
    """The index of the dead-letter topic, which keeps as long."""
    alert_days: Annotated[int, Field(ge=0, le=36500)] = 0
    """Alerts that are over, from their end on."""


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

    batch_records: Annotated[int, Field(ge=1, le=10000)] = 4000
    """So many share what a transaction costs by itself, where so many wait. About what a fetch brings."""
    late_hours: Annotated[int, Field(ge=1, le=720)] = 48
    """How late a reading may be for a state machine."""
    city: str = ""
    """The city file: limits, minimum durations, maintenance, by family, group and site. Empty: as built in."""


class Relay(_Section):
    """From the outbox to the alert and city topics."""

    poll_seconds: Annotated[float, Field(ge=0.01, le=60)] = 0.1
    batch_events: Annotated[int, Field(ge=1, le=10000)] = 500


class Derive(_Section):
    """From marks to group results."""

    poll_seconds: Annotated[float, Field(ge=0.01, le=60)] = 0.1
    batch_marks: Annotated[int, Field(ge=1, le=100000)] = 5000
    longest_rest_seconds: Annotated[float, Field(ge=0, le=3600)] = 3600
    """Results over time let marks gather, each for as long as it likes, but for no longer than this."""
    rollup_buckets: Annotated[int, Field(ge=1, le=100000)] = 500
    """Quarters or days of devices in one transaction, a fifth of a second's work: display boards wait for that long."""
    time_zone: str = "Europe/Berlin"
    """Whose midnights begin a day; see topologies/derive/README.md before it is changed."""
    state_gap_hours: Annotated[float, Field(gt=0, le=720)] = 26.0
    """Between two samples further apart than this a state is unknown; many devices repeat it once a day."""
    counter_gap_days: Annotated[float, Field(gt=0, le=400)] = 31.0
    """Between two samples further apart than this a counter's increase is unknown."""
    zone_event_seconds: Annotated[float, Field(ge=0, le=3600)] = 10
    """A display board is told of its parking zone at most once in this time, and of the last state in any case."""


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
    retention: Retention = Retention()
    mqtt: Mqtt = Mqtt()
    bridge: Bridge = Bridge()
    decode: Decode = Decode()
    store: Store = Store()
    topology: Topology = Topology()
    relay: Relay = Relay()
    derive: Derive = Derive()
    notify: Notify = Notify()
    topics: Topics = Topics()
    http: Http = Http()

    @model_validator(mode="after")
    def _kept_for_late_data(self) -> Self:
        late_hours = self.topology.late_hours
        for name, days in self.retention:
            if 0 < days * 24 < late_hours:
                raise ValueError(
                    f"setting retention.{name}: a late reading needs the facts of topology.late_hours ({late_hours}) "
                    f"before it; expected: 0 or at least {-(-late_hours // 24)}; given: {days}"
                )
        return self

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
        message = f"there is no such setting, expected one of {', '.join(_fields_at(first['loc'][:-1]))}"
        if first["loc"][0] == "notify":
            return f"setting {name}: {message}"
    else:
        message = first["msg"].removeprefix("Value error, ")
        message = message[0].lower() + message[1:]
    if not name:
        return message
    return f"setting {name}: {message}; given: {_shown(name, first['input'])!r}"


def _fields_at(place: Sequence[int | str]) -> Sequence[str]:
    """The settings that a table may have, whose place is given from the outermost on."""
    kind: Any = Settings
    for part in place:
        fields = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
        # Below a table of tables, whose names are the operator's, all are of one kind.
        kind = fields[part].annotation if part in fields else (get_args(kind) or (Settings,))[-1]
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else ()


def _shown(name: str, given: Any) -> Any:
    """What was given, without secrets."""
    is_notify = name.partition(".")[0] == "notify"
    if isinstance(given, Mapping):
        # A secret may stand under a misspelt name, too.
        return list(given) if is_notify else {each: _shown(str(each), value) for each, value in given.items()}
    return "(not shown)" if _SECRET.search(name) else given


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
                    # Half of a table of channels is no JSON and may hold a secret all the same.
                    said = "(not shown)" if model is Notify else given
                    return f"setting {section}.{name}: expected JSON such as {example}; given: {said!r}"
    return None


def _read_file(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as missing:
        raise SettingsError(f"settings file {file}: {missing.strerror}") from missing
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise SettingsError(f"settings file {file} is not TOML: {wrong}") from wrong
