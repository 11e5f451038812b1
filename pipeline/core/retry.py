"""How long to wait before the next try."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator


def backoff(*, first_seconds: float = 0.2, most_seconds: float = 5.0) -> Iterator[float]:
    """Doubling pauses with jitter, so that workers that failed together do not return together."""
    pause = first_seconds
    while True:
        yield pause * random.uniform(0.75, 1.25)  # noqa: S311  # jitter, not a secret
        pause = min(pause * 2, most_seconds)


async def sleep_unless(stop: asyncio.Event, seconds: float) -> bool:
    """Wait; True as soon as `stop` is set."""
    # Not `wait_for`: on Python 3.11 it swallows a cancellation that comes together with the event.
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
