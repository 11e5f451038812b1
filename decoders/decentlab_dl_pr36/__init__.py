"""Decentlab DL-PR36, a pressure and level probe."""

from __future__ import annotations
