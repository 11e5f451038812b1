"""Sentinum Apollon-Q and Apollon-Zeta, fill-level sensors in container lids."""

from __future__ import annotations
