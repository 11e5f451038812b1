"""Events (port 61) and system messages (port 99): what a node sends when something happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from decoders.api import CLOCK_SET_SINCE, InvalidValue, Sample, UnknownFrame
from decoders.bits import Reader
from decoders.nas import DRIVER_STATES, channel_of
from decoders.nas_ul20xx.samples import LampOutput, NodeEvent, NodeReport
from decoders.quantities import QUANTITIES

_HIGH_VOLTS: Final = QUANTITIES["mains_volts"].high

_CONFIGURATIONS: Final = (
    "dali",
    "dali_nc",
    "dali_no",
    "analog_nc",
    "analog_no",
    "dali_analog_nc",
    "dali_analog_no",
    "dali_analog_nc_no",
)
_FEATURES: Final = ((0x04, "digital_input"), (0x08, "photocell"), (0x10, "open_drain"), (0x20, "metering"))
_RESET_CAUSES: Final = ("bit_0", "watchdog", "soft", "bit_3", "bit_4", "bit_5", "bit_6", "bit_7")
_DOWNLINK_ERRORS: Final = {
    0x02: "unknown_port",
    0x03: "too_short",
    0x04: "too_long",
    0x05: "value",
    0x06: "not_parsable",
    0x07: "reserved_flag",
    0x08: "flag_combination",
    0x09: "feature_unavailable",
    0x0A: "unknown_header",
    0x0B: "hardware_unreachable",
    0x0C: "address",
    0x0D: "internal",
    0x0E: "size",
}


def event(payload: bytes) -> Sequence[Sample]:
    """Port 61. The second byte's high nibble is the length of the rest where the type has a varying length."""
    return _by_type(payload, _EVENTS, "event")


def system(payload: bytes) -> Sequence[Sample]:
    """Port 99."""
    return _by_type(payload, _SYSTEM, "system message")


_Notice = Callable[[Reader], Sequence[Sample]]


def _by_type(payload: bytes, notices: Mapping[int, _Notice], what: str) -> Sequence[Sample]:
    reader = Reader(payload)
    kind = reader.u8()
    notice = notices.get(kind)
    if notice is None:
        raise UnknownFrame(f"{what} 0x{kind:02x} is unknown")
    samples = notice(reader)
    reader.finish()
    return samples


def _digital_input(reader: Reader) -> Sequence[Sample]:
    length, bits = reader.bits(4, 4)
    if length == 2:
        return (NodeEvent(digital_input_count=reader.u16le()),)
    if length == 4:
        return (NodeEvent(digital_input_on=bits & 1 != 0, digital_input_count=reader.u32le()),)
    raise InvalidValue(f"a digital-input event has 2 or 4 bytes of data, not {length}")


def _photocell(reader: Reader) -> Sequence[Sample]:
    length, _ = reader.bits(4, 4)
    if length != 2:
        raise InvalidValue(f"a photocell event has 2 bytes of data, not {length}")
    return (NodeEvent(photocell_on=reader.u8() & 1 != 0, photocell_level=reader.u8()),)


def _driver_alert(reader: Reader) -> Sequence[Sample]:
    length, _ = reader.bits(4, 4)
    if length % 2:
        raise InvalidValue(f"a driver alert has two bytes for each driver, not {length} in all")
    pairs = reader.take(length)
    drivers = {
        channel_of(address): DRIVER_STATES[state]
        for address, state in zip(pairs[::2], pairs[1::2], strict=True)
        if DRIVER_STATES[state]
    }
    return tuple(LampOutput(channel=channel, **state) for channel, state in drivers.items())


def _metering_alert(reader: Reader) -> Sequence[Sample]:
    # Bits 5 to 7 vary between firmwares and mean nothing that is known.
    conditions = reader.u8()
    watts = float(reader.u16le())
    volts = float(reader.u16le())
    hundredths = reader.u8()
    odd = volts > _HIGH_VOLTS or 100 < hundredths < 0xFF
    return (
        NodeEvent(
            lamp_error_event=conditions & 0x01 != 0,
            over_power_event=conditions & 0x02 != 0,
            under_voltage_event=conditions & 0x04 != 0,
            over_voltage_event=conditions & 0x08 != 0,
            low_power_factor_event=conditions & 0x10 != 0,
            active_power_watts=watts,
            mains_volts=volts if volts <= _HIGH_VOLTS else None,
            power_factor_ratio=hundredths / 100 if hundredths <= 100 else None,
            flags=("invalid_reading",) if odd else (),
        ),
    )


def _light_step(reader: Reader) -> Sequence[Sample]:
    return (NodeEvent(light_step=reader.u8()),)


def _location(reader: Reader) -> Sequence[Sample]:
    state = reader.u8()
    if state == 0:
        latitude = reader.f32le()
        longitude = reader.f32le()
        time = reader.u32le()
        # A NaN fails every comparison.
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            return (NodeEvent(flags=("invalid_reading",)),)
        return (
            NodeEvent(
                position_fixed=True,
                position_time_unix_seconds=time,
                # Six decimals are 0.1 m, more than four bytes hold.
                latitude_degrees=round(latitude, 6),
                longitude_degrees=round(longitude, 6),
            ),
        )
    if state == 1:
        return (NodeEvent(position_fixed=False),)
    if state in {2, 0xFF}:
        return (NodeEvent(position_fixed=False, flags=("invalid_reading",)),)
    raise InvalidValue(f"location state 0x{state:02x} is none of 0, 1, 2 and 0xff")


def _boot(reader: Reader) -> Sequence[Sample]:
    serial = reader.u32le()
    major, minor, patch = reader.take(3)
    time = reader.u32le()
    configuration = reader.u8()
    features = reader.u8()
    external, bus = reader.bits(1, 7)
    unaddressed, drivers = reader.bits(1, 7)
    # Early firmware leaves the reset cause out.
    causes = reader.u8() if reader.remaining else 0
    flags = set()
    if time < CLOCK_SET_SINCE:
        flags.add("clock_not_set")
    if configuration >= len(_CONFIGURATIONS) or 0x70 <= bus < 0x7E:
        flags.add("invalid_reading")
    return (
        NodeReport(
            device_serial=f"{serial:08X}",
            firmware_version=f"{major}.{minor}.{patch}",
            device_time_unix_seconds=time if time >= CLOCK_SET_SINCE else None,
            reset_cause=",".join(name for bit, name in enumerate(_RESET_CAUSES) if causes >> bit & 1) or None,
            interface_configuration=_CONFIGURATIONS[configuration] if configuration < len(_CONFIGURATIONS) else None,
            node_features=",".join(name for bit, name in _FEATURES if features & bit) or None,
            dali_bus_state="measured" if bus < 0x70 else {0x7E: "high", 0x7F: "error"}.get(bus),
            dali_bus_volts=float(bus) if bus < 0x70 else None,
            dali_supply_external=external == 1,
            driver_count=drivers,
            driver_unaddressed=unaddressed == 1,
            flags=tuple(sorted(flags)),
        ),
    )


def _refused_downlink(reader: Reader) -> Sequence[Sample]:
    port = reader.u8()
    code = reader.u8()
    name = _DOWNLINK_ERRORS.get(code) or (f"profile_{code:02x}" if 0x81 <= code <= 0x86 else f"code_{code:02x}")
    return (NodeReport(downlink_error=name, downlink_error_port=port),)


_EVENTS: Final[Mapping[int, _Notice]] = {
    0x80: _digital_input,
    0x81: _photocell,
    0x83: _driver_alert,
    0x84: _metering_alert,
    0x85: _light_step,
    0x86: _location,
}
_SYSTEM: Final[Mapping[int, _Notice]] = {0x00: _boot, 0x13: _refused_downlink}
