"""Lobaro Pressure 26D, a pressure and level probe."""

from __future__ import annotations
