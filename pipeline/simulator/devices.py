"""The devices that follow from a plan: which model, at which place, under which name and tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

from pipeline.simulator.city import CityPlan
from pipeline.simulator.frames import randomness
from pipeline.simulator.models import Family, Model

LATITUDE: Final = 51.33
LONGITUDE: Final = 6.56


APPLICATIONS: Final[Mapping[Family, str]] = MappingProxyType(
    {
        Family.PARKING: "Stadt Krefeld Parken",
        Family.GROUNDWATER: "Stadt Krefeld Grundwasser",
        Family.CONTAINER: "Stadt Krefeld Container",
        Family.LIGHTING: "Stadt Krefeld Beleuchtung",
        Family.WEATHER: "Stadt Krefeld Wetter",
        Family.WATER: "Stadt Krefeld Wasser",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device at its place.

    `group` is what its site is counted with: a zone, a district, a street, an aquifer. `tags` are its own and those
    that its model needs. `attributes` is the geometry
    of its installation, by the names of the sites file (metres, watts).
    """

    index: int
    number: int
    dev_eui: str
    family: Family
    model: Model
    site: str
    name: str
    group: str
    latitude: float
    longitude: float
    abp: bool
    tags: Mapping[str, str]
    attributes: Mapping[str, float]


ZONES: Final = ("koenigstrasse", "koelner-strasse", "behinderten")
DISABLED_ZONE: Final = ZONES[2]
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
DISTRICTS: Final = ("mitte", "huels", "uerdingen", "fischeln", "linn", "bockum")
CASING_METRES: Final = 0.8
"""How far a well's casing stands out of the ground."""
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
        model = plan.model(family, number)
        made.append(
            Device(
                index=len(made),
                number=number,
                dev_eui=dev_eui,
                family=family,
                model=model,
                site=site,
                name=name,
                group=group,
                latitude=round(LATITUDE + rng.gauss(0.0, 0.025), 6),
                longitude=round(LONGITUDE + rng.gauss(0.0, 0.04), 6),
                abp=rng.random() < plan.abp_share,
                tags={**tags, **model.tags},
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
            },
            attributes={
                "measuring_point_metres_nhn": casing_top,
                "ground_metres_nhn": round(casing_top - CASING_METRES, 2),
                "suspension_metres": depth,
            },
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
    for number in range(plan.weather_stations):
        add(
            Family.WEATHER,
            number,
            site=f"klima-{number}",
            name=f"Wetterstation {number}",
            group=DISTRICTS[number % len(DISTRICTS)],
            tags={"site": f"klima-{number}"},
            attributes={},
        )
    for number in range(plan.water_meters):
        add(
            Family.WATER,
            number,
            site=f"wz-{number:04d}",
            name=f"Wasserzähler {number:04d}",
            group=DISTRICTS[number % len(DISTRICTS)],
            tags={"site": f"wz-{number:04d}"},
            attributes={},
        )
    return tuple(made)
