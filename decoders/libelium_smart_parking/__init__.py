"""Libelium Smart Parking, a parking sensor."""

from __future__ import annotations
