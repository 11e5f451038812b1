"""Firmware 1.0: status (port 24) and usage (port 25).

A status frame lists profiles, not outputs: an output that several profiles drive comes several times. Numbers have
their lowest byte first.
"""

from __future__ import annotations

from collections.abc import Sequence

from decoders.api import Sample, Truncated
from decoders.bits import Reader
from decoders.nas import ProfileBlock, profile_blocks
from decoders.nas_ul20xx.measurements import meters
from decoders.nas_ul20xx.node import Fields, alerts, clock, radio_and_temperature
from decoders.nas_ul20xx.reasons import OVERRIDES_1_0, PROFILE_INACTIVE
from decoders.nas_ul20xx.samples import LampOutput, NodeStatus

# Lower numbers are the version of the profile that drives the output.
_FIRST_OVERRIDE = 240


def status(payload: bytes) -> Sequence[Sample]:
    """The node first, then each output that is not the one for all drivers, by channel."""
    reader = Reader(payload)
    flags: set[str] = set()
    node: Fields = {}
    clock(reader, node, flags)
    bits = reader.u8()
    node["dali_error"] = bits & 0x01 != 0
    node["dali_connection_error"] = bits & 0x02 != 0
    node["photocell_on"] = bits & 0x04 != 0
    node["digital_input_on"] = bits & 0x10 != 0
    node["node_hardware_fault"] = bits & 0x20 != 0
    node["relay_closed"] = bits & 0x80 != 0
    radio_and_temperature(reader, node, flags)
    options = reader.u8()
    node["open_drain_on"] = options & 0x04 != 0
    alerts(options, node)
    if options & 0x02:
        node["photocell_level"] = reader.u8()
    outputs = _outputs(reader)
    shared = outputs.pop(0, None)
    if shared is not None:
        flags.update(shared.flags)
        if shared.dimming_ratio is not None:
            node["dimming_ratio"] = shared.dimming_ratio
        if shared.dimming_reason is not None:
            node["dimming_reason"] = shared.dimming_reason
    first = NodeStatus(flags=tuple(sorted(flags)), **node)  # type: ignore[arg-type]  # each name is set with its own type above
    return (first, *(outputs[channel] for channel in sorted(outputs)))


def usage(payload: bytes) -> Sequence[Sample]:
    """One sample for each meter that reports anything, in the order of the frame."""
    if not payload:
        raise Truncated("the frame is empty")
    return meters(Reader(payload))


def _outputs(reader: Reader) -> dict[int, LampOutput]:
    """The first profile of each output, unless it says of itself that it is not active."""
    found: dict[int, LampOutput] = {}
    for block in profile_blocks(reader):
        known = found.get(block.channel)
        if known is None or known.dimming_reason == PROFILE_INACTIVE:
            reason = _reason(block)
            found[block.channel] = LampOutput(
                channel=block.channel,
                dimming_ratio=block.level,
                dimming_reason=reason,
                flags=("invalid_reading",) if block.odd or reason is None else (),
            )
    return found


def _reason(block: ProfileBlock) -> str | None:
    if block.version >= _FIRST_OVERRIDE:
        return OVERRIDES_1_0.get(block.version)
    # 255 is no profile: then something else must decide.
    return None if block.number == 0xFF else f"profile_{block.number}"
