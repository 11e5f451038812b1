"""The slopes between all pairs of points, whose median is a robust rate.

The estimator of Theil and Sen (P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63,
1968): more than a quarter of the points have to be wrong before it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from pipeline.core.clock import DAY_US


def slopes_per_day(times_us: Sequence[int], values: Sequence[float]) -> list[float]:
    """In order of their size; times have to differ."""
    points = zip(times_us, values, strict=True)
    return sorted((v2 - v1) / (t2 - t1) * DAY_US for (t1, v1), (t2, v2) in combinations(points, 2))
