"""The frame that Decentlab's devices share, protocol version 2: a header, then the words of the groups it names.

A device is described by the sizes of its sensor groups; what their words mean is its own decoder's business.
All words are u16 with the high byte first. Source: the maker's description of the protocol.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from decoders.api import AttributeValue, TrailingBytes, Truncated, UnknownFrame, UnknownPort, Uplink
from decoders.quantities import Quantity

_HEADER: Final = struct.Struct(">BHH")

Words = tuple[int, ...]

# How to read a group's words out of a frame, and where they begin.
_Place = tuple[Callable[[bytes, int], tuple[Any, ...]], int]


class Groups:
    """The sensor groups of one model: `sizes` tells how many words belong to bit 0, bit 1 and so on."""

    __slots__ = ("_known", "_layouts")

    def __init__(self, *sizes: int) -> None:
        self._known = (1 << len(sizes)) - 1
        # For each combination of groups: the length of the frame, and where each group's words are in it.
        self._layouts = tuple(_layout(sizes, present) for present in range(1 << len(sizes)))

    def read(self, uplink: Uplink) -> Sequence[Words | None]:
        """The words of each group, `None` for one that is not in the frame.

        Raises:
            DecodeError: the port is no application port, the version is not 2, or the length does not fit the groups.
        """
        # The port is 1 as delivered and can be set to any application port.
        if not 1 <= uplink.f_port <= 223:
            raise UnknownPort(f"port {uplink.f_port} is no application port")
        payload = uplink.payload
        length = len(payload)
        if length < 5:
            raise Truncated(f"the frame has {length} bytes, its header 5")
        # The device number in between says no more than the DevEUI.
        version, _, present = _HEADER.unpack_from(payload)
        if version != 2:
            raise UnknownFrame(f"protocol version {version} is not 2")
        expected, places = self._layouts[present & self._known]
        if length < expected:
            raise Truncated(f"the frame has {length} bytes instead of {expected}")
        # The maker's own codecs ignore bits that they do not know, since a group that later firmware adds takes the
        # next free bit and its words come behind all known ones. Its size is not known, so with such a bit any number
        # of bytes may follow; without one, none.
        if length > expected and present <= self._known:
            raise TrailingBytes(f"the frame has {length} bytes instead of {expected}")
        groups: list[Words | None] = []
        for place in places:
            groups.append(None if place is None else place[0](payload, place[1]))  # noqa: PERF401 - a comprehension is slower
        return groups


def _layout(sizes: tuple[int, ...], present: int) -> tuple[int, tuple[_Place | None, ...]]:
    places: list[_Place | None] = []
    at = _HEADER.size
    for bit, size in enumerate(sizes):
        if present >> bit & 1:
            words = struct.Struct(f">{size}H")
            places.append((words.unpack_from, at))
            at += words.size
        else:
            places.append(None)
    return at, tuple(places)


def scaled(word: int, counts_per_unit: AttributeValue | None, flags: set[str]) -> float | None:
    """A reading whose scale is printed on the probe; zero is in the middle of the word.

    Without the scale there is no reading: it is flagged `uncalibrated`, since a wrong scale looks like a real value.
    """
    if counts_per_unit is None or isinstance(counts_per_unit, str):
        flags.add("uncalibrated")
        return None
    return (word - 32768) / counts_per_unit


def within(value: float | None, quantity: Quantity, flags: set[str]) -> float | None:
    """The value if the quantity can have it; otherwise nothing, and the flag `invalid_reading`."""
    if value is None or quantity.low <= value <= quantity.high:
        return value
    flags.add("invalid_reading")
    return None
