"""Decentlab DL-ATM41G2, a weather station."""

from __future__ import annotations
