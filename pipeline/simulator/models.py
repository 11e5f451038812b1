"""The device models that the city can be equipped with, by the name of the decoder that reads them.

ChirpStack knows a model as a device profile with tags. What a decoder must be told about a model is among them, as an
operator would have copied it from the label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Family(StrEnum):
    """The families of devices that the city has."""

    PARKING = "parking"
    GROUNDWATER = "groundwater"
    CONTAINER = "container"
    LIGHTING = "lighting"
    WEATHER = "weather"
    WATER = "water"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A device model as ChirpStack knows it: its profile and the tags of the profile."""

    family: Family
    profile: str
    decoder: str
    vendor: str
    device_class: str = "CLASS_A"
    mains_powered: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


def _of(family: Family, vendor: str, name: str, decoder: str, **tags: str) -> Model:
    return Model(
        family=family,
        profile=f"{vendor} {name}",
        decoder=decoder,
        vendor=vendor,
        # luminaires hang on the mains, so they can listen all the time
        device_class="CLASS_C" if family is Family.LIGHTING else "CLASS_A",
        mains_powered=family is Family.LIGHTING,
        tags=MappingProxyType(tags),
    )


COUNTS_PER_BAR: Final = 8192
COUNTS_PER_MILLISIEMENS_PER_CENTIMETRE: Final = 1024

_PR36: Final = {"pressure_counts_per_bar": str(COUNTS_PER_BAR)}
_PR36CTD: Final = {
    **_PR36,
    "conductivity_counts_per_millisiemens_per_centimetre": str(COUNTS_PER_MILLISIEMENS_PER_CENTIMETRE),
}

MODELS: Final[Mapping[str, Model]] = MappingProxyType(
    {
        model.decoder: model
        for model in (
            _of(Family.PARKING, "bosch", "TPS110", "bosch_tps110"),
            _of(Family.PARKING, "libelium", "Smart Parking", "libelium_smart_parking"),
            _of(Family.PARKING, "nwave", "NPS310SM", "nwave_nps310"),
            _of(Family.PARKING, "nwave", "NPS405SM", "nwave_nps405"),
            _of(Family.PARKING, "pni", "PlacePod", "pni_placepod"),
            _of(Family.PARKING, "tekzitel", "TekziPark", "tekzitel_tekzipark"),
            _of(Family.GROUNDWATER, "decentlab", "DL-CTD10", "decentlab_dl_ctd10"),
            _of(
                Family.GROUNDWATER,
                "decentlab",
                "DL-PR26",
                "decentlab_dl_pr26",
                pressure_min_bar="0",
                pressure_max_bar="1",
            ),
            _of(Family.GROUNDWATER, "decentlab", "DL-PR36", "decentlab_dl_pr36", **_PR36),
            _of(Family.GROUNDWATER, "decentlab", "DL-PR36CTD", "decentlab_dl_pr36ctd", **_PR36CTD),
            _of(Family.GROUNDWATER, "dragino", "PS-LB", "dragino_ps_lb"),
            _of(Family.GROUNDWATER, "keller", "ADT1/ARC1", "keller_adt1"),
            _of(Family.GROUNDWATER, "lobaro", "Pressure 26D", "lobaro_pressure_26d"),
            _of(Family.GROUNDWATER, "milesight", "EM500-SWL", "milesight_em500_swl"),
            _of(Family.CONTAINER, "decentlab", "DL-MBX", "decentlab_dl_mbx"),
            _of(Family.CONTAINER, "dragino", "DDS75-LB", "dragino_dds75"),
            _of(Family.CONTAINER, "lobaro", "Oscar", "lobaro_oscar"),
            _of(Family.CONTAINER, "milesight", "EM310-UDL", "milesight_em310_udl"),
            _of(Family.CONTAINER, "milesight", "EM400-MUD", "milesight_em400_mud"),
            _of(Family.CONTAINER, "milesight", "EM400-TLD", "milesight_em400_tld"),
            _of(Family.CONTAINER, "pepperl-fuchs", "WILSEN.sonic.level", "pepperl_fuchs_wilsen"),
            _of(Family.CONTAINER, "sentinum", "Apollon-Q", "sentinum_apollon"),
            _of(Family.CONTAINER, "tekelek", "TEK766", "tekelek_tek766"),
            _of(Family.LIGHTING, "comtac", "E1310", "comtac_e1310"),
            _of(Family.LIGHTING, "nas", "UL2030-fw0.6", "nas_ul2030"),
            _of(Family.LIGHTING, "nas", "UL20xx-fw1.1", "nas_ul20xx"),
            _of(Family.WEATHER, "decentlab", "DL-ATM41G2", "decentlab_dl_atm41g2"),
            _of(Family.WEATHER, "milesight", "WTS506", "milesight_wts506"),
            _of(Family.WEATHER, "sensecap", "S2120", "sensecap_s2120"),
            _of(Family.WATER, "axioma", "Qalcosonic W1", "axioma_qalcosonic_w1"),
        )
    }
)


def names_of(family: Family) -> tuple[str, ...]:
    """The decoders' names of a family's models."""
    return tuple(name for name, model in MODELS.items() if model.family is family)
