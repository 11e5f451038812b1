"""What several tests of the simulator need."""

from __future__ import annotations

import gc
import tracemalloc
from collections import deque
from collections.abc import Callable

import pytest

from pipeline.simulator import CityPlan, events


@pytest.fixture
def measured_peak() -> Callable[[CityPlan], int]:
    """Plays a plan to its end and tells the most memory (bytes) that it held on the way."""

    def peak(plan: CityPlan) -> int:
        gc.collect()
        tracemalloc.start()
        try:
            deque(events(plan), maxlen=0)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return peak
