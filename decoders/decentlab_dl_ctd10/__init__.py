"""Decentlab DL-CTD10, a depth, temperature and conductivity probe."""

from __future__ import annotations
