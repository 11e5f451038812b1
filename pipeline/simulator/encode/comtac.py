"""comtac E1310, a bridge from LoRaWAN to one DALI driver: six bytes.

From a public parser; the level is on DALI's logarithmic curve (IEC 62386-102), which makes equal steps look equal.
"""

from __future__ import annotations

import math
from typing import Final

PORT: Final = 1
"""None is documented."""
LAMP_LIT: Final = 0x08
DALI_2: Final = 8
LED: Final = 6


def dali_level(ratio: float) -> int:
    """The level 1 to 254 nearest to that much light; 0 is off."""
    if ratio <= 0.0:
        return 0
    return min(254, max(1, round(1 + 253 / 3 * (math.log10(ratio) + 3))))


def state(*, commanded_percent: int, level: int, dali_status: int) -> bytes:
    """What the bridge was told, what the driver does and how it is."""
    return bytes((LAMP_LIT if level else 0, commanded_percent, level, dali_status, DALI_2, LED))
