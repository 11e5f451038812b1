"""A number as a converter's word: what is beyond its range is clipped to it, as a converter does."""

from __future__ import annotations


def unsigned(value: float, bits: int = 16) -> int:
    """The nearest unsigned integer of so many bits."""
    return min(max(round(value), 0), (1 << bits) - 1)


def signed(value: float, bits: int = 16) -> int:
    """The nearest signed integer of so many bits."""
    half = 1 << (bits - 1)
    return min(max(round(value), -half), half - 1)
