"""Tekelek TEK766, an ultrasonic tank sensor."""

from __future__ import annotations
