"""The water meters: volumes in one of three layouts, and an alarm when a leak is found.

A meter's layout is set when it is ordered, so the meters of the city take turns over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from random import Random
from types import MappingProxyType
from typing import Final

from pipeline.core.clock import DAY_US, HOUR_US, SECOND_US
from pipeline.simulator.encode import axioma
from pipeline.simulator.moments import Meter, Start
from pipeline.simulator.voices import Sent, Voice


def _status(meter: Meter) -> axioma.Status:
    status = axioma.Status.LEAK if meter.leaking else axioma.Status(0)
    return status | axioma.Status.BATTERY_LOW if meter.battery_low else status


def _logged(meter: Meter, from_us: int, hours: int) -> tuple[int, list[int]]:
    """The volume at a full hour and what each hour after it has added."""
    litres = [meter.litres_at(from_us + hour * HOUR_US) for hour in range(hours + 1)]
    return litres[0], [after - before for before, after in pairwise(litres)]


def _enhanced(meter: Meter) -> Sent:
    """All hours of the day before; the volume that this tells is that of last midnight."""
    midnight = meter.at_us // DAY_US * DAY_US
    first, increments = _logged(meter, midnight - axioma.ENHANCED_HOURS * HOUR_US, axioma.ENHANCED_HOURS)
    payload = axioma.enhanced(
        clock_seconds=meter.clock_seconds, status=_status(meter), log_litres=first, increments_litres=increments
    )
    return Sent(axioma.VOLUME_PORT, payload, float(meter.litres_at(midnight)))


def _extended(meter: Meter, *, hours: int, water_celsius: float | None) -> Sent:
    from_us = meter.hour_us - hours * HOUR_US
    first, increments = _logged(meter, from_us, hours)
    payload = axioma.extended(
        clock_seconds=meter.clock_seconds,
        status=_status(meter),
        litres=meter.litres,
        log_seconds=from_us // SECOND_US,
        log_litres=first,
        increments_litres=increments,
        water_celsius=water_celsius,
    )
    return Sent(axioma.VOLUME_PORT, payload, float(meter.litres))


LAYOUTS: Final[tuple[Callable[[Meter], Sent], ...]] = (
    _enhanced,
    lambda meter: _extended(meter, hours=axioma.EXTENDED_HOURS, water_celsius=None),
    # the temperature takes the place of an hour
    lambda meter: _extended(meter, hours=axioma.EXTENDED_HOURS - 1, water_celsius=meter.water_celsius),
)


def _qalcosonic_w1(_rng: Random, meter: Meter) -> Iterator[Sent]:
    if meter.leak_found:
        yield Sent(axioma.ALARM_PORT, axioma.alarm(clock_seconds=meter.clock_seconds, about=axioma.Alarm.LEAK))
    yield LAYOUTS[meter.device.number % len(LAYOUTS)](meter)


VOICES: Final[Mapping[str, Voice[Meter]]] = MappingProxyType({"axioma_qalcosonic_w1": _qalcosonic_w1})
NOTICES: Final[Mapping[str, Callable[[Start], Iterator[Sent]]]] = MappingProxyType({})
