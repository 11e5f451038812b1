"""Nwave NPS405, a parking sensor."""

from __future__ import annotations
