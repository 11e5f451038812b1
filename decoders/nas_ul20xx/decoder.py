"""NAS UL20xx street-light node, firmware 1.0 and 1.1: status, usage, events and system messages.

Each firmware has its own ports for status and usage, so the port tells them apart; the other ports are shared.
Sources: the maker's public payload description and README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from decoders.api import Decoder, Sample, UnknownPort, Uplink
from decoders.nas_ul20xx import echoes, measurements, measurements_1_0, notices
from decoders.nas_ul20xx.samples import LampOutput, NodeEvent, NodeReport, NodeStatus, Usage

_FRAMES: Final[Mapping[int, Callable[[bytes], Sequence[Sample]]]] = {
    23: measurements.status,
    24: measurements_1_0.status,
    25: measurements_1_0.usage,
    26: measurements.usage,
    50: echoes.configuration,
    60: echoes.command,
    61: notices.event,
    99: notices.system,
}


def decode(uplink: Uplink) -> Sequence[Sample]:
    """The node and each of its outputs or meters as one sample each; none for an echoed downlink."""
    frame = _FRAMES.get(uplink.f_port)
    if frame is None:
        raise UnknownPort(f"a UL20xx sends nothing on port {uplink.f_port}")
    return frame(uplink.payload)


DECODER: Final = Decoder(
    name="nas_ul20xx",
    version="1.1",
    family="lighting",
    about="NAS UL20xx street-light node, firmware 1.0 and 1.1",
    samples=(NodeStatus, LampOutput, Usage, NodeEvent, NodeReport),
    decode=decode,
)
