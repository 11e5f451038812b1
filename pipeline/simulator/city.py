"""The plan of a simulated city: how many devices of which kind, where, and what goes wrong how often.

Everything else follows from the plan, byte for byte, so a run can be repeated from what its ledger says at the top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final, Literal, Self

from pipeline.core.clock import to_us
from pipeline.simulator.frames import randomness

LATITUDE: Final = 51.33
LONGITUDE: Final = 6.56


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
            raise ValueError("a plan's start names its time zone")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A device model as ChirpStack knows it: its profile and the tags of the profile."""

    family: Family
    profile: str
    decoder: str
    vendor: str
    device_class: str = "CLASS_A"
    mains_powered: bool = False


MODELS: Final[Mapping[Family, Model]] = MappingProxyType(
    {
        Family.PARKING: Model(family=Family.PARKING, profile="bosch TPS110", decoder="bosch_tps110", vendor="bosch"),
        Family.GROUNDWATER: Model(
            family=Family.GROUNDWATER, profile="decentlab DL-PR26", decoder="decentlab_dl_pr26", vendor="decentlab"
        ),
        Family.CONTAINER: Model(
            family=Family.CONTAINER, profile="milesight EM310-UDL", decoder="milesight_em310_udl", vendor="milesight"
        ),
        Family.LIGHTING: Model(
            family=Family.LIGHTING,
            profile="nas UL20xx-fw1.1",
            decoder="nas_ul20xx",
            vendor="nas",
            device_class="CLASS_C",
            mains_powered=True,
        ),
    }
)
APPLICATIONS: Final[Mapping[Family, str]] = MappingProxyType(
    {
        Family.PARKING: "Stadt Krefeld Parken",
        Family.GROUNDWATER: "Stadt Krefeld Grundwasser",
        Family.CONTAINER: "Stadt Krefeld Container",
        Family.LIGHTING: "Stadt Krefeld Beleuchtung",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device at its place.

    `group` is what its site is counted with: a zone, a district, a street, an aquifer. `attributes` is the geometry
    of its installation, by the names of the sites file (metres, watts).
    """

    index: int
    number: int
    dev_eui: str
    family: Family
    site: str
    name: str
    group: str
    latitude: float
    longitude: float
    abp: bool
    tags: Mapping[str, str]
    attributes: Mapping[str, float]

    @property
    def model(self) -> Model:
        """The device's model."""
        return MODELS[self.family]


ZONES: Final = ("koenigstrasse", "koelner-strasse", "behinderten")
_ZONE_NAMES: Final = ("Königstraße", "Kölner Straße", "Behindertenparkplatz")
_ZONE_LETTERS: Final = "KOB"
SEGMENTS: Final = (
    "ostwall",
    "westwall",
    "nordwall",
    "suedwall",
    "rheinstrasse",
    "huelser-strasse",
    "uerdinger-strasse",
)
AQUIFERS: Final = ("obere-terrasse", "mittlere-terrasse", "niederterrasse")
TEXTILE_SHARE: Final = 16 / 23


def devices(plan: CityPlan) -> tuple[Device, ...]:
    """Every device of the city, in a fixed order; `index` is the place in it."""
    made: list[Device] = []

    def add(
        family: Family,
        number: int,
        *,
        site: str,
        name: str,
        group: str,
        tags: Mapping[str, str],
        attributes: Mapping[str, float],
    ) -> None:
        dev_eui = blake2b(f"{plan.seed}/{family}".encode(), digest_size=5).hexdigest() + f"{number:06x}"
        rng = randomness(plan.seed, dev_eui, "place")
        made.append(
            Device(
                index=len(made),
                number=number,
                dev_eui=dev_eui,
                family=family,
                site=site,
                name=name,
                group=group,
                latitude=round(LATITUDE + rng.gauss(0.0, 0.025), 6),
                longitude=round(LONGITUDE + rng.gauss(0.0, 0.04), 6),
                abp=rng.random() < plan.abp_share,
                tags=tags,
                attributes=attributes,
            )
        )

    number = 0
    bays = (plan.bays_koenigstrasse, plan.bays_koelner_strasse, plan.disabled_bays)
    for zone, title, letter, count in zip(ZONES, _ZONE_NAMES, _ZONE_LETTERS, bays, strict=True):
        for place in range(count):
            bay = f"{letter}{place:02d}"
            add(
                Family.PARKING,
                number,
                site=f"{zone}-{bay}",
                name=f"{title} {bay}",
                group=zone,
                tags={"zone": zone, "bay": bay},
                attributes={},
            )
            number += 1
    for number in range(plan.wells):
        casing_top = round(30.0 + (number * 37 % 160) / 10, 2)
        depth = round(8.0 + (number * 53 % 90) / 10, 2)
        add(
            Family.GROUNDWATER,
            number,
            site=f"gwm-{number:03d}",
            name=f"Grundwassermessstelle {number:03d}",
            group=AQUIFERS[number % len(AQUIFERS)],
            tags={
                "casing_top_metres_nhn": str(casing_top),
                "probe_depth_metres": str(depth),
                "pressure_min_bar": "0",
                "pressure_max_bar": "1",
            },
            attributes={"casing_top_metres_nhn": casing_top, "probe_depth_metres": depth},
        )
    for number in range(plan.containers):
        textile = number < round(plan.containers * TEXTILE_SHARE)
        empty, full = (1.8, 0.3) if textile else (1.5, 0.25)
        add(
            Family.CONTAINER,
            number,
            site=f"huels-{number}",
            name=f"{'Textil' if textile else 'Papier'}container Hüls {number}",
            group="huels",
            tags={"site": f"huels-{number}", "container_height_metres": str(empty)},
            attributes={"empty_distance_metres": empty, "full_distance_metres": full},
        )
    for number in range(plan.luminaires):
        segment = SEGMENTS[number % len(SEGMENTS)]
        pole = str(number // len(SEGMENTS))
        add(
            Family.LIGHTING,
            number,
            site=f"{segment}-{pole}",
            name=f"Leuchte {segment} {pole}",
            group=segment,
            tags={"segment": segment, "pole": pole},
            attributes={"rated_watts": 42.0},
        )
    return tuple(made)
