"""The vocabulary: every quantity a sample may carry, with its unit, bounds and kind.

One list for all decoders, because a name that means metres here and millimetres there cannot share a column.
Ratios run from 0 to 1. A value outside the bounds is no measurement: decoders leave it out and flag the sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Kind = Literal["gauge", "counter", "state", "event", "direction", "level"]
ValueType = Literal["number", "integer", "flag", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A name with its unit, and what may be done with its values.

    `unit` is a UCUM code ("1" for ratios and counts, "" where there is none). `kind` decides how it may be rolled
    up: a gauge has a mean, a counter a difference, a state a duration, an event a number of times, a direction a
    vector mean, a level (dB) an energetic mean. `low` and `high` are inclusive; for a text they bound its length.
    """

    name: str
    unit: str
    low: float
    high: float
    kind: Kind
    help: str
    value_type: ValueType = "number"


def _number(name: str, unit: str, low: float, high: float, /, about: str, *, kind: Kind = "gauge") -> Quantity:
    return Quantity(name=name, unit=unit, low=low, high=high, kind=kind, help=about)


def _integer(name: str, unit: str, high: float, about: str, *, kind: Kind = "gauge") -> Quantity:
    return Quantity(name=name, unit=unit, low=0, high=high, kind=kind, help=about, value_type="integer")


def _counter(name: str, unit: str, about: str) -> Quantity:
    return _integer(name, unit, 2**48, about, kind="counter")


def _state(name: str, about: str) -> Quantity:
    return Quantity(name=name, unit="", low=0, high=1, kind="state", help=about, value_type="flag")


def _event(name: str, about: str) -> Quantity:
    return Quantity(name=name, unit="", low=0, high=1, kind="event", help=about, value_type="flag")


def _text(name: str, about: str, *, kind: Kind = "state") -> Quantity:
    return Quantity(name=name, unit="", low=1, high=200, kind=kind, help=about, value_type="text")


_ANY_FAMILY: Final = (
    _number("battery_volts", "V", 0, 24, "voltage of the device's battery"),
    _number("battery_ratio", "1", 0, 1, "charge of the device's battery"),
    _number("device_temperature_celsius", "Cel", -60, 125, "temperature inside the device"),
    _number("tilt_degrees", "deg", 0, 180, "angle between the device and its upright position"),
    _integer("device_time_unix_seconds", "s", 2**32 - 1, "the device's own clock, seconds since 1970"),
    _text("firmware_version", "version of the device's firmware"),
    _text("hardware_version", "version of the device's hardware"),
    _text("device_serial", "serial number as the device reports it"),
    _text("reset_cause", "why the device started again", kind="event"),
    _number(
        "downlink_rssi_dbm",
        "dB[mW]",
        -255,
        0,
        "signal strength at which the device heard the last downlink",
        kind="level",
    ),
    _number(
        "downlink_snr_db", "dB", -128, 127, "signal-to-noise ratio of the last downlink at the device", kind="level"
    ),
    _text("downlink_error", "why the device refused a downlink", kind="event"),
    _integer("downlink_error_port", "", 255, "the port of the downlink that the device refused"),
    _number("latitude_degrees", "deg", -90, 90, "latitude (WGS 84) as the device reports it"),
    _number("longitude_degrees", "deg", -180, 180, "longitude (WGS 84) as the device reports it"),
    _state("position_fixed", "the device's satellite receiver knows its position"),
    _integer("position_time_unix_seconds", "s", 2**32 - 1, "when the position was found, seconds since 1970"),
)

_PARKING: Final = (
    _state("occupied", "a vehicle stands in the bay"),
    _text("debug_codes", "the maker's debug codes, decimal, separated by commas", kind="event"),
    _integer("debug_sequence", "1", 2**16 - 1, "number of the debug message"),
    _integer("hardware_revision", "", 255, "revision of the hardware"),
    _integer("product_code", "", 2**16 - 1, "the maker's product code"),
    _text("radio_region", "LoRaWAN region that the device was made for"),
    _counter("state_changes_count", "1", "changes between free and occupied since installation"),
    _counter("occupied_seconds", "s", "time spent occupied since installation"),
    _counter("radar_triggers_count", "1", "measurements by radar since installation"),
    _counter("running_seconds", "s", "time since the device started"),
    _counter("installed_seconds", "s", "time since the device was installed"),
    *(_counter(f"uplinks_dr{rate}_count", "1", f"uplinks sent at data rate {rate}") for rate in range(6)),
    _counter("brown_out_resets_count", "1", "restarts because the supply broke down"),
    _counter("lockup_resets_count", "1", "restarts because the processor locked up"),
    _counter("external_pin_resets_count", "1", "restarts by the reset pin"),
    _counter("power_on_resets_count", "1", "restarts because power came back"),
    _counter("watchdog_resets_count", "1", "restarts by the watchdog"),
    _counter("software_resets_count", "1", "restarts that the firmware asked for"),
)

_GROUNDWATER: Final = (
    _number("pressure_bar", "bar", -2, 1500, "pressure at the probe, relative or absolute as the probe was ordered"),
    _number("water_temperature_celsius", "Cel", -50, 100, "temperature of the water at the probe"),
)

_CONTAINER: Final = (
    _number("distance_metres", "m", 0, 100, "distance from the sensor to the nearest echo"),
    _state("tilted", "the device is not in its upright position: lid open or container tipped"),
    _text("protocol_version", "version of the device's payload format"),
    _text("tsl_version", "version of the maker's thing specification"),
    _text("lorawan_class", "LoRaWAN class the device works in"),
)

_LIGHTING: Final = (
    _state("lamp_on", "the lamp burns"),
    _state("lamp_failure", "the driver reports a broken lamp"),
    _state("driver_failure", "the driver reports that it is broken"),
    _state("dimming_limit_error", "the driver could not reach the level it was told"),
    _state("dimming_fading", "the driver is on its way to another level"),
    _state("driver_reset", "the driver is in its reset state"),
    _state("driver_address_missing", "the driver has no short address"),
    _state("driver_power_failure", "the driver lost its supply and has had no command since"),
    _number("dimming_ratio", "1", 0, 1, "the level that the lamp is told"),
    _text("dimming_reason", "what decides the level: a profile, the calendar, a command, a fault"),
    _number("active_power_watts", "W", 0, 100_000, "active power drawn from the mains"),
    _counter("active_energy_watt_hours", "W.h", "active energy drawn from the mains"),
    _number("load_side_power_watts", "W", 0, 100_000, "power delivered to the lamp"),
    _counter("load_side_energy_watt_hours", "W.h", "energy delivered to the lamp"),
    _number("power_factor_ratio", "1", 0, 1, "active over apparent power"),
    _number("mains_volts", "V", 0, 500, "voltage of the mains"),
    _counter("driver_operating_seconds", "s", "time the driver has been powered"),
    _counter("lamp_on_seconds", "s", "time the lamp has burnt"),
    _state("relay_closed", "the node's relay feeds the driver"),
    _state("dali_connection_error", "the node cannot reach a driver over DALI"),
    _state("metering_error", "the node cannot reach its metering chip"),
    _state("clock_error", "the node's external clock does not work"),
    _state("open_drain_on", "the node's open-drain output is on"),
    _state("lumalink_connected", "a phone is connected to the node"),
    _state("lumalink_used", "a phone was connected to the node since it started"),
    _state("photocell_on", "the light-dependent resistor asks for light"),
    _integer("photocell_level", "1", 255, "raw level of the light-dependent resistor"),
    _state("digital_input_on", "the node's digital input is active"),
    _counter("digital_input_count", "1", "events at the node's digital input"),
    _number("illuminance_lux", "lx", 0, 200_000, "light at the node's sensor"),
    _number("d4i_illuminance_lux", "lx", 0, 200_000, "light at a D4i sensor on the DALI bus"),
    _integer("light_step", "1", 255, "the step of the light-sensor table in force"),
    _state("voltage_alert", "mains voltage left its limits within 24 hours"),
    _state("lamp_error_alert", "a lamp error was seen within 24 hours"),
    _state("power_alert", "power left its limits within 24 hours"),
    _state("power_factor_alert", "the power factor was too low within 24 hours"),
    _event("over_power_event", "current or power is above its limit"),
    _event("under_voltage_event", "mains voltage is below its limit"),
    _event("over_voltage_event", "mains voltage is above its limit"),
    _event("low_power_factor_event", "the power factor is below its limit"),
    _event("lamp_error_event", "the meter sees no load although the lamp should burn"),
    _text("interface_configuration", "which outputs the node drives its lamp by"),
    _text("node_features", "options built into the node, separated by commas"),
    _text("dali_bus_state", "supply of the DALI bus: measured, high or error"),
    _number("dali_bus_volts", "V", 0, 111, "voltage of the DALI bus"),
    _state("dali_supply_external", "something else than the node feeds the DALI bus"),
    _integer("driver_count", "1", 127, "DALI drivers with an address that the node found"),
    _state("driver_unaddressed", "the node found a DALI driver without an address"),
)


def index(quantities: Iterable[Quantity]) -> Mapping[str, Quantity]:
    """Quantities by name.

    Raises:
        ValueError: one name stands for two different quantities.
    """
    found: dict[str, Quantity] = {}
    for each in quantities:
        known = found.setdefault(each.name, each)
        if known.unit != each.unit:
            raise ValueError(f"quantity {each.name} has two units, {known.unit!r} and {each.unit!r}")
        if known != each:
            raise ValueError(f"quantity {each.name} is defined twice, and not alike")
    return MappingProxyType(found)


QUANTITIES: Final[Mapping[str, Quantity]] = index((*_ANY_FAMILY, *_PARKING, *_GROUNDWATER, *_CONTAINER, *_LIGHTING))
