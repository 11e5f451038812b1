"""Pepperl+Fuchs WILSEN.sonic.level, an ultrasonic fill-level sensor."""

from __future__ import annotations
