"""What a UL20xx reports: five sample types, so that a usage frame does not carry forty empty status fields."""

from __future__ import annotations

from dataclasses import dataclass

from decoders.api import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class LampOutput(Sample):
    """One dimming source: what the lamp is told and how its driver is. The channel tells which output it is."""

    dimming_ratio: float | None = None
    dimming_reason: str | None = None
    lamp_on: bool | None = None
    lamp_failure: bool | None = None
    driver_failure: bool | None = None
    dimming_limit_error: bool | None = None
    dimming_fading: bool | None = None
    driver_reset: bool | None = None
    driver_address_missing: bool | None = None
    driver_power_failure: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus(LampOutput):
    """Ports 23 and 24: the node itself (channel 0), together with the output for all drivers, if there is one."""

    device_time_unix_seconds: int | None = None
    device_temperature_celsius: float | None = None
    downlink_rssi_dbm: float | None = None
    downlink_snr_db: float | None = None
    relay_closed: bool | None = None
    dali_error: bool | None = None
    dali_connection_error: bool | None = None
    metering_error: bool | None = None
    node_hardware_fault: bool | None = None
    clock_error: bool | None = None
    open_drain_on: bool | None = None
    lumalink_connected: bool | None = None
    lumalink_used: bool | None = None
    photocell_on: bool | None = None
    photocell_level: int | None = None
    digital_input_on: bool | None = None
    illuminance_lux: float | None = None
    d4i_illuminance_lux: float | None = None
    tilt_degrees: float | None = None
    voltage_alert: bool | None = None
    lamp_error_alert: bool | None = None
    power_alert: bool | None = None
    power_factor_alert: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Sample):
    """Ports 25, 26: one meter, the node's own (channel 0) or a driver's. They measure the same lamp: never add."""

    active_energy_watt_hours: int | None = None
    active_power_watts: float | None = None
    load_side_energy_watt_hours: int | None = None
    load_side_power_watts: float | None = None
    power_factor_ratio: float | None = None
    mains_volts: float | None = None
    driver_operating_seconds: int | None = None
    lamp_on_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEvent(Sample):
    """Port 61: something happened at an input, the meter or the satellite receiver."""

    digital_input_on: bool | None = None
    digital_input_count: int | None = None
    photocell_on: bool | None = None
    photocell_level: int | None = None
    lamp_error_event: bool | None = None
    over_power_event: bool | None = None
    under_voltage_event: bool | None = None
    over_voltage_event: bool | None = None
    low_power_factor_event: bool | None = None
    active_power_watts: float | None = None
    mains_volts: float | None = None
    power_factor_ratio: float | None = None
    light_step: int | None = None
    position_fixed: bool | None = None
    position_time_unix_seconds: int | None = None
    latitude_degrees: float | None = None
    longitude_degrees: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReport(Sample):
    """Port 99: the node started, or it refused a downlink."""

    device_serial: str | None = None
    firmware_version: str | None = None
    device_time_unix_seconds: int | None = None
    reset_cause: str | None = None
    interface_configuration: str | None = None
    node_features: str | None = None
    dali_bus_state: str | None = None
    dali_bus_volts: float | None = None
    dali_supply_external: bool | None = None
    driver_count: int | None = None
    driver_unaddressed: bool | None = None
    downlink_error: str | None = None
    downlink_error_port: int | None = None
