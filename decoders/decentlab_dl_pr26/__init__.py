"""Decentlab DL-PR26, a pressure and level probe."""

from __future__ import annotations
