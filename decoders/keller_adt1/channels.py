"""What the bits of a measurement frame mean: one list of channels for each connection type.

The type tells which probes are wired to the logger. Source: the maker's table of device types and channel numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from decoders.quantities import QUANTITIES

# Sample channel, quantity, factor, lowest and highest value.
Channel = tuple[int, str, float, float, float]


def _channel(name: str, probe: int = 0, factor: float = 1) -> Channel:
    quantity = QUANTITIES[name]
    return probe, name, factor, quantity.low, quantity.high


# The frames hold bar, degrees Celsius, volts and millisiemens per centimetre.
_TO_BARO_PRESSURE: Final = _channel("pressure_bar")
_TO_P2: Final = _channel("pressure_difference_bar")
_P1: Final = tuple(_channel("absolute_pressure_bar", probe) for probe in range(5))
_P2: Final = tuple(_channel("reference_pressure_bar", probe) for probe in range(2))
_T: Final = tuple(_channel("water_temperature_celsius", probe) for probe in range(3))
_TOB1: Final = tuple(_channel("probe_temperature_celsius", probe) for probe in range(5))
_TOB2: Final = tuple(_channel("reference_probe_temperature_celsius", probe) for probe in range(2))
_CONDUCTIVITY: Final = tuple(
    _channel("water_conductivity_microsiemens_per_centimetre", probe, 1000) for probe in range(3)
)
_RAW_CONDUCTIVITY: Final = _channel("raw_conductivity_microsiemens_per_centimetre", 0, 1000)
_BARO: Final = (_channel("air_pressure_hectopascals", 0, 1000), _channel("air_temperature_celsius"))
_VOLTS: Final = (_channel("input_volts"), _channel("input_2_volts"))
_COUNTER: Final = _channel("digital_input_count")
_SDI12: Final = tuple(_channel("sdi12_value", number) for number in range(1, 11))

_ONE_PROBE: Final = (_P1[0], _P2[0], _T[0], _TOB1[0], _TOB2[0])

# Type 12 reads a flow meter of another maker, whose units the table does not tell.
_METER: Final = (None, None, None, None)

CHANNELS: Final[Mapping[int, tuple[Channel | None, ...]]] = {
    0: (_TO_P2, *_ONE_PROBE),
    1: (_TO_P2, *_ONE_PROBE),
    2: (_TO_BARO_PRESSURE, *_ONE_PROBE, *_BARO),
    3: (_TO_BARO_PRESSURE, *_ONE_PROBE, *_BARO),
    4: (_TO_P2, *_ONE_PROBE, *_BARO, *_VOLTS),
    # The maker's TTN codec lists the first channel once more at the end.
    5: (_TO_BARO_PRESSURE, *_ONE_PROBE, *_BARO, *_VOLTS, _TO_BARO_PRESSURE),
    6: (_TO_P2, *_ONE_PROBE, *_BARO, *_VOLTS, *_P1[1:], _COUNTER),
    # The first channel is not used.
    7: (None, *_BARO, *_VOLTS, *_SDI12),
    8: (*(each for pair in zip(_P1, _TOB1, strict=True) for each in pair), *_VOLTS, *_BARO, _COUNTER),
    9: (_TO_P2, *_ONE_PROBE, *_BARO, *_VOLTS, _CONDUCTIVITY[0], _RAW_CONDUCTIVITY),
    10: (_TO_BARO_PRESSURE, *_ONE_PROBE, *_BARO, *_VOLTS, _CONDUCTIVITY[0], _RAW_CONDUCTIVITY),
    11: (
        *(each for group in zip(_P1, _TOB1, _CONDUCTIVITY, _T, strict=False) for each in group),
        *_BARO,
        _COUNTER,
    ),
    12: (_TO_BARO_PRESSURE, *_ONE_PROBE, *_BARO, *_VOLTS, *_METER, _COUNTER),
    13: (
        *(each for group in zip(_P1, _P2, _TOB1, _TOB2, strict=False) for each in group),
        *_BARO,
        *_VOLTS,
        _COUNTER,
    ),
}
