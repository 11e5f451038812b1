"""Milesight EM500-SWL, a submersible water-level sensor."""

from __future__ import annotations
