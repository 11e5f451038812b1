"""People are told: the notifier on the real Kafka and TimescaleDB, with a webhook and a mail server as the outside."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import orjson
import pytest

from pipeline.core.channels import Mail, Notify, Webhook
from pipeline.core.clock import now_us
from pipeline.core.deadletter import read_verdict
from pipeline.core.errors import Reason
from pipeline.core.model import Outgoing
from pipeline.core.settings import Settings
from pipeline.core.topics import DEAD_LETTER, alerts
from pipeline.database import ledger
from pipeline.database.connection import connected
from tests.integration.outside import Postbox, Receiver
from tests.integration.servers import (
    Running,
    caught_up,
    eventually,
    log_of,
    positions_of,
    rows_of,
    running,
    send_all,
    spawned,
)
from tests.integration.test_topologies import GEOMETRY, Producer, describe, level
from tests.unit.topologies.material import eui
from tests.unit.topologies.test_notify import event
from topologies.container.topology import STAGE as CONTAINER
from topologies.notify.worker import NAME
from topologies.notify.worker import STAGE as NOTIFY
from topologies.relay.worker import STAGE as RELAY

pytestmark = pytest.mark.integration

TOPIC = alerts("container")
QUICK = {"retry_seconds": 0.05, "retry_most_seconds": 0.2}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook's receiver that answers."""
    async with Receiver().listening() as found:
        yield found


@pytest.fixture
async def postbox() -> AsyncIterator[Postbox]:
    """A mail server."""
    async with Postbox().listening() as found:
        yield found


def telling(
    settings: Settings, receiver: Receiver | None = None, postbox: Postbox | None = None, **more: Any
) -> Settings:
    """The settings with these two as channels `duty` and `waste`."""
    channels: dict[str, Any] = {**QUICK}
    if receiver is not None:
        channels["webhooks"] = {"duty": Webhook.model_validate({"url": receiver.url, "secret": "s3cret"})}
    if postbox is not None:
        channels["mails"] = {"waste": Mail(to=("a@example.org", "b@example.org"))}
        server = {"smtp_host": "127.0.0.1", "smtp_port": postbox.port, "smtp_security": "none"}
        channels |= {"mail_from": "silk@example.org", **server}
    return settings.model_copy(update={"notify": Notify.model_validate({**channels, **more})})


def published(settings: Settings, content: dict[str, Any] | bytes, *, partition: int = 0) -> Outgoing:
    """A record as the relay sends it."""
    value = content if isinstance(content, bytes) else orjson.dumps(content)
    return Outgoing(settings.namespace + TOPIC, partition, now_us() // 1000, b"c1", value)


async def publish(settings: Settings, *contents: dict[str, Any] | bytes) -> None:
    await send_all(settings, [published(settings, content) for content in contents])


@asynccontextmanager
async def notifying(settings: Settings) -> AsyncIterator[Running]:
    """The notifier, past its beginning at the end of what there is."""
    async with running(NOTIFY, settings) as stage:
        await begun(settings)
        yield stage


async def begun(settings: Settings) -> None:
    """Wait until it has read everything, and, the first time, has begun at all."""

    async def done() -> bool:
        positions = await positions_of(settings, NAME)
        begun = bool(positions) and max(positions.values()) >= 0
        return begun and await caught_up(settings, NAME, TOPIC)

    await eventually(done, "the notifier has read everything")


async def untold(settings: Settings) -> int:
    ((count,),) = await rows_of(
        settings, "SELECT count(*) FROM notification WHERE sent_at IS NULL AND given_up_at IS NULL"
    )
    return int(count)


async def all_told(settings: Settings, count: int) -> None:
    """Wait until so many notifications are sent, and none waits."""

    async def done() -> bool:
        return await _sent(settings, count) and not await untold(settings)

    await eventually(done, f"{count} notifications are sent")


async def test_an_alert_is_told_once_by_webhook_and_mail(
    settings: Settings, receiver: Receiver, postbox: Postbox
) -> None:
    device = eui(1)
    told = telling(settings, receiver, postbox)
    await describe(settings, "container", {"c1": ("", device, GEOMETRY)})
    producer = Producer(settings, "container")

    async with notifying(told) as stage, running(CONTAINER, settings), running(RELAY, settings):
        await producer.send(level(device, 1, 1.0), level(device, 2, 0.2), level(device, 3, 1.8))
        await all_told(settings, 4)
        assert stage.count("sent_events", to="notification") == 2

    assert receiver.told == [("c1", "1"), ("c1", "2")]
    (headers, body), *_ = receiver.posts
    assert [orjson.loads(body)] == [orjson.loads(record.value or b"") for record in await log_of(settings, TOPIC)][:1]
    assert headers["X-Silkstream-Signature"] == f"sha256={hmac.new(b's3cret', body, sha256).hexdigest()}"
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert [(to, mail["Subject"]) for to, mail in postbox.mails] == [
        (["a@example.org", "b@example.org"], "Alarm: Container name of c1 ist zu 90 % gefüllt."),
        (["a@example.org", "b@example.org"], "Alarm beendet: Container name of c1 ist zu 90 % gefüllt."),
    ]
    assert "Container name of c1 is 90 % full." in postbox.mails[0][1].get_content()
    assert len({*receiver.keys, *(mail["Message-ID"] for _, mail in postbox.mails)}) == 4


async def test_a_channel_that_is_away_is_tried_again_and_holds_up_nobody_else(
    settings: Settings, receiver: Receiver, postbox: Postbox
) -> None:
    gone = Receiver()
    async with gone.listening():
        pass
    both = telling(settings, gone, postbox)
    async with notifying(both) as stage:
        await publish(settings, *(event(sequence=number, subject=f"c{number}") for number in range(1, 6)))
        await eventually(lambda: _has(len(postbox.mails), 5), "all mails came")
        await eventually(lambda: _has(stage.count("notifications", channel="duty", outcome="failed"), 3), "retries")
        assert await untold(settings) == 5
        async with gone.listening(port=gone.port):
            await all_told(settings, 10)

    assert sorted(gone.told) == [(f"c{number}", str(number)) for number in range(1, 6)]
    assert len(postbox.mails) == 5
    errors = await rows_of(settings, "SELECT DISTINCT last_error FROM notification WHERE channel = 'duty'")
    assert errors == [(None,)]


async def _has(found: float, least: float) -> bool:
    return found >= least


async def test_killed_before_it_is_noted_it_is_told_again_under_the_same_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Receiver()
    async with silent.listening(answers=False):
        told = telling(settings, silent)
        hooks = {"duty": {"url": silent.url}}
        monkeypatch.setenv("SILKSTREAM_NOTIFY_WEBHOOKS", orjson.dumps(hooks).decode())
        async with spawned(NAME, told) as first:
            await begun(settings)
            await publish(settings, event(sequence=1), event("resolved", sequence=2))
            await eventually(lambda: _has(len(silent.posts), 1), "the first has told")
            async with running(NOTIFY, told):
                first.kill()
                await first.wait()
                silent.hold.set()
                await all_told(settings, 2)

    assert silent.told == [("c1", "1"), ("c1", "1"), ("c1", "2")]
    assert silent.keys[0] == silent.keys[1] != silent.keys[2]
    assert silent.posts[0][1] == silent.posts[1][1]


async def test_repeats_and_older_sequences_tell_nobody(settings: Settings, receiver: Receiver) -> None:
    told = telling(settings, receiver)
    first, second = event(sequence=1), event("resolved", sequence=2)
    async with notifying(told) as stage:
        await publish(settings, first, second, first, second)
        await begun(settings)
        await publish(settings, first, event(sequence=3))
        await all_told(settings, 3)
        assert stage.discarded() == {"repeated": 3}
    async with connected(settings, "test") as connection:
        await ledger.reset(connection, NAME, None)
    async with notifying(told) as stage:
        assert stage.discarded() == {"repeated": 6}

    assert receiver.told == [("c1", "1"), ("c1", "2"), ("c1", "3")]


async def test_the_first_notifier_tells_of_what_comes_and_not_of_what_was(
    settings: Settings, receiver: Receiver
) -> None:
    told = telling(settings, receiver)
    await publish(settings, event(sequence=1))
    async with notifying(told):
        pass
    await publish(settings, event("resolved", sequence=2))
    async with notifying(told):
        await all_told(settings, 1)

    assert receiver.told == [("c1", "2")]


async def test_what_is_no_event_becomes_a_dead_letter_and_nothing_behind_it_waits(
    settings: Settings, receiver: Receiver
) -> None:
    async with notifying(telling(settings, receiver)) as stage:
        await publish(settings, event(sequence=1), b"\xff{", event(sequence=2))
        await all_told(settings, 2)
        assert stage.discarded() == {Reason.RECORD_UNREADABLE: 1}

    (letter,) = await log_of(settings, DEAD_LETTER)
    verdict = read_verdict(letter)
    assert (letter.value, verdict.reason, verdict.stage) == (b"\xff{", Reason.RECORD_UNREADABLE, NAME)


async def test_a_row_that_the_database_refuses_is_found_and_the_others_stay(
    settings: Settings, receiver: Receiver
) -> None:
    async with connected(settings, "test") as connection:
        await connection.execute("ALTER TABLE notification ADD CONSTRAINT t CHECK (sequence <> 2)")
        await connection.commit()
    async with notifying(telling(settings, receiver)) as stage:
        await publish(settings, *(event(sequence=number) for number in (1, 2, 3)))
        await all_told(settings, 2)
        assert stage.discarded() == {Reason.ROW_REFUSED: 1}

    assert receiver.told == [("c1", "1"), ("c1", "3")]
    assert len(await log_of(settings, DEAD_LETTER)) == 1


async def test_of_one_subject_the_end_is_not_told_before_the_beginning(settings: Settings, receiver: Receiver) -> None:
    receiver.statuses = [500, 503, 429]
    async with notifying(telling(settings, receiver)):
        await publish(settings, event(sequence=1), event("resolved", sequence=2))
        await all_told(settings, 2)

    assert receiver.told == [*[("c1", "1")] * 4, ("c1", "2")]
    assert len(set(receiver.keys)) == 2
    assert await rows_of(settings, "SELECT attempts FROM notification ORDER BY sequence") == [(4,), (1,)]


async def test_a_message_that_the_other_side_chokes_on_does_not_keep_the_others_from_it(
    settings: Settings, receiver: Receiver
) -> None:
    receiver.chokes_on = '"subject":"bad"'
    async with notifying(telling(settings, receiver, retry_most_seconds=60)) as stage:
        await publish(settings, event(subject="bad"))
        await eventually(lambda: _has(stage.count("notifications", channel="duty", outcome="failed"), 4), "it chokes")
        await publish(settings, *(event(subject=f"c{number}") for number in range(9)))
        await eventually(lambda: _sent(settings, 9), "all the others are told")
        assert await untold(settings) == 1
        receiver.chokes_on = ""
        await all_told(settings, 10)


async def _sent(settings: Settings, least: int) -> bool:
    ((count,),) = await rows_of(settings, "SELECT count(*) FROM notification WHERE sent_at IS NOT NULL")
    return bool(count >= least)


async def test_what_is_refused_for_too_long_is_given_up_counted_and_shown(
    settings: Settings, receiver: Receiver
) -> None:
    receiver.statuses = [404] * 3
    async with notifying(telling(settings, receiver, attempts=3)) as stage:
        await publish(settings, event(sequence=1), event("resolved", sequence=2))
        await all_told(settings, 1)
        assert stage.count("notifications", channel="duty", outcome="given_up") == 1

    rows = await rows_of(
        settings, "SELECT sequence, attempts, last_error, given_up_at IS NULL FROM notification ORDER BY 1"
    )
    assert rows == [(1, 3, "HTTP 404", False), (2, 1, None, True)]


async def test_what_has_waited_too_long_is_given_up_also_where_its_channel_is_gone(
    settings: Settings, receiver: Receiver, postbox: Postbox
) -> None:
    gone = Receiver()
    async with gone.listening():
        pass
    async with notifying(telling(settings, gone)):
        await publish(settings, event(sequence=1))
        await eventually(lambda: untold(settings), "it waits")
    async with connected(settings, "test") as connection:
        await connection.execute("UPDATE notification SET stored_at = now() - interval '73 hours'")
        await connection.commit()

    async with notifying(telling(settings, None, postbox)) as stage:
        await eventually(lambda: _nothing_waits(settings), "it is given up")
        assert stage.count("notifications", channel="duty", outcome="given_up") == 1


async def _nothing_waits(settings: Settings) -> bool:
    return not await untold(settings)


async def test_a_mailbox_that_is_unknown_costs_the_other_nothing(settings: Settings, postbox: Postbox) -> None:
    postbox.refused = {"b@example.org"}
    async with notifying(telling(settings, None, postbox)):
        await publish(settings, event(sequence=1))
        await all_told(settings, 1)

    assert [to for to, _ in postbox.mails] == [["a@example.org"]]
    assert await rows_of(settings, "SELECT last_error FROM notification") == [("1 of 2 addresses were refused",)]


async def test_each_channel_hears_of_what_passes_its_filters(
    settings: Settings, receiver: Receiver, postbox: Postbox
) -> None:
    told = telling(settings, receiver, postbox)
    hook = told.notify.webhooks["duty"].model_copy(update={"severities": ("critical",)})
    told = told.model_copy(update={"notify": told.notify.model_copy(update={"webhooks": {"duty": hook}})})
    async with notifying(told):
        await publish(settings, event(sequence=1), event(sequence=2, severity="critical"))
        await all_told(settings, 3)

    assert receiver.told == [("c1", "2")]
    assert len(postbox.mails) == 2


async def test_a_database_that_cuts_every_connection_is_met_again(settings: Settings, receiver: Receiver) -> None:
    async with notifying(telling(settings, receiver)) as stage:
        await publish(settings, event(sequence=1))
        await all_told(settings, 1)
        await rows_of(
            settings,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'silkstream-notify%%'",
        )
        await publish(settings, event(sequence=2))
        await all_told(settings, 2)
        assert stage.count("errors", error_type="Transient") >= 1
        assert stage.count("notifications", channel="duty", outcome="sent") == 2

    assert receiver.told == [("c1", "1"), ("c1", "2")]


async def test_no_secret_is_logged(settings: Settings, capfd: pytest.CaptureFixture[str], receiver: Receiver) -> None:
    receiver.statuses = [500]
    async with notifying(telling(settings, receiver)):
        await publish(settings, event(sequence=1))
        await all_told(settings, 1)

    said = "".join(capfd.readouterr())
    assert "nobody is told for now" in said
    assert "t0ken" not in said
    assert "s3cret" not in said
