"""Dragino DDS75-LB, an ultrasonic distance sensor."""

from __future__ import annotations
