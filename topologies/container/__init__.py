"""Containers: how full they are, and an alert when they are too full."""
