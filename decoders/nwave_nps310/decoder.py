"""Nwave NPS310SM parking sensor: one frame type per port.

Status and heartbeat are one byte and nearly all there is, so their four answers are made once.
Source: the codec that the maker has published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from decoders.api import Decoder, Sample, TrailingBytes, Truncated, UnknownPort, Uplink

_RESET_CAUSES: Final = {1: "watchdog", 2: "power_on", 3: "user_request", 4: "brown_out", 5: "other"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkingStatus(Sample):
    """Whether a vehicle stands there, and what a start-up frame adds to it."""

    occupied: bool | None = None
    heartbeat: bool | None = None
    firmware_version: str | None = None
    reset_cause: str | None = None


# Only bit 0 tells the state; the others may be anything. The index is that bit.
_CHANGES: Final = tuple((ParkingStatus(occupied=occupied, heartbeat=False),) for occupied in (False, True))
_HEARTBEATS: Final = tuple((ParkingStatus(occupied=occupied, heartbeat=True),) for occupied in (False, True))


def decode(uplink: Uplink) -> Sequence[Sample]:
    """One sample, or none for a debug frame; the layouts are in README.md."""
    frame = _FRAMES.get(uplink.f_port)
    if frame is None:
        raise UnknownPort(f"an NPS310 sends on ports 1, 2, 3 and 6, not on {uplink.f_port}")
    return frame(uplink.payload)


def _status(payload: bytes) -> Sequence[Sample]:
    if len(payload) != 1:
        raise _wrong_length(payload, 1)
    return _CHANGES[payload[0] & 1]


def _heartbeat(payload: bytes) -> Sequence[Sample]:
    if len(payload) != 1:
        raise _wrong_length(payload, 1)
    return _HEARTBEATS[payload[0] & 1]


def _start_up(payload: bytes) -> Sequence[Sample]:
    if len(payload) != 5:
        raise _wrong_length(payload, 5)
    major, minor, patch, cause, state = payload
    return (
        ParkingStatus(
            occupied=state & 1 == 1,
            firmware_version=f"{major}.{minor}.{patch}",
            reset_cause=_RESET_CAUSES.get(cause, "unknown"),
        ),
    )


def _debug(payload: bytes) -> Sequence[Sample]:
    # The content is the maker's own.
    if not payload:
        raise Truncated("the debug frame is empty")
    return ()


_FRAMES: Final[Mapping[int, Callable[[bytes], Sequence[Sample]]]] = {
    1: _status,
    2: _heartbeat,
    3: _start_up,
    6: _debug,
}


def _wrong_length(payload: bytes, expected: int) -> Truncated | TrailingBytes:
    sentence = f"the frame has {len(payload)} bytes instead of {expected}"
    return Truncated(sentence) if len(payload) < expected else TrailingBytes(sentence)


DECODER: Final = Decoder(
    name="nwave_nps310",
    version="1.0",
    family="parking",
    about="Nwave NPS310SM parking sensor",
    samples=(ParkingStatus,),
    decode=decode,
)
