"""The encoders write, byte for byte, the frames that the vendors publish as examples."""

from __future__ import annotations

import pytest

from pipeline.simulator import encode
from pipeline.simulator.encode import AlertMemory, DaliStatus, DimmingSource, LinkState, NodeState, Usage

DRIVER_9 = encode.dali_short_address(9)
DALI_BROADCAST = 0xFE


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(encode.tps110_status(occupied=True), "01", id="TPS110 becomes occupied"),
        pytest.param(encode.tps110_status(occupied=False), "00", id="TPS110 becomes free"),
        pytest.param(
            encode.tps110_heartbeat(occupied=True, temperature_celsius=-1), "01ff", id="TPS110 heartbeat below zero"
        ),
        pytest.param(
            encode.tps110_heartbeat(occupied=True, temperature_celsius=85), "0155", id="TPS110 heartbeat in the sun"
        ),
        pytest.param(
            encode.tps110_heartbeat(occupied=False, temperature_celsius=None), "00", id="TPS110 heartbeat, old firmware"
        ),
        pytest.param(
            encode.tps110_startup(occupied=True, firmware=(0, 29, 2), reset_cause=3, debug_codes=(0x324, 0x375)),
            "240300007503000000000000001d020301",
            id="TPS110 start-up with two debug codes",
        ),
        pytest.param(
            encode.dl_pr26(device_id=359, pressure_bar=-0.01171875, temperature_celsius=25.671875, battery_volts=3.199),
            "02016700033e8060170c7f",
            id="DL-PR26 just below zero pressure",
        ),
        pytest.param(
            encode.dl_pr26(
                device_id=32238, pressure_bar=0.424774169921875, temperature_celsius=-9.528125, battery_volts=2.414
            ),
            "027dee0003765f3417096e",
            id="DL-PR26 in the frost",
        ),
        pytest.param(
            encode.dl_pr26(device_id=359, pressure_bar=None, temperature_celsius=None, battery_volts=3.199),
            "02016700020c7f",
            id="DL-PR26 with its battery alone",
        ),
        pytest.param(
            encode.dl_pr26(device_id=24619, pressure_bar=None, temperature_celsius=None, battery_volts=None),
            "02602b0000",
            id="DL-PR26 with nothing",
        ),
        pytest.param(
            encode.em310_udl(battery_percent=92, distance_metres=2.116, tilted=True),
            "01755c03824408040001",
            id="EM310-UDL tilted",
        ),
        pytest.param(
            encode.em310_udl(battery_percent=55, distance_metres=3.666, tilted=False),
            "0175370382520e040000",
            id="EM310-UDL upright",
        ),
        pytest.param(
            encode.ul20xx_status(
                clock_seconds=0x5E207FF3,
                node=NodeState.RELAY_CLOSED | NodeState.DALI_CONNECTION_ERROR,
                link=LinkState.LUMALINK | LinkState.OPEN_DRAIN_ON,
                downlink_rssi_dbm=-50,
                downlink_snr_db=9,
                temperature_celsius=22,
                alerts=AlertMemory.LAMP_ERROR,
                sensors=bytes.fromhex("01d20294550401"),
                sources=(
                    DimmingSource(DALI_BROADCAST, encode.REASON_DUSK, 25, DaliStatus(0)),
                    DimmingSource(DRIVER_9, encode.REASON_DUSK, 25, DaliStatus(0)),
                ),
            ),
            "01f37f205e8244320916200701d20294550401fe50190012501900",
            id="UL20xx status with sensors and two outputs",
        ),
        pytest.param(
            encode.ul20xx_status(
                clock_seconds=0x66F48B94,
                node=NodeState.RELAY_CLOSED | NodeState.DALI_CONNECTION_ERROR,
                link=LinkState.LUMALINK | LinkState.OPEN_DRAIN_ON,
                downlink_rssi_dbm=-56,
                downlink_snr_db=9,
                temperature_celsius=8,
                alerts=AlertMemory.VOLTAGE,
                sources=(DimmingSource(0x04, 0xF5, None, DaliStatus.LAMP_ON),),
            ),
            "01948bf4668244380908100004f5ff04",
            id="UL20xx status without a level",
        ),
        pytest.param(
            encode.ul20xx_usage(
                (
                    Usage(address=encode.INTERNAL_METER, lamp_seconds=0x012FEFD0),
                    Usage(
                        address=DRIVER_9,
                        active_energy_watt_hours=234567,
                        active_power_watts=42,
                        load_energy_watt_hours=215801,
                        load_power_watts=39,
                        power_factor_ratio=0.93,
                        mains_volts=229,
                        driver_seconds=0x02D972C0,
                        lamp_seconds=0x012FEFD0,
                    ),
                )
            ),
            "00ff80d0ef2f0112ff479403002a00f94a030027005de5c072d902d0ef2f01",
            id="UL20xx usage of the node and of a driver",
        ),
        pytest.param(
            encode.ul20xx_usage(
                (
                    Usage(
                        address=encode.INTERNAL_METER,
                        active_energy_watt_hours=2984465,
                        active_power_watts=118,
                        load_energy_watt_hours=310823,
                        load_power_watts=61,
                        power_factor_ratio=0.0,
                        mains_volts=221,
                    ),
                )
            ),
            "00ff3f118a2d00760027be04003d0000dd",
            id="UL20xx usage with a power factor of zero",
        ),
    ],
)
def test_frame_is_written_as_the_device_sends_it(written: bytes, expected: str) -> None:
    assert written.hex() == expected


def test_boot_notice_of_a_luminaire_has_its_serial_firmware_and_clock() -> None:
    frame = encode.ul20xx_boot(serial=0x502A261D, firmware=(1, 1, 15), clock_seconds=0x607DE7DC)

    assert frame.hex() == "001d262a5001010fdce77d6001280f0102"


def test_pressure_beyond_the_range_of_the_probe_is_clipped_as_its_converter_does() -> None:
    frame = encode.dl_pr26(device_id=1, pressure_bar=9.0, temperature_celsius=10.0, battery_volts=None)

    assert frame[5:7] == b"\xff\xff"
