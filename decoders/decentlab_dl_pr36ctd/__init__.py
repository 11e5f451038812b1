"""Decentlab DL-PR36CTD, a pressure, temperature and conductivity probe."""

from __future__ import annotations
