"""Waste containers and tanks."""

from __future__ import annotations

from typing import Final

from decoders.quantities.model import Quantity, counter, integer, number, state

CONTAINER: Final[tuple[Quantity, ...]] = (
    number("distance_metres", "m", 0, 100, "distance from the sensor to the nearest echo", ttn="tank.distance"),
    number(
        "sensor_fill_ratio",
        "1",
        0,
        1,
        "fill level as the sensor computes it from distances set in it",
        ttn="tank.level",
        fiware="WasteContainer.fillingLevel",
    ),
    state(
        "tilted",
        "the device is not in its upright position: lid open or container tipped",
        fiware="WasteContainer.status",
    ),
    integer("orientation_code", "", 255, "the position of the device, by the maker's code"),
    state("lid_open", "the container's lid is open"),
    counter("lid_openings_count", "1", "how often the lid was opened"),
    integer("impact_count", "1", 255, "blows that the device has felt since its last frame", kind="amount"),
    state("distance_alarm", "the distance is beyond the limit set in the device"),
    state("temperature_alarm", "the temperature is beyond the limit set in the device"),
    state("device_alarm", "one of the alarms set in the device is on"),
    integer("limit_alarms", "", 2**16 - 1, "the limits set in the device that are passed, one bit each"),
    integer("echo_amplitude", "1", 2**16 - 1, "strength of the echo, as the sensor counts it", low=-(2**15)),
    integer("echo_quality", "1", 255, "how clear the echo is, as the sensor counts it"),
    integer("valid_samples_count", "1", 2**16 - 1, "single measurements that the distance was made of"),
    state("sensor_connected", "the device finds its sensor"),
    counter("ultrasonic_measurements_count", "1", "measurements by ultrasound"),
    number("content_temperature_celsius", "Cel", -60, 200, "temperature at a probe in the container"),
)
