"""Ends a client of aiokafka, whatever state its broker is in.

A client that cannot say goodbye leaves by its session's end instead. And where the broker is away, aiokafka lets the
cancellation of a task of its own out of `stop`, which would pass for ours and end the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from aiokafka.errors import KafkaError

_PATIENCE_SECONDS: Final = 5.0


async def end(stop: Coroutine[Any, Any, None]) -> None:
    """Wait for a client's `stop()`, for a while.

    Raises:
        CancelledError: only where the caller itself is cancelled.
    """
    try:
        with suppress(TimeoutError, KafkaError, OSError):
            await asyncio.wait_for(stop, timeout=_PATIENCE_SECONDS)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
