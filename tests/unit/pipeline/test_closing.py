"""A client is ended whatever its broker does, and only who is cancelled is cancelled."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from pipeline.kafka import closing
from pipeline.kafka.closing import end


@pytest.mark.parametrize("fault", [asyncio.CancelledError(), KafkaConnectionError(), OSError("gone"), TimeoutError()])
async def test_what_a_client_says_at_its_end_ends_nobody_else(fault: BaseException) -> None:
    async def stop() -> None:
        raise fault

    await end(stop())


async def test_a_client_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "_PATIENCE_SECONDS", 0.01)

    await end(asyncio.Event().wait())  # type: ignore[arg-type]  # what it returns does not matter


async def test_whoever_is_cancelled_meanwhile_is_cancelled() -> None:
    begun = asyncio.Event()

    async def stop() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(end(stop()))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_bug_is_no_goodbye() -> None:
    async def stop() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await end(stop())
