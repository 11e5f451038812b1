"""Payload decoders: pure functions from a frame's bytes to named quantities, found through entry points."""

from __future__ import annotations
