"""PNI PlacePod, a parking sensor."""

from __future__ import annotations
