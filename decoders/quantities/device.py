"""What devices of any family tell about themselves."""

from __future__ import annotations

from typing import Final

from decoders.quantities.model import Quantity, counter, event, integer, number, state, text

DEVICE: Final[tuple[Quantity, ...]] = (
    number("battery_volts", "V", 0, 24, "voltage of the device's battery", ttn="battery"),
    number("battery_ratio", "1", 0, 1, "charge of the device's battery", fiware="Device.batteryLevel"),
    state("battery_low", "the device asks for a new battery"),
    text("battery_health", "the battery's voltage judged at its temperature: normal, low or critical"),
    number("device_temperature_celsius", "Cel", -60, 125, "temperature inside the device"),
    number("housing_humidity_ratio", "1", 0, 1, "relative humidity inside the device's housing"),
    number("tilt_degrees", "deg", 0, 180, "angle between the device and its upright position", ttn="tilt.angle"),
    integer("device_time_unix_seconds", "s", 2**32 - 1, "the device's own clock, seconds since 1970"),
    text("firmware_version", "version of the device's firmware", fiware="Device.firmwareVersion"),
    text("hardware_version", "version of the device's hardware"),
    text("protocol_version", "version of the device's payload format"),
    text("tsl_version", "version of the maker's thing specification"),
    text("lorawan_class", "LoRaWAN class the device works in"),
    text("radio_region", "LoRaWAN region that the device was made for"),
    text("device_serial", "serial number as the device reports it", fiware="Device.serialNumber"),
    text("reset_cause", "why the device started again", kind="event"),
    integer("fault_code", "", 2**16 - 1, "the maker's code of what is wrong with the device; 0 is nothing"),
    state("hardware_fault", "the device reports that a part of it does not work"),
    integer("frame_sequence", "1", 2**16 - 1, "the device's own number of the frame; wraps"),
    integer("send_interval_seconds", "s", 2**32 - 1, "how often the device sends"),
    event("heartbeat", "the frame repeats what is so since time has passed; nothing has changed"),
    event("downlink_done_event", "the device has done what a downlink asked for"),
    event("shutdown_event", "the device is about to switch itself off"),
    event("interrupt_event", "an input of the device made it send"),
    counter("lora_transmissions_count", "1", "frames that the device has sent"),
    counter("measurements_count", "1", "measurements that the device has made"),
    number(
        "downlink_rssi_dbm",
        "dB[mW]",
        -255,
        0,
        "signal strength at which the device heard the last downlink",
        kind="level",
    ),
    number(
        "downlink_snr_db", "dB", -128, 127, "signal-to-noise ratio of the last downlink at the device", kind="level"
    ),
    text("downlink_error", "why the device refused a downlink", kind="event"),
    integer("downlink_error_port", "", 255, "the port of the downlink that the device refused"),
    number("latitude_degrees", "deg", -90, 90, "latitude (WGS 84) as the device reports it", ttn="position.latitude"),
    number(
        "longitude_degrees", "deg", -180, 180, "longitude (WGS 84) as the device reports it", ttn="position.longitude"
    ),
    state("position_fixed", "the device's satellite receiver knows its position"),
    integer("position_time_unix_seconds", "s", 2**32 - 1, "when the position was found, seconds since 1970"),
    counter("position_fixes_count", "1", "positions that the device has looked for"),
    state("digital_input_on", "the device's digital input is active"),
    state("digital_input_2_on", "the device's second digital input is active"),
    state("digital_input_3_on", "the device's third digital input is active"),
    counter("digital_input_count", "1", "events at the device's digital input"),
    number("input_volts", "V", -1, 100, "voltage at the device's analogue input"),
    number("input_2_volts", "V", -1, 100, "voltage at the device's second analogue input"),
    number("loop_current_milliamperes", "mA", 0, 66, "current in the loop of a 4 to 20 mA probe"),
)
