"""The encoders of all further models write, byte for byte, frames that were published."""

from __future__ import annotations

import struct

import pytest

from pipeline.simulator.encode import (
    axioma,
    comtac,
    decentlab,
    dragino,
    keller,
    lobaro,
    milesight,
    nas,
    nwave,
    pepperl_fuchs,
    pni,
    sensecap,
    sentinum,
    tekelek,
    tekzitel,
)
from pipeline.simulator.encode.tekelek import Reading
from pipeline.simulator.encode.tekzitel import Bits


def single(text: str) -> float:
    """A number of 32 bits, as exact as it was sent."""
    return float(struct.unpack(">f", bytes.fromhex(text))[0])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(nwave.nps405_status(occupied=True, previous_minutes=74), "95", id="NPS405 change"),
        pytest.param(
            nwave.nps405_registration(tag=0x1F345678, previous_minutes=164), "d11f345678", id="NPS405 registration"
        ),
        pytest.param(
            nwave.nps405_heartbeat(occupied=False, battery_volts=3.344, temperature_celsius=-10.0)[:3],
            "00d3d8",
            id="NPS405 heartbeat, without its last bytes",
        ),
        pytest.param(
            nwave.startup(occupied=False, firmware=(2, 4, 9), cause=nwave.POWER_ON), "0204090200", id="NPS405 start"
        ),
        pytest.param(pni.change(occupied=True), "156601", id="PlacePod change"),
        pytest.param(pni.temperature(19.5) + pni.keep_alive(occupied=True), "026700c3376601", id="PlacePod keep-alive"),
        pytest.param(
            tekzitel.status(
                Bits.OCCUPIED | Bits.BATTERY_GOOD | Bits.RADAR_USED,
                temperature_celsius=45,
                bay=99,
                beacon_rssi_dbm=-80,
                beacons=(85, 288),
            ),
            "a82d63b000550120",
            id="TekziPark with two beacons",
        ),
        pytest.param(
            tekzitel.status(Bits.KEEP_ALIVE | Bits.BATTERY_GOOD | Bits.RADAR_USED, temperature_celsius=46, bay=98),
            "292e62",
            id="TekziPark keep-alive",
        ),
        pytest.param(
            decentlab.dl_pr36(
                device_id=811,
                pressure_bar=0.0125732421875,
                temperature_celsius=23.50390625,
                battery_volts=3.115,
                counts_per_bar=8192,
            ),
            "02032b0003806797810c2b",
            id="DL-PR36",
        ),
        pytest.param(
            decentlab.dl_pr36ctd(
                device_id=2583,
                pressure_bar=0.0008544921875,
                electronics_celsius=23.5234375,
                water_celsius=23.50390625,
                millisiemens_per_centimetre=0.005859375,
                battery_volts=3.115,
                counts_per_bar=8192,
                counts_per_millisiemens_per_centimetre=1024,
            ),
            "020a17000380079786978180060c2b",
            id="DL-PR36CTD",
        ),
        pytest.param(
            decentlab.dl_ctd10(
                device_id=2009,
                depth_metres=4.232,
                temperature_celsius=12.9,
                microsiemens_per_centimetre=100,
                freezing=False,
                battery_volts=3.168,
            ),
            "0207d9000390888081006400000c60",
            id="DL-CTD10",
        ),
        pytest.param(
            decentlab.dl_mbx(device_id=303, distance_metres=1.234, valid_samples=1, battery_volts=2.993),
            "02012f000304d200010bb1",
            id="DL-MBX",
        ),
        pytest.param(
            decentlab.dl_atm41g2(
                decentlab.Atm41(
                    irradiance_watts_per_square_metre=9.2,
                    rain_micrometres=0,
                    rain_total_micrometres=70_000,
                    strikes=0,
                    strike_kilometres=0,
                    wind_metres_per_second=0.52,
                    direction_degrees=120.3,
                    gust_metres_per_second=0.54,
                    air_celsius=23.1,
                    vapour_kilopascals=1.34,
                    air_kilopascals=97.29,
                    humidity_percent=47.0,
                    inside_celsius=23.7,
                    tilt_x_degrees=45.7,
                    tilt_y_degrees=15.9,
                    rain_microsiemens_per_centimetre=0,
                ),
                device_id=24312,
                battery_volts=2.78,
            ),
            "025ef80003805c000080008000803484b3803680e78086a60181d680ed81c9809f8000117000010adc",
            id="DL-ATM41G2",
        ),
        pytest.param(
            next(
                keller.measurements(
                    5,
                    {
                        0: single("bf604259"),
                        1: single("3dbc29fc"),
                        4: single("41a8d900"),
                        6: single("3f77c7a4"),
                        7: single("41b80000"),
                    },
                )
            ),
            "010500d3bf6042593dbc29fc41a8d9003f77c7a441b80000",
            id="KELLER, the example of the maker's documentation",
        ),
        pytest.param(
            lobaro.pressure_26d(pressure_bar=0.95, temperature_celsius=10.25, battery_volts=3.6),
            "3333733f0104100e",
            id="Pressure 26D",
        ),
        pytest.param(milesight.battery(100) + milesight.em500_swl(depth_metres=0.02), "01756403770200", id="EM500-SWL"),
        pytest.param(
            milesight.em400(battery_percent=92, temperature_celsius=25.7, distance_metres=2.116, tilted=True),
            "01755c0367010104824408050001",
            id="EM400-MUD",
        ),
        pytest.param(
            milesight.em400_distance_alarm(distance_metres=1.601, on=True), "8482410601", id="EM400-MUD alarm"
        ),
        pytest.param(
            milesight.wts506(
                temperature_celsius=25.5,
                humidity_ratio=0.605,
                direction_degrees=121.0,
                air_hectopascals=1006.3,
                wind_metres_per_second=0.1,
                rain_total_millimetres=1.23,
                rain_frames=1,
            ),
            "0367ff000468790584ba0406734f270792010008ec7b00000001",
            id="WTS506, two frames joined",
        ),
        pytest.param(
            dragino.dds75(battery_volts=3.338, distance_metres=2.025, temperature_celsius=0.0),
            "0d0a07e900000001",
            id="DDS75",
        ),
        pytest.param(
            dragino.dds75(battery_volts=3.3, distance_metres=0.1, temperature_celsius=0.0),
            "0ce4001400000001",
            id="DDS75, too near",
        ),
        pytest.param(
            pepperl_fuchs.measurement(
                pepperl_fuchs.distance_in_centimetres(0.49),
                fill_ratio=0.93,
                temperature_celsius=single("41a66666"),
                battery_volts=3.4,
            ),
            "040b010031030b065d06020141a6666603510122",
            id="WILSEN in centimetres",
        ),
        pytest.param(
            pepperl_fuchs.position(latitude_degrees=49.545327, longitude_degrees=8.467309),
            "06500102f4006f0650020081336d",
            id="WILSEN position",
        ),
        pytest.param(
            sentinum.radar(distance_metres=0.31, amplitude=-99)
            + sentinum.accelerometer(orientation=1, lid_open=False, openings=21),
            "01010136ff9d0000000000000000000100001500",
            id="Apollon radar and accelerometer",
        ),
        pytest.param(
            tekelek.measurement([Reading(3.97, -8, 10, 10), *[Reading(3.96, -8, 10, 10)] * 3], limits=1),
            "10000100018df8aa018cf8aa018cf8aa018cf8aa",
            id="TEK766 measurement",
        ),
        pytest.param(
            tekelek.alarm([Reading(0.75, 24, 10, 10)], limits=1), "45000100004b18aa00000000", id="TEK766 alarm"
        ),
        pytest.param(
            nas.ul2030_status(
                clock_seconds=0x599BE228,
                node=nas.EarlyNodeState.DALI_ERROR,
                downlink_rssi_dbm=-114,
                profiles=(nas.Profile(4, 22, 0xFE, 0x1E, 50), nas.Profile(2, 42, 0xFE, 0xE1, 50)),
            ),
            "28e29b59018e0416fe1e32022afee132",
            id="UL2030 status",
        ),
        pytest.param(
            comtac.state(commanded_percent=100, level=comtac.dali_level(1.0), dali_status=0x04),
            "0864fe040806",
            id="E1310 at all its light",
        ),
        pytest.param(
            sensecap.sky(
                newer=False,
                temperature_celsius=17.7,
                humidity_percent=40,
                illuminance_lux=57_874,
                uv_index=5.4,
                wind_metres_per_second=14.7,
            )
            + sensecap.wind_and_rain(
                newer=False, direction_degrees=107, rain_millimetres_per_hour=35.704, air_hectopascals=1032.7
            ),
            "0100b1280000e21236009302006b00008b782857",
            id="S2120",
        ),
        pytest.param(
            axioma.enhanced(
                clock_seconds=0x6A98ACAE,
                status=axioma.Status(0),
                log_litres=5938,
                increments_litres=[0] * 23,
            )[:10],
            "01aeac986a0032170000",
            id="Qalcosonic W1 enhanced, its head",
        ),
    ],
)
def test_frame_is_written_as_the_device_sends_it(written: bytes, expected: str) -> None:
    assert written.hex() == expected


@pytest.mark.parametrize(
    ("ratio", "level"), [(0.0, 0), (0.001, 1), (0.5, 229), (1.0, 254)], ids=["off", "least", "half", "full"]
)
def test_dali_level_is_on_the_logarithmic_curve(ratio: float, level: int) -> None:
    assert comtac.dali_level(ratio) == level


def test_logger_with_many_channels_needs_two_messages() -> None:
    messages = list(keller.measurements(keller.VENTED_WITH_CONDUCTIVITY, dict.fromkeys(range(8), 1.0)))

    assert [len(message) for message in messages] == [24, 16]
    assert [message[:4].hex() for message in messages] == ["010a001f", "010a00e0"]


@pytest.mark.parametrize(
    ("minutes", "code"),
    [(0, 0), (89, 89), (90, 90), (94, 90), (95, 91), (239, 119), (240, 120), (299, 120), (659, 126), (660, 127)],
)
def test_nwave_tells_long_durations_in_coarser_steps(minutes: int, code: int) -> None:
    assert nwave.duration_code(minutes) == code


def test_increments_of_a_meter_are_fourteen_bits_each_lowest_first() -> None:
    frame = axioma.enhanced(
        clock_seconds=0, status=axioma.Status(0), log_litres=0, increments_litres=[1, 2, *[0] * 20, 0x3FFF]
    )

    field = int.from_bytes(frame[10:], "little")
    assert len(frame) == 51
    assert [field >> 14 * hour & 0x3FFF for hour in (0, 1, 2, 22)] == [1, 2, 0, 0x3FFF]
    assert field >> 322 == 0
