"""The simulator publishes all of its plan in order, whatever the broker does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.core.errors import SettingsError
from pipeline.simulator import CityPlan, Fate, Ledger, Planned, events, read_ledger, simulate
from pipeline.simulator.publish import Pace

PLAN = CityPlan(
    duration=timedelta(hours=1),
    bays_koenigstrasse=4,
    bays_koelner_strasse=4,
    disabled_bays=2,
    wells=40,
    containers=5,
    luminaires=40,
    lost_share=0.05,
)
EXPECTED = [(planned.topic, planned.payload) for planned in events(PLAN) if planned.fate is not Fate.LOST]
CONNECT, PUBLISH, PINGREQ, DISCONNECT = 1, 3, 12, 14


class FakeBroker:
    """Speaks as much MQTT 5 as a publisher hears: CONNACK and PUBACK, or what it is told to do instead."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.connections = 0
        self.receive_maximum = 0xFFFF
        self.most_unacknowledged = 0
        self.connect_reason = 0
        self.acknowledge: Callable[[int], int | None] = lambda _number: 0
        """The reason code for the n-th message received, None to leave without a word."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        unacknowledged: list[bytes] = []
        try:
            while True:
                kind, body = await self._packet(reader)
                if kind == CONNECT:
                    maximum = b"\x21" + self.receive_maximum.to_bytes(2, "big")
                    rest = bytes((0, self.connect_reason, len(maximum))) + maximum
                    writer.write(bytes((0x20, len(rest))) + rest)
                elif kind == PUBLISH:
                    length = int.from_bytes(body[:2], "big")
                    mid = body[2 + length : 4 + length]
                    self.received.append((body[2 : 2 + length].decode(), body[5 + length :]))
                    reason = self.acknowledge(len(self.received))
                    if reason is None:
                        return
                    unacknowledged.append(b"\x40\x03" + mid + bytes((reason,)))
                    self.most_unacknowledged = max(self.most_unacknowledged, len(unacknowledged))
                    # what has arrived is answered together, as a busy broker does
                    if not reader._buffer:  # type: ignore[attr-defined]  # asyncio has no public way to ask
                        writer.write(b"".join(unacknowledged))
                        unacknowledged.clear()
                elif kind == PINGREQ:
                    writer.write(b"\xd0\x00")
                elif kind == DISCONNECT:
                    return
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    @staticmethod
    async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind = (await reader.readexactly(1))[0] >> 4
        length = shift = 0
        while True:
            byte = (await reader.readexactly(1))[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return kind, await reader.readexactly(length)


@asynccontextmanager
async def listening(broker: FakeBroker, port: int = 0) -> AsyncIterator[int]:
    server = await asyncio.start_server(broker.serve, "127.0.0.1", port)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def play(
    port: int,
    *,
    ledger_path: Path | None = None,
    stop: asyncio.Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> Ledger:
    return await simulate(
        PLAN,
        host="127.0.0.1",
        port=port,
        ledger_path=ledger_path,
        speed=0.0,
        max_rate=None,
        stop=stop or asyncio.Event(),
        progress=progress,
    )


async def test_everything_is_published_in_order_and_counted(tmp_path: Path) -> None:
    broker = FakeBroker()
    path = tmp_path / "ledger.json"
    told: list[int] = []
    async with listening(broker) as port:
        ledger = await play(port, ledger_path=path, progress=told.append)

    assert broker.received == EXPECTED
    assert ledger == read_ledger(path)
    assert read_ledger(path).complete
    assert read_ledger(path).published + read_ledger(path).ticks == len(EXPECTED)
    assert told[-1] == read_ledger(path).published


async def test_after_a_lost_connection_the_unacknowledged_come_again_in_order(tmp_path: Path) -> None:
    broker = FakeBroker()
    broker.acknowledge = lambda number: None if number in (40, 200, 201) else 0
    path = tmp_path / "ledger.json"
    async with listening(broker) as port:
        await play(port, ledger_path=path)

    ledger = read_ledger(path)
    without_repeats = list(dict.fromkeys(broker.received))
    assert broker.connections == 4
    assert without_repeats == list(dict.fromkeys(EXPECTED))
    assert ledger.published + ledger.ticks == len(EXPECTED)
    assert 0 < len(broker.received) - len(EXPECTED) <= ledger.resent


async def test_no_more_is_under_way_than_the_broker_can_take() -> None:
    broker = FakeBroker()
    broker.receive_maximum = 7
    async with listening(broker) as port:
        await play(port)

    assert broker.received == EXPECTED
    assert 1 <= broker.most_unacknowledged <= 7


async def test_broker_that_comes_late_is_waited_for() -> None:
    broker = FakeBroker()
    async with listening(FakeBroker()) as port:
        pass
    playing = asyncio.create_task(play(port))
    await asyncio.sleep(0)
    async with listening(broker, port):
        await playing

    assert broker.received == EXPECTED


async def test_messages_that_nobody_hears_are_told() -> None:
    broker = FakeBroker()
    broker.acknowledge = lambda _number: 0x10
    async with listening(broker) as port:
        ledger = await play(port)

    assert ledger.unheard == ledger.published > 0


@pytest.mark.parametrize(("connect", "publish"), [(0x87, 0), (0, 0x87)])
async def test_refusal_that_will_not_pass_ends_the_run_with_a_sentence(connect: int, publish: int) -> None:
    broker = FakeBroker()
    broker.connect_reason = connect
    broker.acknowledge = lambda _number: publish
    async with listening(broker) as port:
        with pytest.raises(SettingsError, match=r"refuses .*Not authorized"):
            await play(port)


async def test_refusal_that_passes_is_tried_again() -> None:
    broker = FakeBroker()
    broker.acknowledge = lambda number: 0x97 if number == 100 else 0
    async with listening(broker) as port:
        ledger = await play(port)

    assert list(dict.fromkeys(broker.received)) == list(dict.fromkeys(EXPECTED))
    assert ledger.complete


async def test_stop_ends_the_run_and_the_ledger_holds_what_was_acknowledged(tmp_path: Path) -> None:
    broker, stop, path = FakeBroker(), asyncio.Event(), tmp_path / "ledger.json"

    def acknowledge(number: int) -> int:
        if number == 100:
            stop.set()
        return 0

    broker.acknowledge = acknowledge
    async with listening(broker) as port:
        await play(port, ledger_path=path, stop=stop)

    ledger = read_ledger(path)
    assert not ledger.complete
    assert ledger.published + ledger.ticks == len(broker.received) < len(EXPECTED)
    assert broker.received == EXPECTED[: len(broker.received)]


async def test_stop_without_a_broker_ends_the_run_too() -> None:
    async with listening(FakeBroker()) as port:
        pass
    stop = asyncio.Event()
    stop.set()
    ledger = await play(port, stop=stop)

    assert ledger.published == 0


def message(at_us: int) -> Planned:
    return next(iter(events(PLAN)))._replace(at_us=PLAN.start_us + at_us, topic="t")


def test_at_a_speed_a_message_waits_for_its_time() -> None:
    pace = Pace(PLAN.start_us, speed=60.0, max_rate=None)

    assert pace.wait_seconds(message(0), 1000.0) == 0.0
    assert pace.wait_seconds(message(120_000_000), 1000.5) == pytest.approx(1.5)
    assert pace.wait_seconds(message(121_000_000), 1010.0) == 0.0


def test_at_a_rate_messages_keep_their_distance_and_a_pause_is_hardly_made_up_for() -> None:
    pace = Pace(PLAN.start_us, speed=0.0, max_rate=10.0)
    waits = [pace.wait_seconds(message(number), 0.0) for number in range(3)]
    after = [pace.wait_seconds(message(number), 100.0) for number in range(3)]

    assert waits == pytest.approx([0.1, 0.2, 0.3])
    assert after == pytest.approx([0.0, 0.0, 0.1])
