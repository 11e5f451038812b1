"""SenseCAP S2120, a weather station with eight sensors."""

from __future__ import annotations
