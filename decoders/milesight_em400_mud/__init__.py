"""Milesight EM400-MUD, an ultrasonic distance sensor with tilt and temperature."""

from __future__ import annotations
