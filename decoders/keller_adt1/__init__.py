"""KELLER ADT1 and ARC1, data loggers for level probes."""

from __future__ import annotations
