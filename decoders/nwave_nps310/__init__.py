"""Nwave NPS310, a parking sensor."""

from __future__ import annotations
