"""Payloads that break their format.

A mutation is chosen so that the format forbids it, whatever the values: a flipped bit in a value is a value, and
nobody could say from outside that it is wrong.
"""

from __future__ import annotations

from random import Random
from typing import Final

from pipeline.simulator import encode
from pipeline.simulator.city import Family
from pipeline.simulator.frames import Frame

UNKNOWN_PORT: Final = 77
_EM310_RECORD_ENDS: Final = frozenset({0, 3, 7, 10})


def broken(rng: Random, family: Family, frame: Frame) -> Frame:
    """The frame with a payload that no decoder of the format may accept; never empty."""
    payload = frame.payload
    if family is Family.PARKING:
        if rng.random() < 0.5:
            return frame._replace(f_port=UNKNOWN_PORT)
        startup = encode.tps110_startup(occupied=False, firmware=(0, 29, 2), reset_cause=2)
        return frame._replace(f_port=encode.TPS110_STARTUP_PORT, payload=startup[: rng.randrange(1, len(startup))])
    if family is Family.GROUNDWATER:
        if rng.random() < 0.3:
            return frame._replace(payload=b"\x01" + payload[1:])
        return frame._replace(payload=payload[: rng.randrange(1, len(payload))])
    if family is Family.CONTAINER:
        lengths = [length for length in range(len(payload)) if length not in _EM310_RECORD_ENDS]
        return frame._replace(payload=payload[: rng.choice(lengths)])
    if rng.random() < 0.3:
        return frame._replace(payload=b"\x07" + payload[1:])
    # both kinds of frame end in a field of four bytes
    return frame._replace(payload=payload[: -rng.randrange(1, 4)])
