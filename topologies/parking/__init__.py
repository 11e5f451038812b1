"""Parking bays: occupied, free or unknown, since when, and for too long."""
