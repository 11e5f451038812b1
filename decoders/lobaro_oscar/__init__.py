"""Lobaro Oscar, an ultrasonic distance sensor."""

from __future__ import annotations
