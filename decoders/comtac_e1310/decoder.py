"""comtac E1310 DALI bridge: one frame of six bytes with what the bridge was told and what the driver answered.

The driver tells its level on DALI's logarithmic scale, the command comes in percent: the two are not the same number.
Source: the description in the published parser; IEC 62386-102 for level, status and device type. See README.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, TrailingBytes, Truncated, UnknownPort, Uplink

_NO_ANSWER: Final = 0xFF

# DALI's words for "no kind implemented" and "several kinds"; neither is a kind.
_NO_DEVICE_TYPES: Final = frozenset({254, 255})


def _ratio(level: int) -> float | None:
    """Light by DALI level: 0 is off, 1 is 0.1 %, 254 is all of it, 255 (MASK) is no level."""
    if level == 0:
        return 0.0
    if level == 0xFF:
        return None
    # One step is 2.8 %, so what rounding takes away means nothing, and every machine gives the same number.
    return round(10 ** (3 * (level - 1) / 253 - 3), 6)


_RATIOS: Final = tuple(_ratio(level) for level in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver(Sample):
    """What the bridge was told last and what the driver says of itself."""

    commanded_dimming_ratio: float | None = None
    dimming_ratio: float | None = None
    lamp_on: bool | None = None
    lamp_failure: bool | None = None
    driver_failure: bool | None = None
    dimming_limit_error: bool | None = None
    dimming_fading: bool | None = None
    driver_reset: bool | None = None
    driver_address_missing: bool | None = None
    driver_power_failure: bool | None = None
    dali_connection_error: bool | None = None
    dali_version: int | None = None
    dali_device_type: int | None = None


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample; where the bridge cannot reach the driver, nothing that the driver would have to say."""
    # No port is documented and no published parser looks at it.
    if not 1 <= uplink.f_port <= 223:
        raise UnknownPort(f"port {uplink.f_port} is no application port")
    payload = uplink.payload
    if len(payload) != 6:
        sentence = f"the frame has {len(payload)} bytes instead of 6"
        raise Truncated(sentence) if len(payload) < 6 else TrailingBytes(sentence)
    bits, percent, level, state, version, kind = payload
    commanded = percent / 100 if percent <= 100 else None
    flags = ("invalid_reading",) if commanded is None else ()
    if bits & 0x02:
        return (Driver(commanded_dimming_ratio=commanded, dali_connection_error=True, flags=flags),)
    answered = state != _NO_ANSWER
    return (
        Driver(
            commanded_dimming_ratio=commanded,
            dimming_ratio=_RATIOS[level],
            driver_failure=state & 0x01 != 0 if answered else None,
            lamp_failure=state & 0x02 != 0 if answered else None,
            lamp_on=state & 0x04 != 0 if answered else None,
            dimming_limit_error=state & 0x08 != 0 if answered else None,
            dimming_fading=state & 0x10 != 0 if answered else None,
            driver_reset=state & 0x20 != 0 if answered else None,
            driver_address_missing=state & 0x40 != 0 if answered else None,
            driver_power_failure=state & 0x80 != 0 if answered else None,
            dali_connection_error=False,
            dali_version=version,
            dali_device_type=None if kind in _NO_DEVICE_TYPES else kind,
            flags=flags,
        ),
    )


DECODER: Final = Decoder(
    name="comtac_e1310",
    version="1.0",
    family="lighting",
    about="comtac E1310 DALI bridge",
    samples=(Driver,),
    decode=decode,
)
