"""Milesight EM310-UDL, an ultrasonic distance and tilt sensor."""

from __future__ import annotations
