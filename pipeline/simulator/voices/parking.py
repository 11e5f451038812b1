"""The parking sensors: a frame at each change, a heartbeat, and what a start or a day adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from pipeline.core.clock import MINUTE_US
from pipeline.simulator.devices import DISABLED_ZONE
from pipeline.simulator.encode import bosch, libelium, nwave, pni, tekzitel
from pipeline.simulator.moments import Bay, Start
from pipeline.simulator.voices import Sent, Voice


def _tps110(_rng: Random, bay: Bay) -> Iterator[Sent]:
    says = float(bay.occupied)
    if bay.changed:
        yield Sent(bosch.TPS110_STATUS_PORT, bosch.tps110_status(occupied=bay.occupied), says)
    else:
        payload = bosch.tps110_heartbeat(occupied=bay.occupied, temperature_celsius=round(bay.ground_celsius))
        yield Sent(bosch.TPS110_HEARTBEAT_PORT, payload, says)


def _tps110_start(start: Start) -> Iterator[Sent]:
    payload = bosch.tps110_startup(occupied=bool(start.says), firmware=(0, 29, 2), reset_cause=2)
    yield Sent(bosch.TPS110_STARTUP_PORT, payload, start.says)


def _nps310(_rng: Random, bay: Bay) -> Iterator[Sent]:
    port = nwave.STATUS_PORT if bay.changed else nwave.HEARTBEAT_PORT
    yield Sent(port, nwave.nps310_state(occupied=bay.occupied), float(bay.occupied))


def _nps405(rng: Random, bay: Bay) -> Iterator[Sent]:
    says = float(bay.occupied)
    if not bay.changed:
        payload = nwave.nps405_heartbeat(
            occupied=bay.occupied, battery_volts=bay.battery_volts, temperature_celsius=bay.ground_celsius
        )
        yield Sent(nwave.HEARTBEAT_PORT, payload, says)
        return
    minutes = bay.state_us // MINUTE_US
    yield Sent(nwave.STATUS_PORT, nwave.nps405_status(occupied=bay.occupied, previous_minutes=minutes), says)
    if bay.occupied and bay.device.group == DISABLED_ZONE:
        # whoever may park here has a tag in the car
        payload = nwave.nps405_registration(tag=rng.getrandbits(32), previous_minutes=minutes)
        yield Sent(nwave.REGISTRATION_PORT, payload, says)


def _nwave_start(start: Start) -> Iterator[Sent]:
    payload = nwave.startup(occupied=bool(start.says), firmware=(1, 4, 2), cause=nwave.POWER_ON)
    yield Sent(nwave.STARTUP_PORT, payload, start.says)


def _placepod(_rng: Random, bay: Bay) -> Iterator[Sent]:
    says = float(bay.occupied)
    if bay.changed:
        yield Sent(pni.PORT, pni.change(occupied=bay.occupied), says)
    else:
        about = pni.temperature(bay.ground_celsius) + pni.battery(bay.battery_volts)
        yield Sent(pni.PORT, about + pni.keep_alive(occupied=bay.occupied), says)


def _tekzipark_bits(bay: Bay) -> tekzitel.Bits:
    bits = tekzitel.Bits.RADAR_USED
    if bay.occupied:
        bits |= tekzitel.Bits.OCCUPIED
    if not bay.changed:
        bits |= tekzitel.Bits.KEEP_ALIVE
    if not bay.battery_low:
        bits |= tekzitel.Bits.BATTERY_GOOD
    return bits


def _tekzipark(rng: Random, bay: Bay) -> Iterator[Sent]:
    bits, number, says = _tekzipark_bits(bay), bay.device.number & 0xFF, float(bay.occupied)
    if bay.once_a_day():
        field = 45.0 if bay.occupied else 0.0
        payload = tekzitel.diagnosis(
            bits,
            temperature_celsius=bay.ground_celsius,
            bay=number,
            deflection=(round(rng.gauss(field, 6.0)), round(rng.gauss(-field, 6.0)), round(rng.gauss(field / 2, 6.0))),
            baseline=(14, -21, 47),
            radar_reflection=rng.randrange(120, 200) if bay.occupied else rng.randrange(5, 30),
        )
        yield Sent(tekzitel.DIAGNOSIS_PORT, payload, says)
        if not bay.changed:
            # it has said all that a keep-alive would
            return
    if bay.changed and bay.occupied and bay.device.group == DISABLED_ZONE:
        payload = tekzitel.status(
            bits,
            temperature_celsius=bay.ground_celsius,
            bay=number,
            beacon_rssi_dbm=-rng.randrange(45, 90),
            beacons=(rng.randrange(1, 0x10000),),
        )
    else:
        payload = tekzitel.status(bits | tekzitel.Bits.NO_BEACON, temperature_celsius=bay.ground_celsius, bay=number)
    yield Sent(tekzitel.STATUS_PORT, payload, says)


def _tekzipark_start(start: Start) -> Iterator[Sent]:
    bits = tekzitel.Bits.RESET | tekzitel.Bits.KEEP_ALIVE | tekzitel.Bits.BATTERY_GOOD
    if start.says:
        bits |= tekzitel.Bits.OCCUPIED
    payload = tekzitel.status(bits, temperature_celsius=start.air_celsius, bay=start.device.number & 0xFF)
    yield Sent(tekzitel.STATUS_PORT, payload, start.says)


def _libelium(_rng: Random, bay: Bay) -> Iterator[Sent]:
    if not bay.changed and bay.once_a_day():
        payload = libelium.notice(
            libelium.Kind.DAILY_UPDATE, sequence=bay.number, occupied=bay.occupied, battery_low=bay.battery_low
        )
    else:
        payload = libelium.reading(
            libelium.Kind.INFORMATION if bay.changed else libelium.Kind.KEEP_ALIVE,
            sequence=bay.number,
            occupied=bay.occupied,
            battery_low=bay.battery_low,
            temperature_celsius=bay.ground_celsius,
        )
    yield Sent(libelium.PORT, payload, float(bay.occupied))


def _libelium_start(start: Start) -> Iterator[Sent]:
    for sequence, kind in enumerate((libelium.Kind.FIRST_START, libelium.Kind.SECOND_START)):
        payload = libelium.notice(
            kind,
            sequence=sequence,
            occupied=bool(start.says),
            battery_low=start.battery_low,
            firmware=3 if kind is libelium.Kind.FIRST_START else 0,
        )
        yield Sent(libelium.PORT, payload, start.says)


VOICES: Final[Mapping[str, Voice[Bay]]] = MappingProxyType(
    {
        "bosch_tps110": _tps110,
        "libelium_smart_parking": _libelium,
        "nwave_nps310": _nps310,
        "nwave_nps405": _nps405,
        "pni_placepod": _placepod,
        "tekzitel_tekzipark": _tekzipark,
    }
)
# A PlacePod starts with a frame without a byte, which the network cannot tell from one that has no payload.
NOTICES: Final = MappingProxyType(
    {
        "bosch_tps110": _tps110_start,
        "libelium_smart_parking": _libelium_start,
        "nwave_nps310": _nwave_start,
        "nwave_nps405": _nwave_start,
        "tekzitel_tekzipark": _tekzipark_start,
    }
)
