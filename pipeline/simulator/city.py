"""The plan of a simulated city: how many devices of which kind, where, and what goes wrong how often.

Everything else follows from the plan, byte for byte, so a run can be repeated from what its ledger says at the top.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, Self

from pipeline.core.clock import to_us

SHORTEST_SECONDS: Final = 5.0
"""Between two frames of one kind: a device must leave room for the receive windows of class A."""


class Family(StrEnum):
    """The families of devices that the city has."""

    PARKING = "parking"
    GROUNDWATER = "groundwater"
    CONTAINER = "container"
    LIGHTING = "lighting"


class Encoding(StrEnum):
    """How a ChirpStack server encodes what it publishes; one setting for a whole server."""

    JSON = "json"
    PROTOBUF = "protobuf"


@dataclass(frozen=True, slots=True, kw_only=True)
class CityPlan:
    """The city and its mishaps. Shares are of uplinks (0..1), rates are per device and day.

    `start` must be aware; the city is played from there for `duration`. `encoding` "both" stands for two ChirpStack
    servers: parking and containers publish JSON, groundwater and lighting protobuf.

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
    gateways: int = 12
    # how often devices speak by themselves
    heartbeat_interval_seconds: float = 3600.0
    well_interval_seconds: float = 900.0
    container_interval_seconds: float = 3600.0
    luminaire_interval_seconds: float = 3600.0
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
        """The same city with a perfect network: every frame arrives once, whole, and nothing else does."""
        return replace(
            self,
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

    def described(self) -> dict[str, Any]:
        """The plan as plain values, for a ledger."""
        return {
            **asdict(self),
            "start": self.start.isoformat(),
            "duration": self.duration.total_seconds(),
            "bridges": list(self.bridges),
        }
