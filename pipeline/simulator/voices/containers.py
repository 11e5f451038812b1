"""The sensors under containers' lids: a distance at each interval; those that feel their position tell it at once.

A sensor without a sense of position is silent while its container is tipped: nothing wakes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from pipeline.simulator.encode import decentlab, dragino, lobaro, milesight, pepperl_fuchs, sentinum, tekelek
from pipeline.simulator.moments import Container, Start
from pipeline.simulator.voices import Sent, Voice

ALARM_FROM: Final = 0.8
"""The fill from which on sensors with a limit of their own say so."""


def _passed_limit(container: Container) -> bool | None:
    """Whether the fill has just passed the limit (True), has come back from it (False), or neither."""
    if not container.earlier:
        return None
    attributes = container.device.attributes
    empty, full = attributes["empty_distance_metres"], attributes["full_distance_metres"]
    limit = empty - ALARM_FROM * (empty - full)
    before, now = container.earlier[0].measured <= limit, container.distance_metres <= limit
    return now if now != before else None


def _em310_udl(_rng: Random, container: Container) -> Iterator[Sent]:
    payload = milesight.em310_udl(
        battery_percent=container.battery_percent, distance_metres=container.distance_metres, tilted=container.tilted
    )
    yield Sent(milesight.PORT, payload, container.distance_metres)


def _em400(_rng: Random, container: Container) -> Iterator[Sent]:
    distance = container.distance_metres
    passed = _passed_limit(container)
    if passed is not None:
        yield Sent(milesight.PORT, milesight.em400_distance_alarm(distance_metres=distance, on=passed), distance)
    payload = milesight.em400(
        battery_percent=container.battery_percent,
        temperature_celsius=container.air_celsius,
        distance_metres=distance,
        tilted=container.tilted,
    )
    yield Sent(milesight.PORT, payload, distance)


def _em400_start(start: Start) -> Iterator[Sent]:
    serial = 0x6713_C000_0000_0000 + start.device.number
    yield Sent(milesight.PORT, milesight.powered_on(serial=serial, hardware=(1, 1), firmware=(1, 3)))


def _wilsen(_rng: Random, container: Container) -> Iterator[Sent]:
    if container.tilted:
        return
    metres = container.distance_metres
    # The sensor is sold with either resolution.
    if container.device.number % 2:
        distance, says = pepperl_fuchs.distance_in_millimetres(metres), metres
    else:
        distance, says = pepperl_fuchs.distance_in_centimetres(metres), round(metres, 2)
    payload = pepperl_fuchs.measurement(
        distance,
        fill_ratio=container.fill_ratio,
        temperature_celsius=container.air_celsius,
        battery_volts=container.battery_volts,
    )
    if container.once_a_day():
        payload += pepperl_fuchs.position(
            latitude_degrees=container.device.latitude, longitude_degrees=container.device.longitude
        )
    yield Sent(pepperl_fuchs.PORT, payload, says)
    if container.once_a_day(turn=1):
        yield Sent(pepperl_fuchs.PORT, _wilsen_counters(container))


def _wilsen_counters(moment: Container | Start) -> bytes:
    return pepperl_fuchs.counters(
        serial=f"400000{moment.device.number:06d}",
        transmissions=moment.number,
        fixes=moment.number // 24,
        measurements=4 * moment.number,
        battery_volts=moment.battery_volts,
    )


def _wilsen_start(start: Start) -> Iterator[Sent]:
    yield Sent(pepperl_fuchs.PORT, _wilsen_counters(start))


def _apollon(rng: Random, container: Container) -> Iterator[Sent]:
    """Half of them have a laser and feel their position, half have a radar and a switch at the lid."""
    distance = container.distance_metres
    openings = 40 * container.device.number + 2 * container.number
    if container.device.number % 2:
        if container.tilted:
            return
        kinds = sentinum.RADAR | sentinum.LID_SWITCH
        blocks = sentinum.radar(distance_metres=distance, amplitude=-rng.randrange(60, 120))
        blocks += sentinum.lid_switch(lid_open=False, openings=openings)
    else:
        kinds = sentinum.LASER | sentinum.ACCELEROMETER
        blocks = sentinum.laser(distance_metres=distance)
        blocks += sentinum.accelerometer(
            orientation=1 if container.tilted else 2, lid_open=container.tilted, openings=openings
        )
    head = sentinum.head(
        blocks=kinds,
        sequence=container.number,
        # its pack of cells has another voltage than a single one
        battery_volts=4.4 + 1.6 * container.battery_percent / 100,
        temperature_celsius=container.air_celsius,
        distance_metres=distance,
    )
    yield Sent(sentinum.PORT, head + blocks, distance)


def _mbx(rng: Random, container: Container) -> Iterator[Sent]:
    if container.tilted:
        return
    payload = decentlab.dl_mbx(
        device_id=1000 + container.device.number,
        distance_metres=container.distance_metres,
        valid_samples=rng.randrange(9, 16),
        battery_volts=container.battery_volts,
    )
    yield Sent(decentlab.PORT, payload, container.distance_metres)


def _dds75(_rng: Random, container: Container) -> Iterator[Sent]:
    if container.tilted:
        return
    distance, volts = container.distance_metres, container.battery_volts
    payload = dragino.dds75(battery_volts=volts, distance_metres=distance, temperature_celsius=container.air_celsius)
    # What is too near is not seen, so nothing is said about it.
    yield Sent(dragino.MEASUREMENT_PORT, payload, None if distance < dragino.BLIND_METRES else distance)
    if container.earlier and container.once_a_day():
        records = (
            dragino.dds75_record(
                battery_volts=volts,
                distance_metres=past.measured,
                temperature_celsius=container.air_celsius,
                taken_unix_seconds=past.at_seconds,
            )
            for past in reversed(container.earlier)
        )
        yield Sent(dragino.LOG_PORT, b"".join(records))


def _dds75_start(start: Start) -> Iterator[Sent]:
    payload = dragino.device_status(dragino.DDS75, firmware=(1, 1, 4), battery_volts=start.battery_volts)
    yield Sent(dragino.STATUS_PORT, payload)


def _oscar(rng: Random, container: Container) -> Iterator[Sent]:
    if container.tilted:
        return
    distance = container.distance_metres
    echoes = [lobaro.Echo(distance, rng.randrange(80, 200), rng.randrange(130, 250))]
    if rng.random() < 0.3:
        # a faint one off the wall, which nobody should count
        echoes.append(lobaro.Echo(distance + rng.uniform(0.1, 0.5), rng.randrange(10, 40), rng.randrange(20, 80)))
    payload = lobaro.oscar(
        battery_volts=container.battery_volts, temperature_celsius=container.air_celsius, echoes=echoes
    )
    yield Sent(lobaro.OSCAR_DISTANCE_PORT, payload, distance)
    if container.once_a_day():
        yield Sent(lobaro.OSCAR_STATUS_PORT, _oscar_status(container))


def _oscar_status(moment: Container | Start) -> bytes:
    return lobaro.oscar_status(
        firmware=(2, 0, 3), battery_volts=moment.battery_volts, temperature_celsius=moment.air_celsius
    )


def _oscar_start(start: Start) -> Iterator[Sent]:
    yield Sent(lobaro.OSCAR_STATUS_PORT, _oscar_status(start))


def _tek766(rng: Random, container: Container) -> Iterator[Sent]:
    if container.tilted:
        return
    distance = round(container.distance_metres, 2)
    celsius = container.air_celsius
    readings = [
        tekelek.Reading(metres, celsius, rng.randrange(7, 11), rng.randrange(6, 11))
        for metres in (distance, *(past.measured for past in container.earlier))
    ]
    passed = _passed_limit(container)
    limits = int(container.fill_ratio >= ALARM_FROM)
    if passed:
        yield Sent(tekelek.ALARM_PORT, tekelek.alarm(readings, limits=1), distance)
    yield Sent(tekelek.MEASUREMENT_PORT, tekelek.measurement(readings, limits=limits), distance)
    if container.once_a_day():
        payload = tekelek.status(
            readings[0],
            hardware=2,
            software=2,
            rssi_dbm=-rng.randrange(60, 110),
            battery_percent=container.battery_percent,
            step_minutes=60,
            interval_hours=1,
        )
        yield Sent(tekelek.STATUS_PORT, payload, distance)


VOICES: Final[Mapping[str, Voice[Container]]] = MappingProxyType(
    {
        "decentlab_dl_mbx": _mbx,
        "dragino_dds75": _dds75,
        "lobaro_oscar": _oscar,
        "milesight_em310_udl": _em310_udl,
        "milesight_em400_mud": _em400,
        "milesight_em400_tld": _em400,
        "pepperl_fuchs_wilsen": _wilsen,
        "sentinum_apollon": _apollon,
        "tekelek_tek766": _tek766,
    }
)
NOTICES: Final = MappingProxyType(
    {
        "dragino_dds75": _dds75_start,
        "lobaro_oscar": _oscar_start,
        "milesight_em400_mud": _em400_start,
        "milesight_em400_tld": _em400_start,
        "pepperl_fuchs_wilsen": _wilsen_start,
    }
)
