"""Milesight EM400-TLD, a laser distance sensor with tilt and temperature."""

from __future__ import annotations
