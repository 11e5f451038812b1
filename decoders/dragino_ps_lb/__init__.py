"""Dragino PS-LB, a node for a 4 to 20 mA pressure or level probe."""

from __future__ import annotations
