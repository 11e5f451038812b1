"""Parking bays."""

from __future__ import annotations

from typing import Final

from decoders.quantities.model import Quantity, counter, event, integer, number, state, text

PARKING: Final[tuple[Quantity, ...]] = (
    state("occupied", "a vehicle stands in the bay", ttn="action.occupancy.occupied", fiware="ParkingSpot.status"),
    number("previous_state_seconds", "s", 0, 1e6, "how long the state before this one lasted"),
    number("previous_state_error_seconds", "s", 0, 1e6, "by how much the state before this one may have lasted longer"),
    counter("vehicles_count", "1", "vehicles that came since the sensor was reset"),
    event("recalibrated_event", "the sensor has learnt anew what an empty bay is like"),
    event("deactivated_event", "the sensor has switched itself off"),
    event("count_reset_event", "the count of vehicles begins again at 0"),
    state("obstructed", "something covers the sensor, such as snow or leaves"),
    integer("obstruction_level", "1", 255, "how much something covers the sensor, as the sensor counts it"),
    state("radar_used", "the state was found by radar, not by the magnetic field alone"),
    integer("radar_reflection", "1", 255, "strength of the radar's echo, as the sensor counts it"),
    integer("parking_number", "", 255, "the number of the bay that the sensor was given"),
    state("beacon_found", "a tag answered the sensor"),
    text("beacon_ids", "the tags that answered, decimal, separated by commas", kind="event"),
    number("beacon_rssi_dbm", "dB[mW]", -128, 127, "signal strength of the nearest tag", kind="level"),
    text("tag_id", "the tag that a user registered with, hexadecimal", kind="event"),
    *(
        integer(
            f"magnetic_{what}_{axis}", "1", 127, f"{about} along the axis {axis}, as the sensor counts it", low=-128
        )
        for what, about in (("deflection", "change of the magnetic field"), ("baseline", "magnetic field when empty"))
        for axis in "xyz"
    ),
    text("debug_codes", "the maker's debug codes, decimal, separated by commas", kind="event"),
    integer("debug_sequence", "1", 2**16 - 1, "number of the debug message"),
    integer("hardware_revision", "", 255, "revision of the hardware"),
    integer("product_code", "", 2**16 - 1, "the maker's product code"),
    counter("state_changes_count", "1", "changes between free and occupied since installation"),
    counter("occupied_seconds", "s", "time spent occupied since installation"),
    counter("radar_triggers_count", "1", "measurements by radar since installation"),
    counter("running_seconds", "s", "time since the device started"),
    counter("installed_seconds", "s", "time since the device was installed"),
    *(counter(f"uplinks_dr{rate}_count", "1", f"uplinks sent at data rate {rate}") for rate in range(6)),
    counter("brown_out_resets_count", "1", "restarts because the supply broke down"),
    counter("lockup_resets_count", "1", "restarts because the processor locked up"),
    counter("external_pin_resets_count", "1", "restarts by the reset pin"),
    counter("power_on_resets_count", "1", "restarts because power came back"),
    counter("watchdog_resets_count", "1", "restarts by the watchdog"),
    counter("software_resets_count", "1", "restarts that the firmware asked for"),
)
