"""NAS UL2030, a street-light node on a Zhaga socket, with its early firmware."""

from __future__ import annotations
