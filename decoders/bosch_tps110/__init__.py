"""Bosch TPS110, a parking sensor."""

from __future__ import annotations
