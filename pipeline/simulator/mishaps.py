"""Payloads that break their format.

A mutation is chosen so that the format forbids it, whatever the values: a flipped bit in a value is a value, and
nobody could say from outside that it is wrong. So it depends on the model what may be done to its frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from pipeline.simulator.encode import bosch
from pipeline.simulator.frames import Frame

UNKNOWN_PORT: Final = 77
_EM310_RECORD_ENDS: Final = frozenset({0, 3, 7, 10})

Break = Callable[[Random, Frame], Frame]


def broken(rng: Random, model: str, frame: Frame) -> Frame:
    """The frame with a payload that no decoder of the model's format may accept; never empty."""
    return BREAKS[model](rng, frame)


def _beside_the_ports(_rng: Random, frame: Frame) -> Frame:
    """For models with ports of their own."""
    return frame._replace(f_port=UNKNOWN_PORT)


def _cut(rng: Random, frame: Frame) -> Frame:
    """For frames whose length is fixed, or told by what they begin with."""
    return frame._replace(payload=frame.payload[: rng.randrange(1, len(frame.payload))])


def _to(longest: int) -> Break:
    """For frames that cannot be as short as that, whatever they hold."""

    def cut(rng: Random, frame: Frame) -> Frame:
        return frame._replace(payload=frame.payload[: rng.randrange(1, longest + 1)])

    return cut


def _without_end(longest: int) -> Break:
    """For frames that end in a field or record of more bytes than that."""

    def cut(rng: Random, frame: Frame) -> Frame:
        return frame._replace(payload=frame.payload[: -rng.randrange(1, longest + 1)])

    return cut


def _cut_or_beside(rng: Random, frame: Frame) -> Frame:
    """A frame of one byte cannot be cut."""
    if len(frame.payload) == 1 or rng.random() < 0.5:
        return _beside_the_ports(rng, frame)
    return _cut(rng, frame)


def _tps110(rng: Random, frame: Frame) -> Frame:
    if rng.random() < 0.5:
        return _beside_the_ports(rng, frame)
    startup = bosch.tps110_startup(occupied=False, firmware=(0, 29, 2), reset_cause=2)
    return frame._replace(f_port=bosch.TPS110_STARTUP_PORT, payload=startup[: rng.randrange(1, len(startup))])


def _decentlab(rng: Random, frame: Frame) -> Frame:
    if rng.random() < 0.3:
        return frame._replace(payload=b"\x01" + frame.payload[1:])
    return _cut(rng, frame)


def _em310_udl(rng: Random, frame: Frame) -> Frame:
    lengths = [length for length in range(len(frame.payload)) if length not in _EM310_RECORD_ENDS]
    return frame._replace(payload=frame.payload[: rng.choice(lengths)])


def _ul20xx(rng: Random, frame: Frame) -> Frame:
    if rng.random() < 0.3:
        return frame._replace(payload=b"\x07" + frame.payload[1:])
    # both kinds of frame end in a field of four bytes
    return _without_end(3)(rng, frame)


BREAKS: Final[Mapping[str, Break]] = MappingProxyType(
    {
        "axioma_qalcosonic_w1": _to(4),
        "bosch_tps110": _tps110,
        "comtac_e1310": _cut,
        "decentlab_dl_atm41g2": _decentlab,
        "decentlab_dl_ctd10": _decentlab,
        "decentlab_dl_mbx": _decentlab,
        "decentlab_dl_pr26": _decentlab,
        "decentlab_dl_pr36": _decentlab,
        "decentlab_dl_pr36ctd": _decentlab,
        # a log is cut inside its last record: at the end of one it would be whole
        "dragino_dds75": _without_end(6),
        "dragino_ps_lb": _without_end(6),
        "keller_adt1": _cut,
        "libelium_smart_parking": _cut,
        "lobaro_oscar": _cut,
        # older firmware sends six bytes
        "lobaro_pressure_26d": _to(5),
        "milesight_em310_udl": _em310_udl,
        "milesight_em400_mud": _without_end(2),
        "milesight_em400_tld": _without_end(2),
        "milesight_em500_swl": _without_end(2),
        "milesight_wts506": _without_end(2),
        # a profile has five bytes, the last field of a meter one
        "nas_ul2030": _without_end(1),
        "nas_ul20xx": _ul20xx,
        "nwave_nps310": _beside_the_ports,
        "nwave_nps405": _cut_or_beside,
        "pepperl_fuchs_wilsen": _without_end(3),
        "pni_placepod": _without_end(2),
        "sensecap_s2120": _without_end(1),
        "sentinum_apollon": _cut,
        "tekelek_tek766": _cut,
        # a status with beacons would be whole after three bytes
        "tekzitel_tekzipark": _to(2),
    }
)
