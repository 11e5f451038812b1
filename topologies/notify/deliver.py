"""One loop for each channel: what is due is told, and what cannot be told now waits without holding up another.

A notification that failed gets a pause of its own, and its channel a short one; then the next is tried. So a dead
channel is asked now and then and costs nobody else anything, and a single message that the other side chokes on does
not keep the others from it. Only what is said of the same subject keeps its order.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge

from pipeline.core.channels import Notify
from pipeline.core.logs import logger
from pipeline.core.retry import backoff, sleep_unless
from pipeline.core.stage import Context
from pipeline.database.connection import Connection
from pipeline.database.queries import load_queries
from topologies.notify.send import Due, Sender, Undelivered

QUERIES: Final = load_queries("topologies.notify")
_LOOK_SECONDS: Final = 0.5
_LOOK_NOTIFICATIONS: Final = 50
_CHANNEL_PAUSE_SECONDS: Final = 30.0
_KEEP_SECONDS: Final = 5.0
_CLEAN_ROWS: Final = 1000
_log = logger("notify")


class Outcomes:
    """What became of notifications, for /metrics."""

    def __init__(self, registry: CollectorRegistry, stage: str) -> None:
        self._stage = stage
        labels = ("stage", "channel")
        self._counter = Counter(
            "silkstream_notifications", "Attempts to tell, by outcome.", (*labels, "outcome"), registry=registry
        )
        self._waiting = Gauge(
            "silkstream_notifications_waiting", "Notifications not told yet.", labels, registry=registry
        )
        self._known: set[str] = set()

    def add(self, channel: str, outcome: str) -> None:
        """Count `sent`, `failed` or `given_up`."""
        self._counter.labels(self._stage, channel, outcome).inc()

    def set_waiting(self, counts: dict[str, int]) -> None:
        """Set what waits; a channel that is not named has nothing waiting."""
        self._known |= counts.keys()
        for channel in self._known:
            self._waiting.labels(self._stage, channel).set(counts.get(channel, 0))


_outcomes: WeakKeyDictionary[CollectorRegistry, Outcomes] = WeakKeyDictionary()


def outcomes_on(registry: CollectorRegistry, stage: str) -> Outcomes:
    """The counts of a process: a stage that is opened again goes on counting."""
    if registry not in _outcomes:
        _outcomes[registry] = Outcomes(registry, stage)
    return _outcomes[registry]


async def deliver(sender: Sender, connection: Connection, context: Context, outcomes: Outcomes) -> None:
    """Tell what is due by one channel, until `context.stop`."""
    notify = context.settings.notify
    pauses = None
    while not context.stop.is_set():
        cursor = await connection.execute(QUERIES["read_due"], {"channel": sender.name, "most": _LOOK_NOTIFICATIONS})
        due = [Due(*row) for row in await cursor.fetchall()]
        pause = 0.0 if due else _LOOK_SECONDS
        for each in due:
            if context.stop.is_set():
                return
            error = await attempt(sender, each, connection, notify, outcomes)
            if error is not None:
                if pauses is None:
                    _log.warning("nobody is told for now", channel=sender.name, error=error)
                    first = min(notify.retry_seconds, _CHANNEL_PAUSE_SECONDS)
                    pauses = backoff(first_seconds=first, most_seconds=_CHANNEL_PAUSE_SECONDS)
                pause = next(pauses)
                break
            if pauses is not None:
                _log.info("people are told again", channel=sender.name)
                pauses = None
        await sleep_unless(context.stop, pause)


async def attempt(sender: Sender, due: Due, connection: Connection, notify: Notify, outcomes: Outcomes) -> str | None:
    """Try to tell, and write down what became of it at once; returns why nobody was told, or None.

    Killed between the two, it is told again, under the same key.
    """
    try:
        remark = await sender.send(due)
    except Undelivered as why:
        error = str(why)
    except Exception as bug:  # noqa: BLE001  # one notification that cannot be put into words must not hold up the others
        _log.error("notification", channel=sender.name, notification=str(due.id), exc_info=bug)
        error = type(bug).__name__
    else:
        await connection.execute(QUERIES["mark_sent"], {"id": due.id, "remark": remark})
        if remark is not None:
            _log.warning("not all were told", channel=sender.name, notification=str(due.id), remark=remark)
        outcomes.add(sender.name, "sent")
        return None
    await connection.execute(
        QUERIES["mark_failed"],
        {
            "id": due.id,
            "error": error,
            "first_seconds": notify.retry_seconds,
            "most_seconds": notify.retry_most_seconds,
        },
    )
    outcomes.add(sender.name, "failed")
    if due.attempts + 1 >= notify.attempts:
        await give_up(connection, notify, outcomes)
    return error


async def keep_house(connection: Connection, context: Context, outcomes: Outcomes) -> None:
    """Give up what has waited too long, show what waits, and delete what is old; until `context.stop`."""
    while not context.stop.is_set():
        await give_up(connection, context.settings.notify, outcomes)
        cursor = await connection.execute(QUERIES["count_waiting"])
        outcomes.set_waiting(dict(await cursor.fetchall()))
        cursor = await connection.execute(QUERIES["delete_done"], {"most": _CLEAN_ROWS})
        await sleep_unless(context.stop, _KEEP_SECONDS if cursor.rowcount < _CLEAN_ROWS else 0)


async def give_up(connection: Connection, notify: Notify, outcomes: Outcomes) -> int:
    """Give up what has waited too long or was tried too often, and say so; returns how many."""
    cursor = await connection.execute(QUERIES["give_up"], {"attempts": notify.attempts, "hours": notify.give_up_hours})
    rows = await cursor.fetchall()
    for channel, alert, subject, change, attempts, error in rows:
        outcomes.add(channel, "given_up")
        _log.error(
            "given up: nobody was told",
            channel=channel,
            alert=str(alert),
            subject=subject,
            change=change,
            attempts=attempts,
            error=error,
        )
    return len(rows)
