"""The probes and loggers in wells: a measurement at each interval; some tell of the past once a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from pipeline.simulator.encode import decentlab, dragino, keller, lobaro, milesight
from pipeline.simulator.models import COUNTS_PER_BAR, COUNTS_PER_MILLISIEMENS_PER_CENTIMETRE
from pipeline.simulator.moments import Start, Well
from pipeline.simulator.voices import Sent, Voice

PROBE_RANGE_METRES: Final = 10
"""Of a 4 to 20 mA probe: the code of its range in the frame is this number."""
BATTERY_EVERY: Final = 6
"""A sensor that counts its battery in percent need not tell it each time."""


def _pr26(_rng: Random, well: Well) -> Iterator[Sent]:
    payload = decentlab.dl_pr26(
        device_id=well.device_id,
        pressure_bar=well.pressure_bar,
        temperature_celsius=well.water_celsius,
        battery_volts=well.battery_volts,
    )
    yield Sent(decentlab.PORT, payload, well.level_metres_nhn())


def _pr36(_rng: Random, well: Well) -> Iterator[Sent]:
    payload = decentlab.dl_pr36(
        device_id=well.device_id,
        pressure_bar=well.pressure_bar,
        temperature_celsius=well.water_celsius,
        battery_volts=well.battery_volts,
        counts_per_bar=COUNTS_PER_BAR,
    )
    yield Sent(decentlab.PORT, payload, well.level_metres_nhn())


def _pr36ctd(_rng: Random, well: Well) -> Iterator[Sent]:
    payload = decentlab.dl_pr36ctd(
        device_id=well.device_id,
        pressure_bar=well.pressure_bar,
        electronics_celsius=well.water_celsius + 0.3,
        water_celsius=well.water_celsius,
        millisiemens_per_centimetre=well.microsiemens_per_centimetre / 1000,
        battery_volts=well.battery_volts,
        counts_per_bar=COUNTS_PER_BAR,
        counts_per_millisiemens_per_centimetre=COUNTS_PER_MILLISIEMENS_PER_CENTIMETRE,
    )
    yield Sent(decentlab.PORT, payload, well.level_metres_nhn())


def _ctd10(_rng: Random, well: Well) -> Iterator[Sent]:
    payload = decentlab.dl_ctd10(
        device_id=well.device_id,
        depth_metres=well.column_metres,
        temperature_celsius=well.water_celsius,
        microsiemens_per_centimetre=well.microsiemens_per_centimetre,
        freezing=False,
        battery_volts=well.battery_volts,
    )
    yield Sent(decentlab.PORT, payload, well.level_metres_nhn(round(well.column_metres, 3)))


def _em500_swl(_rng: Random, well: Well) -> Iterator[Sent]:
    charge = b"" if well.number % BATTERY_EVERY else milesight.battery(well.battery_percent)
    payload = charge + milesight.em500_swl(depth_metres=well.column_metres)
    yield Sent(milesight.PORT, payload, well.level_metres_nhn(round(well.column_metres, 2)))
    if well.earlier and well.once_a_day():
        history = (
            milesight.em500_swl_history(taken_unix_seconds=past.at_seconds, depth_metres=past.measured)
            for past in reversed(well.earlier)
        )
        yield Sent(milesight.PORT, b"".join(history))


def _em500_swl_start(start: Start) -> Iterator[Sent]:
    serial = 0x6136_D000_0000_0000 + start.device.number
    yield Sent(milesight.PORT, milesight.powered_on(serial=serial, hardware=(2, 0), firmware=(1, 5)))


def _ps_lb(_rng: Random, well: Well) -> Iterator[Sent]:
    payload = dragino.ps_lb(
        battery_volts=well.battery_volts, depth_metres=well.column_metres, range_metres=PROBE_RANGE_METRES
    )
    yield Sent(dragino.MEASUREMENT_PORT, payload, well.level_metres_nhn())
    if well.earlier and well.once_a_day():
        records = (
            dragino.ps_lb_record(
                taken_unix_seconds=past.at_seconds, depth_metres=past.measured, range_metres=PROBE_RANGE_METRES
            )
            for past in reversed(well.earlier)
        )
        yield Sent(dragino.LOG_PORT, b"".join(records))


def _ps_lb_start(start: Start) -> Iterator[Sent]:
    payload = dragino.device_status(dragino.PS_LB, firmware=(1, 2, 7), battery_volts=start.battery_volts)
    yield Sent(dragino.STATUS_PORT, payload)


def _adt1(_rng: Random, well: Well) -> Iterator[Sent]:
    """Every other logger has a conductivity probe too, and needs two messages for what it measures."""
    air_bar = well.air_hectopascals / 1000
    conducting = well.device.number % 2 == 1
    numbers = {
        0: well.pressure_bar,
        1: well.pressure_bar + air_bar,
        4: well.water_celsius + 0.1,
        6: air_bar,
        7: well.air_celsius,
    }
    if conducting:
        millisiemens = well.microsiemens_per_centimetre / 1000
        # Water conducts 2 percent better with each degree; what is told first counts at 25 of them.
        raw = millisiemens * (1.0 + 0.02 * (well.water_celsius - 25.0))
        numbers |= {3: well.water_celsius, 10: millisiemens, 11: raw}
    connection = keller.VENTED_WITH_CONDUCTIVITY if conducting else keller.VENTED
    for part, payload in enumerate(keller.measurements(connection, numbers)):
        yield Sent(keller.MEASUREMENT_PORT, payload, well.level_metres_nhn() if part == 0 else None)
    if well.once_a_day():
        yield Sent(keller.INFORMATION_PORT, _adt1_information(well))


def _adt1_information(moment: Well | Start) -> bytes:
    return keller.information(
        serial=1000 + moment.device.number,
        clock_unix_seconds=moment.clock_seconds,
        battery_volts=moment.battery_volts,
        battery_percent=moment.battery_percent,
        humidity_percent=35,
    )


def _adt1_start(start: Start) -> Iterator[Sent]:
    yield Sent(keller.INFORMATION_PORT, _adt1_information(start))


def _pressure_26d(_rng: Random, well: Well) -> Iterator[Sent]:
    payload = lobaro.pressure_26d(
        pressure_bar=well.pressure_bar, temperature_celsius=well.water_celsius, battery_volts=well.battery_volts
    )
    yield Sent(lobaro.PRESSURE_PORT, payload, well.level_metres_nhn())


VOICES: Final[Mapping[str, Voice[Well]]] = MappingProxyType(
    {
        "decentlab_dl_ctd10": _ctd10,
        "decentlab_dl_pr26": _pr26,
        "decentlab_dl_pr36": _pr36,
        "decentlab_dl_pr36ctd": _pr36ctd,
        "dragino_ps_lb": _ps_lb,
        "keller_adt1": _adt1,
        "lobaro_pressure_26d": _pressure_26d,
        "milesight_em500_swl": _em500_swl,
    }
)
NOTICES: Final = MappingProxyType(
    {"dragino_ps_lb": _ps_lb_start, "keller_adt1": _adt1_start, "milesight_em500_swl": _em500_swl_start}
)
