"""Axioma Qalcosonic W1, an ultrasonic water meter."""

from __future__ import annotations
