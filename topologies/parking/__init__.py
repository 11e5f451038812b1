"""Parking bays: occupied, free or unknown."""
