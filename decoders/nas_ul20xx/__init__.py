"""NAS UL20xx, a street-light node on a Zhaga or NEMA socket."""

from __future__ import annotations
