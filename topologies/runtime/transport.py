"""Faust's aiokafka transport, changed in a few places; the only file that leans on Faust's inside.

What Faust costs, it costs per event, so one event is here a whole fetch of one partition. And where Faust would go on
from its own committed offsets, which its faults can move past work that was not done, positions come from the ledger.

It leans on these, and tests/unit/topologies/test_transport.py fails when a new Faust changes one of them:

* `Consumer.getmany` asks `_getmany` for {partition: [records]} and ends when that is None;
* `_to_message` builds a message from the attributes of one record and hands `value` on untouched;
* `perform_seek` runs after every assignment, before the flow is resumed;
* `_new_consumer_thread` makes the thread, whose `_create_worker_consumer` makes aiokafka's consumer (its wait for a
  fetch cannot be set from outside) and whose `on_thread_stop` stops it;
* `on_partitions_revoked` is awaited before the group is joined again;
* a schema's `loads_key` and `loads_value` are given the message and turn it into the event's key and value.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol

import faust
from faust.transport.drivers import aiokafka as driver

from pipeline.core.model import Partition, Record

FETCH_WAIT_MS: Final = 50
"""How long a fetch may wait at the broker for what is not there yet."""


class Fetched(NamedTuple):
    """What one fetch brought of one partition, in offset order, never empty."""

    partition: Partition
    records: Sequence[Record]
    turn: int
    """The assignment it was fetched under; what is left from an earlier one has to be thrown away."""


class Positions(Protocol):
    """Who knows where to read on."""

    async def take(self, partitions: Collection[Partition], turn: int) -> Mapping[Partition, int]:
        """Become the owner of exactly these partitions and say from which offset each is read."""
        ...

    async def release(self) -> None:
        """Finish the batch in hand; from here to the next `take` nothing is ours."""
        ...


class LedgerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # faust is not type-checked here
    """Faust's thread for the consumer."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust says 1500 ms, and so long would a partition at its end let all others of its broker wait.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001  # there is no setting for it
        return consumer

    async def on_thread_stop(self) -> None:
        """End; without a broker aiokafka's own fetches end it by a cancellation that is not meant for the thread."""
        try:
            await super().on_thread_stop()
        except asyncio.CancelledError:
            return


class LedgerConsumer(driver.Consumer):  # type: ignore[misc]  # faust is not type-checked here
    """One event per fetched partition; positions from the ledger."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn = 0
        self._sought_generation: int | None = None
        self._seeking = asyncio.Lock()

    def _new_consumer_thread(self) -> LedgerThread:
        return LedgerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109  # Faust's signature
        turn = self._turn
        fetched = await super()._getmany(active_partitions, timeout)
        if turn != self._turn or not self.flow_active:
            # A rebalance came in between. None ends this round without a seek of Faust's own.
            return None
        return {
            tp: [replace(records[-1], key=None, value=Fetched(Partition(tp.topic, tp.partition), records, turn))]
            for tp, records in fetched.items()
            if records
        }

    async def perform_seek(self) -> None:
        """Seek to where the ledger is, once for each generation of the group."""
        async with self._seeking:
            generation = self.app.consumer_generation_id
            if generation == self._sought_generation:
                return
            await super().perform_seek()
            self._turn += 1
            mine = {Partition(tp.topic, tp.partition): tp for tp in self.assignment()}
            starts = await self.app.positions.take(mine, self._turn)
            await self.seek_wait({mine[partition]: start for partition, start in starts.items()})
            self._sought_generation = generation

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Let the batch in hand be committed before somebody else gets its partition."""
        await super().on_partitions_revoked(revoked)
        await self.app.positions.release()


class LedgerTransport(driver.Transport):  # type: ignore[misc]  # faust is not type-checked here
    """aiokafka with the consumer above."""

    Consumer = LedgerConsumer


class Untouched(faust.Schema):  # type: ignore[misc]  # faust is not type-checked here
    """Hands key and value through as they are."""

    def loads_key(self, app: Any, message: Any, **_options: Any) -> Any:
        """The key as it is."""
        del app
        return message.key

    def loads_value(self, app: Any, message: Any, **_options: Any) -> Any:
        """The value as it is: a `Fetched`."""
        del app
        return message.value
