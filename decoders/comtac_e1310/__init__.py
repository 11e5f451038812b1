"""comtac E1310, a bridge between LoRaWAN and a DALI bus."""

from __future__ import annotations
