"""The plan of a simulated city: how many devices of which kind, where, and what goes wrong how often.

Everything else follows from the plan, byte for byte, so a run can be repeated from what its ledger says at the top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Literal, Self

from pipeline.core.clock import to_us
from pipeline.simulator.models import MODELS, Family, Model, names_of

SHORTEST_SECONDS: Final = 5.0
"""Between two frames of one kind: a device must leave room for the receive windows of class A."""


class Encoding(StrEnum):
    """How a ChirpStack server encodes what it publishes; one setting for a whole server."""

    JSON = "json"
    PROTOBUF = "protobuf"


MODELS_FIELDS: Final[Mapping[str, Family]] = MappingProxyType(
    {
        "parking_models": Family.PARKING,
        "well_models": Family.GROUNDWATER,
        "container_models": Family.CONTAINER,
        "luminaire_models": Family.LIGHTING,
        "weather_models": Family.WEATHER,
        "water_models": Family.WATER,
    }
)
"""The fields of the plan that say which models a family has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CityPlan:
    """The city and its mishaps. Shares are of uplinks (0..1), rates are per device (gateway) and day; the shares of
    what is true in the city and of what its sensors make of it are of what their names say.

    `start` must be aware; the city is played from there for `duration`. `encoding` "both" stands for two ChirpStack
    servers: parking and containers publish JSON, everything else protobuf. Models are given by the names of their
    decoders; the devices of a family take turns over them.

    Raises:
        ValueError: a field is out of its bounds; the message names it.
    """

    seed: str = "krefeld"
    start: datetime = datetime(2026, 6, 1, tzinfo=UTC)
    duration: timedelta = timedelta(hours=24)
    encoding: Literal["json", "protobuf", "both"] = "json"
    bridges: tuple[str, ...] = ("simulator",)
    tick_seconds: float = 10.0
    # the city
    bays_koenigstrasse: int = 30
    bays_koelner_strasse: int = 24
    disabled_bays: int = 6
    wells: int = 450
    containers: int = 23
    luminaires: int = 550
    weather_stations: int = 0
    water_meters: int = 0
    gateways: int = 12
    # which models they are
    parking_models: tuple[str, ...] = ("bosch_tps110",)
    well_models: tuple[str, ...] = ("decentlab_dl_pr26",)
    container_models: tuple[str, ...] = ("milesight_em310_udl",)
    luminaire_models: tuple[str, ...] = ("nas_ul20xx",)
    weather_models: tuple[str, ...] = ("decentlab_dl_atm41g2", "milesight_wts506", "sensecap_s2120")
    water_models: tuple[str, ...] = ("axioma_qalcosonic_w1",)
    # how often devices speak by themselves
    heartbeat_interval_seconds: float = 3600.0
    well_interval_seconds: float = 900.0
    container_interval_seconds: float = 3600.0
    luminaire_interval_seconds: float = 3600.0
    weather_interval_seconds: float = 600.0
    water_interval_seconds: float = 43_200.0
    # what the air and the network do to their frames
    lost_share: float = 0.01
    broken_share: float = 0.002
    duplicate_share: float = 0.005
    late_copy_share: float = 0.005
    empty_share: float = 0.005
    confirmed_share: float = 0.02
    retransmission_log_share: float = 0.002
    abp_share: float = 0.05
    abp_resets_per_day: float = 0.1
    joins_per_day: float = 0.01
    statuses_per_day: float = 2.0
    downlinks_per_day: float = 0.1
    join_at_start: bool = False
    # what is true in it
    failed_luminaire_share: float = 0.01
    rain_events_per_day: float = 0.5
    leaking_meter_share: float = 0.03
    toppled_containers_per_day: float = 0.0
    dead_device_share: float = 0.0
    gateway_outages_per_day: float = 0.0
    # what its sensors make of it
    missed_car_share: float = 0.0
    stuck_bays_per_day: float = 0.0
    wrong_echo_share: float = 0.0
    blind_containers_per_day: float = 0.0
    lifted_probes_per_day: float = 0.0
    drifting_probe_share: float = 0.0

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError("start: a time with its zone is expected")
        if self.encoding not in {"json", "protobuf", "both"}:
            raise ValueError(f"encoding={self.encoding}: json, protobuf or both is expected")
        for name, value in ((field.name, getattr(self, field.name)) for field in fields(self)):
            if name.endswith("_share") and not 0 <= value <= 1:
                raise ValueError(f"{name}={value}: a share from 0 to 1 is expected")
            if name.endswith("_seconds") and value < SHORTEST_SECONDS:
                raise ValueError(f"{name}={value}: {SHORTEST_SECONDS} seconds or more are expected")
            if isinstance(value, int | float) and value < (name == "gateways"):
                raise ValueError(f"{name}={value}: too few")
        for name, family in MODELS_FIELDS.items():
            known = names_of(family)
            chosen: tuple[str, ...] = getattr(self, name)
            wrong = [model for model in chosen if model not in known]
            if wrong or not chosen:
                what = "no model" if not wrong else f"{wrong[0]!r} is no {family} model"
                raise ValueError(f"{name}={','.join(chosen)}: {what}; expected one or more of {', '.join(known)}")

    @property
    def start_us(self) -> int:
        """The beginning, in microseconds since 1970."""
        return to_us(self.start)

    @property
    def end_us(self) -> int:
        """The end, in microseconds since 1970; nothing is sent at or after it."""
        return to_us(self.start + self.duration)

    def with_(self, **changes: Any) -> Self:
        """The same plan but for these fields."""
        return replace(self, **changes)

    def flawless(self) -> Self:
        """The same city with a perfect network and honest sensors: every frame arrives once, whole, and is right.

        What is true in the city stays: a lamp that fails is dark here too, a dead device silent.
        """
        return replace(
            self,
            missed_car_share=0.0,
            stuck_bays_per_day=0.0,
            wrong_echo_share=0.0,
            blind_containers_per_day=0.0,
            lifted_probes_per_day=0.0,
            drifting_probe_share=0.0,
            lost_share=0.0,
            broken_share=0.0,
            duplicate_share=0.0,
            late_copy_share=0.0,
            empty_share=0.0,
            retransmission_log_share=0.0,
            abp_resets_per_day=0.0,
            joins_per_day=0.0,
            statuses_per_day=0.0,
            downlinks_per_day=0.0,
        )

    def encoding_of(self, family: Family) -> Encoding:
        """How the server of that family's application encodes its events."""
        if self.encoding != "both":
            return Encoding(self.encoding)
        return Encoding.JSON if family in (Family.PARKING, Family.CONTAINER) else Encoding.PROTOBUF

    def model(self, family: Family, number: int) -> Model:
        """The model of a family's device with that number, counted from 0."""
        name = next(name for name, each in MODELS_FIELDS.items() if each is family)
        chosen: tuple[str, ...] = getattr(self, name)
        return MODELS[chosen[number % len(chosen)]]

    def described(self) -> dict[str, Any]:
        """The plan as plain values, for a ledger."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {
            **plain,
            "start": self.start.isoformat(),
            "duration": self.duration.total_seconds(),
        }
