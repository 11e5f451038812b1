"""Milesight WTS506, a weather station."""

from __future__ import annotations
